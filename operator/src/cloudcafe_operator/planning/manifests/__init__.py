"""Builders of Kubernetes objects: pure, one file per owner."""
