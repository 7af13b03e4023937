"""All faults, found by walking this package: a new file is a new fault, there is no list to edit.

Read by `main.py`, by `generate.py` for the CRDs and the catalogue, and by tests.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import cloudcafe_operator.faults as package
from cloudcafe_operator.faults.contract import Fault, FaultSpec


@cache
def faults() -> Mapping[str, Fault[Any]]:
    """Return one instance of every fault by its name in an experiment, sorted."""
    found: dict[str, Fault[Any]] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, Fault) and kind.__module__ == module.name != Fault.__module__:
                found[kind.name] = kind()
    return MappingProxyType(dict(sorted(found.items())))


def specs() -> dict[str, type[FaultSpec]]:
    """Return what a user writes under each fault's name."""
    return {name: fault.spec_type for name, fault in faults().items()}
