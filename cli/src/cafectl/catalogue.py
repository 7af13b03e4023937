"""What `make generate` writes for cafectl of the operator's code: faults, reasons, and versions.

Read by `explain`, and by all that asks the API server for our kinds. Pure but for its own file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def catalogue() -> Mapping[str, Any]:
    """Return faults by name, reasons of the checklist and of stores, and our kinds' versions."""
    text = files("cafectl").joinpath("catalogue.json").read_text("utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def versions(plural: str) -> Sequence[str]:
    """Return the versions in which the API server serves a kind; the first is the stored one."""
    found: Sequence[str] = catalogue()["versions"][plural]
    return found


def version(plural: str) -> str:
    """Return the version in which we read and write a kind."""
    return versions(plural)[0]
