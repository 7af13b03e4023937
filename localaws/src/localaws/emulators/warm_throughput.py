"""DynamoDB's warm throughput, which ministack accepts and forgets.

`ministack_additions.install` calls `install`. A table begins as warm as its capacity (on demand:
12,000 reads and 4,000 writes a second, as AWS says), can be warmed further and never cooled down.
"""

# ruff: noqa: SLF001 - its tables are where gaps are closed

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services import dynamodb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Part = dict[str, Any]
    Update = Callable[[dict[str, Any]], tuple[Any, ...]]
    Describe = Callable[..., dict[str, Any]]

ON_DEMAND = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}
CAPACITY = {
    "ReadUnitsPerSecond": "ReadCapacityUnits",
    "WriteUnitsPerSecond": "WriteCapacityUnits",
}
BAD_REQUEST = 400
OK = 200


def install() -> None:
    """Hook in; calling it twice changes nothing."""
    if getattr(dynamodb._update_table, "warms", False):
        return
    dynamodb._update_table = _warming(dynamodb._update_table)
    dynamodb._table_description = _showing(dynamodb._table_description)


def _warming(update: Update) -> Update:
    def warm(data: dict[str, Any]) -> tuple[Any, ...]:
        table = dynamodb._tables.get(dynamodb._normalize_table_name(data.get("TableName")))
        asked = [] if table is None else list(_asked(table, data))
        for part, units in asked:
            has = warmth(table, part)
            for name in units:
                if units[name] < has[name]:
                    refused: tuple[Any, ...] = dynamodb.error_response_json(
                        "ValidationException",
                        f"One or more parameter values were invalid: {name} of WarmThroughput "
                        f"cannot be decreased from {has[name]} to {units[name]}",
                        BAD_REQUEST,
                    )
                    return refused
        before = [(part, part.get("WarmThroughput")) for part, _ in asked]
        for part, units in asked:  # beforehand: the answer shows it
            part["WarmThroughput"] = {**warmth(table, part), **units, "Status": "ACTIVE"}
        answer = update(data)
        if answer[0] != OK:
            for part, was in before:
                part["WarmThroughput"] = was or {}
        return answer

    warm.warms = True  # type: ignore[attr-defined]
    return warm


def _asked(table: Part, data: dict[str, Any]) -> Iterator[tuple[Part, dict[str, int]]]:
    """The table and its indexes, each with the warmth that is asked for."""
    if data.get("WarmThroughput"):
        yield table, data["WarmThroughput"]
    indexes = {one["IndexName"]: one for one in table.get("GlobalSecondaryIndexes") or ()}
    for update in data.get("GlobalSecondaryIndexUpdates") or ():
        asked = update.get("Update") or {}
        if asked.get("WarmThroughput") and asked.get("IndexName") in indexes:
            yield indexes[asked["IndexName"]], asked["WarmThroughput"]


def _showing(describe: Describe) -> Describe:
    def shown(*arguments: Any, **more: Any) -> dict[str, Any]:
        found = describe(*arguments, **more)
        table = dynamodb._tables.get(found["TableName"])
        if table is not None:
            found["WarmThroughput"] = warmth(table, table) | {"Status": "ACTIVE"}
            if table.get("GlobalSecondaryIndexes"):
                found["GlobalSecondaryIndexes"] = [
                    index | {"WarmThroughput": warmth(table, index) | {"Status": "ACTIVE"}}
                    for index in table["GlobalSecondaryIndexes"]
                ]
        return found

    return shown


def warmth(table: Part, part: Part) -> dict[str, int]:
    """Reads and writes a second that a table, or an index of it, bears at once."""
    known = part.get("WarmThroughput") or {}
    mode = (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED")
    units = part.get("ProvisionedThroughput") or {}
    bare = ON_DEMAND
    if mode == "PROVISIONED":
        bare = {name: int(units.get(member, 0)) for name, member in CAPACITY.items()}
    return {name: max(bare[name], int(known.get(name, 0))) for name in CAPACITY}
