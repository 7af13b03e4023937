"""Charges orders, once each; see the package's modules."""
