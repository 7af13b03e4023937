"""DynamoDB's calls as the throttle sees them: which tables, which direction, how many units. Pure.

Everything here takes what a client sent, so nothing may raise on nonsense: what cannot be read
costs the minimum, and the emulator says what is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localaws.capacity import read_units, write_units
from localaws.tables import Direction, TableKey

if TYPE_CHECKING:
    from localaws.messages import Request

TRANSACTION_FACTOR = 2
"""A transactional read or write consumes twice the units of a plain one."""


@dataclass(frozen=True, slots=True)
class Part:
    """One item of a call on several; `index` is its place among those of its table."""

    table: str
    direction: Direction
    units: float
    index: int


def table_key(request: Request, name: object) -> TableKey:
    """The table that a request names, by name or by ARN."""
    text = name if isinstance(name, str) else ""
    return TableKey(request.account, request.region, text.rpartition("/")[2])


def item_write_units(item: object) -> float:
    """Units to write `item`; 1 where there is none, or none that can be read as an item."""
    if not isinstance(item, dict):
        return 1.0
    try:
        return write_units(item)
    except (AttributeError, TypeError, ValueError):
        return 1.0


def parts_of(action: str, data: dict[str, Any]) -> list[Part]:
    """The items of a batch or transaction; empty for other calls and for what has no form."""
    reader = {
        "BatchWriteItem": _batch_writes,
        "BatchGetItem": _batch_reads,
        "TransactWriteItems": _transact_writes,
        "TransactGetItems": _transact_reads,
    }.get(action)
    if reader is None:
        return []
    try:
        return reader(data)
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def without(data: dict[str, Any], parts: list[Part]) -> dict[str, Any]:
    """The batch without these parts; tables that have none left are not named."""
    gone = {(part.table, part.index) for part in parts}
    left: dict[str, Any] = {}
    for table, asked in data["RequestItems"].items():
        entries = asked["Keys"] if isinstance(asked, dict) else asked
        kept = [entry for index, entry in enumerate(entries) if (table, index) not in gone]
        if kept:
            left[table] = {**asked, "Keys": kept} if isinstance(asked, dict) else kept
    return {**data, "RequestItems": left}


def _batch_writes(data: dict[str, Any]) -> list[Part]:
    return [
        Part(table, Direction.WRITE, item_write_units(entry.get("PutRequest", {}).get("Item")), i)
        for table, entries in data["RequestItems"].items()
        for i, entry in enumerate(entries)
    ]


def _batch_reads(data: dict[str, Any]) -> list[Part]:
    return [
        Part(
            table,
            Direction.READ,
            read_units(0, consistent=asked.get("ConsistentRead") is True),
            index,
        )
        for table, asked in data["RequestItems"].items()
        for index in range(len(asked["Keys"]))
    ]


def _transact_writes(data: dict[str, Any]) -> list[Part]:
    parts = []
    for index, entry in enumerate(data["TransactItems"]):
        (operation,) = entry.values()
        units = TRANSACTION_FACTOR * item_write_units(operation.get("Item"))
        parts.append(Part(operation["TableName"], Direction.WRITE, units, index))
    return parts


def _transact_reads(data: dict[str, Any]) -> list[Part]:
    units = TRANSACTION_FACTOR * read_units(0, consistent=True)
    return [
        Part(entry["Get"]["TableName"], Direction.READ, units, index)
        for index, entry in enumerate(data["TransactItems"])
    ]
