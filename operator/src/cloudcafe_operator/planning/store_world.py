"""What a store consists of: as wanted and as observed. Pure data.

`store_wanted.py` makes the first, `effects/observe_store.py` the second, `store.py` compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.planning.store_parts import Lives, PartArea, Thing

Json = Mapping[str, Any]
OWNER_TAG = "cloudcafe.dev/owner"
CLUSTER_TAG = "cloudcafe.dev/cluster"
CHAOS_TAG = "cloudcafe.dev/chaos"
PART_OF_TAG = "cloudcafe.dev/part-of"
SECRET_VERSION = "cloudcafe.dev/secret-version"  # noqa: S105 - an annotation's name


@dataclass(frozen=True, slots=True)
class Identity:
    """Which store; `word` is its owner's, said by an annotation, to an adoption."""

    namespace: str
    name: str
    uid: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """Where the cafe's services are, and where we are."""

    order_url: str
    menu_url: str
    inventory_url: str
    region: str
    cluster: str  # the uid of ours: others may share the account


@dataclass(frozen=True, slots=True)
class Trouble:
    """A part of the world that could not be read or changed, and why."""

    error: OperatorError

    @property
    def reason(self) -> str:
        """The reason as conditions carry it."""
        return self.error.reason

    @property
    def message(self) -> str:
        """What happened and what to do."""
        return str(self.error)


@dataclass(frozen=True, slots=True)
class WantedQueue:
    """A queue as it must be. The redrive policy is added when the other's ARN is known."""

    name: str
    attributes: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the owner lets the operator do; `word` is what was said to an adoption."""

    management: str = "Manage"
    drift_policy: str = "Report"
    by_kind: Mapping[str, str] = field(default_factory=dict)
    word: str = ""

    def policy(self, kind: str) -> str:
        """Return the drift policy of a kind of resource."""
        return self.by_kind.get(kind, self.drift_policy)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that must exist for a store."""

    identity: Identity
    store_id: str
    platform: Platform
    queue: WantedQueue
    dead_letters: WantedQueue
    secret: str
    tags: Mapping[str, str]
    store: Json  # body for the order service, without the till key's digest
    menu: Json
    stock: Json
    extras: Mapping[PartArea, tuple[Thing, ...]]
    terms: Terms = Terms()
    adopting: bool = False  # what has no owner becomes this store's


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it is."""

    url: str
    arn: str
    attributes: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AwsSecret:
    """A secret as it is; `value` only where it was needed."""

    arn: str
    tags: Mapping[str, str]
    version: str
    deleting: bool = False
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that exists for a store; None is missing."""

    queue: Queue | Trouble | None = None
    dead_letters: Queue | Trouble | None = None
    secret: AwsSecret | Trouble | None = None
    till: Json | Trouble | None = field(default=None, repr=False)
    config: Json | Trouble | None = None
    store: Json | Trouble | None = None
    menu: Json | Trouble | None = None
    stock: Json | Trouble | None = None
    alarms: Lives | Trouble | None = None
    dashboard: Lives | Trouble | None = None
    table: Lives | Trouble | None = None
