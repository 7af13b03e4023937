"""The bare control plane for integration tests, benchmarks and `make crash`."""

from __future__ import annotations

from dev.controlplane.plane import ControlPlane

__all__ = ["ControlPlane"]
