"""One call that makes a resource of the cafe, and the tags that all of them carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TAGS = {"cloudcafe.dev/chaos": "allowed", "cloudcafe.dev/part-of": "cloudcafe"}
RUSH_TAG = "cloudcafe.dev/rush"  # it follows the rush plan; the value is the least it may have
TAG_LIST = [{"Key": key, "Value": value} for key, value in TAGS.items()]


@dataclass(frozen=True)
class Seed:
    """One call; `present` is the error code that says it was made before.

    `target` is the operation, or method and path where the service is a REST one.
    A call that `completes` the one before is left out where that one found its resource present:
    what somebody has changed since stays changed.
    """

    service: str
    target: str
    parameters: dict[str, Any]
    present: str = ""
    completes: bool = False
