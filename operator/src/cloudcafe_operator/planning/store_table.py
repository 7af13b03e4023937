"""A flagship's own DynamoDB table: the list of its orders. Pure.

The order service writes there what it writes for customers, by store instead of by customer, once
the registration names the table; tills read it at `GET /stores/{id}/orders`. A busy store's list
has its own partitions and its own bill, and can be throttled by an experiment without hurting
anybody else's. A store that is no longer a flagship keeps its table with what is in it; nothing is
written there any more. Deleting the table leaves the backup that point-in-time recovery makes.
"""

from __future__ import annotations

from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_cost import Line
from cloudcafe_operator.planning.store_parts import Part, Tags, Thing
from cloudcafe_operator.planning.store_world import Identity, Platform
from cloudcafe_operator.resources.store import CafeStoreSpec

PREFIX = "cloudcafe-store-"
PROTECTED, RECOVERABLE = "DeletionProtectionEnabled", "PointInTimeRecoveryEnabled"


def table_name(identity: Identity) -> str:
    """Return the name of a store's own table."""
    return naming.table(identity.namespace, identity.name)


def every_name(identity: Identity) -> tuple[str, ...]:
    """Return the one table that a store may have."""
    return (table_name(identity),)


def has_table(spec: CafeStoreSpec) -> bool:
    """Whether the store has its own table now."""
    return spec.tier == "flagship"


def wanted(
    spec: CafeStoreSpec, identity: Identity, _platform: Platform, tags: Tags
) -> tuple[Thing, ...]:
    """Return the table of a flagship."""
    if not has_table(spec):
        return ()
    return (Thing(table_name(identity), {PROTECTED: True, RECOVERABLE: True}, tags),)


def cost(spec: CafeStoreSpec) -> tuple[Line, ...]:
    """Return the line of a table: on demand it costs nothing for being there."""
    return (Line("DynamoDB table", "table", 1),) if has_table(spec) else ()


TABLE = Part(
    "table",
    "DynamoDBTable",
    wanted,
    every_name,
    cost,
    kept=True,
    finished_by=frozenset({RECOVERABLE}),
)
