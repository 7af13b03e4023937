"""What can be done for a store, one class per kind of write. Pure data.

`store.py` decides which, `effects/execute_store.py` does them. Each is safe to repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cloudcafe_operator.planning.store_parts import ChangePart, PartArea

Area = (
    Literal["queue", "dead_letters", "secret", "till", "config", "store", "menu", "stock"]
    | PartArea
)  # the names of Observed's fields
DATA_TIER: tuple[Area, ...] = ("dead_letters", "queue", "secret", "table", "till", "config")
WATCH: tuple[Area, ...] = ("alarms", "dashboard")  # no coffee waits for them
CAFE: tuple[Area, ...] = ("store", "menu", "stock")


@dataclass(frozen=True, slots=True)
class CreateQueue:
    """Create a queue with its attributes and tags in one call, or find it as it is."""

    area: Area
    name: str
    attributes: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SetQueueAttributes:
    """Correct settings of a queue that is ours."""

    area: Area
    url: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TagQueue:
    """Put the tags that we want on a queue that is ours, and take the others of ours off."""

    area: Area
    url: str
    tags: Mapping[str, str]
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateSecret:
    """Create the till key's secret; a value is made up unless one exists already."""

    area: Area
    name: str
    token: str  # the client token: the same for the same store
    tags: Mapping[str, str]
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RestoreSecret:
    """Take back the planned deletion of a secret that is ours."""

    area: Area
    name: str


@dataclass(frozen=True, slots=True)
class TagSecret:
    """As TagQueue."""

    area: Area
    name: str
    tags: Mapping[str, str]
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyManifest:
    """Server-side apply one Kubernetes object."""

    area: Area
    manifest: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PutCafe:
    """PUT to one of the cafe's services."""

    area: Area
    body: Mapping[str, Any] = field(repr=False)


Step = (
    CreateQueue
    | SetQueueAttributes
    | TagQueue
    | CreateSecret
    | RestoreSecret
    | TagSecret
    | ApplyManifest
    | PutCafe
    | ChangePart
)
