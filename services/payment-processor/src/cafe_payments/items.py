"""The ledger's items in DynamoDB. Pure.

| pk | sk | attributes |
|---|---|---|
| `ORDER#<order>` | `PAYMENT` | the entry; ledgerPk, ledgerSk |

The index `ledger` (`cafe_kit.ledger_index`) finds entries by the time their order was placed.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cafe_kit import ledger_index
from cafe_kit.ledger_index import moment

from cafe_payments.models import Entry

HOUR = timedelta(hours=1)

Item = dict[str, Any]


def key(order_id: str) -> Item:
    """Where an order's entry is."""
    return {"pk": {"S": f"ORDER#{order_id}"}, "sk": {"S": "PAYMENT"}}


def hours(since: datetime, until: datetime) -> Iterator[datetime]:
    """The hours that [since, until) touches."""
    hour = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < until:
        yield hour
        if until - hour <= HOUR:  # the last hour of time has no next one
            return
        hour += HOUR


def encode(entry: Entry) -> Item:
    """The item of an entry; what is empty is left out."""
    shard = ledger_index.shard_of(entry.order_id)
    texts = {
        "storeId": entry.store_id,
        "currency": entry.currency,
        "placedAt": moment(entry.placed_at),
        "state": entry.state,
        "updatedAt": moment(entry.updated_at),
        "owner": entry.owner,
        "leasedUntil": moment(entry.leased_until) if entry.leased_until else "",
        "unsureUntil": moment(entry.unsure_until) if entry.unsure_until else "",
        "chargeId": entry.charge_id,
        "reason": entry.reason,
        "ledgerPk": ledger_index.partition(entry.placed_at, shard),
        "ledgerSk": ledger_index.place(entry.placed_at, entry.order_id),
    }
    item: Item = key(entry.order_id)
    item.update({name: {"S": value} for name, value in texts.items() if value})
    item["amountMinor"] = {"N": str(entry.amount_minor)}
    item["version"] = {"N": str(entry.version)}
    item["cancelRequested"] = {"BOOL": entry.cancel_requested}
    return item


def decode(item: Mapping[str, Any]) -> Entry:
    """The entry of an item."""

    def text(name: str) -> str | None:
        value: str | None = item[name]["S"] if name in item else None
        return value

    def at(name: str) -> datetime | None:
        return datetime.fromisoformat(item[name]["S"]) if name in item else None

    return Entry(
        order_id=item["pk"]["S"].removeprefix("ORDER#"),
        store_id=item["storeId"]["S"],
        currency=item["currency"]["S"],
        amount_minor=int(item["amountMinor"]["N"]),
        placed_at=datetime.fromisoformat(item["placedAt"]["S"]),
        state=item["state"]["S"],
        version=int(item["version"]["N"]),
        updated_at=datetime.fromisoformat(item["updatedAt"]["S"]),
        owner=text("owner") or "",
        leased_until=at("leasedUntil"),
        unsure_until=at("unsureUntil"),
        cancel_requested=item["cancelRequested"]["BOOL"],
        charge_id=text("chargeId"),
        reason=text("reason"),
    )


def put(entry: Entry, table: str) -> Item:
    """The write of an entry, provided that it follows what is stored."""
    write: Item = {
        "TableName": table,
        "Item": encode(entry),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if entry.version == 1:
        write["ConditionExpression"] = "attribute_not_exists(pk)"
    else:
        write["ConditionExpression"] = "#version = :before"
        write["ExpressionAttributeNames"] = {"#version": "version"}
        write["ExpressionAttributeValues"] = {":before": {"N": str(entry.version - 1)}}
    return {"Put": write}
