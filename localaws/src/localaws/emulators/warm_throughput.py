"""DynamoDB's warm throughput, which ministack accepts and forgets.

`ministack_additions.install` calls `install`. A table begins as warm as its capacity (on demand:
12,000 reads and 4,000 writes a second, as AWS says), can be warmed further and never cooled down.
"""

# ruff: noqa: SLF001 - its tables are where gaps are closed

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services import dynamodb

if TYPE_CHECKING:
    from collections.abc import Callable

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
        asked = data.get("WarmThroughput")
        if table is None or not asked:
            return update(data)
        current = warmth(table)
        for name, units in asked.items():
            if units < current[name]:
                refused: tuple[Any, ...] = dynamodb.error_response_json(
                    "ValidationException",
                    f"One or more parameter values were invalid: {name} of WarmThroughput cannot "
                    f"be decreased from {current[name]} to {units}",
                    BAD_REQUEST,
                )
                return refused
        before = table.get("WarmThroughput")
        table["WarmThroughput"] = {**current, **asked, "Status": "ACTIVE"}  # the answer shows it
        answer = update(data)
        if answer[0] != OK:
            table.pop("WarmThroughput") if before is None else table.update(WarmThroughput=before)
        return answer

    warm.warms = True  # type: ignore[attr-defined]
    return warm


def _showing(describe: Describe) -> Describe:
    def shown(*arguments: Any, **more: Any) -> dict[str, Any]:
        found = describe(*arguments, **more)
        table = dynamodb._tables.get(found["TableName"])
        if table is not None:
            found["WarmThroughput"] = warmth(table) | {"Status": "ACTIVE"}
        return found

    return shown


def warmth(table: dict[str, Any]) -> dict[str, int]:
    """Reads and writes a second that a table bears at once."""
    known = table.get("WarmThroughput") or {}
    mode = (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED")
    units = table.get("ProvisionedThroughput") or {}
    bare = ON_DEMAND
    if mode == "PROVISIONED":
        bare = {name: int(units.get(member, 0)) for name, member in CAPACITY.items()}
    return {name: max(bare[name], int(known.get(name, 0))) for name in CAPACITY}
