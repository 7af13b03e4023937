"""The items of the inventory table and the expressions that change them. Pure.

| pk | sk | attributes |
|---|---|---|
| `STORE#<store>` | `SKU#<sku>` | available, reserved |
| `ORDER#<order>` | `RESERVATION` | storeId, lines, synthetic, status, heldUntil, expired |
| `HOLDS#<shard>` | `<heldUntil>#<order>` | orderId: finds what has lapsed without a scan |

On hand is available + reserved. `expiresAt` is DynamoDB's time to live and is only set on what
holds no stock (settled or synthetic): were DynamoDB to delete a hold, nobody would give back its
stock.
"""

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from cafe_inventory.models import (
    ParItem,
    Reservation,
    ReservationLine,
    ReservationStatus,
    StockItem,
)

SHARDS = 8
SKU_PREFIX = "SKU#"
KEEP = timedelta(days=7)

_serialise = TypeSerializer().serialize
_deserialise = TypeDeserializer().deserialize

Item = dict[str, Any]


def encode(values: Mapping[str, object]) -> Item:
    """Plain values to DynamoDB's typed ones."""
    return {name: _serialise(value) for name, value in values.items()}


def decode(item: Mapping[str, Any]) -> Item:
    """DynamoDB's typed values to plain ones."""
    return {name: _deserialise(value) for name, value in item.items()}


def key(pk: str, sk: str) -> Item:
    """A primary key."""
    return encode({"pk": pk, "sk": sk})


def store_pk(store_id: str) -> str:
    """The partition of a store's stock."""
    return f"STORE#{store_id}"


def hold_pk(shard: int) -> str:
    """The partition of one share of the holds."""
    return f"HOLDS#{shard}"


def reservation_key(order_id: str) -> Item:
    """Where an order's reservation is."""
    return key(f"ORDER#{order_id}", "RESERVATION")


def moment(at: datetime) -> str:
    """UTC, fixed width: sorts as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def stock_item(item: Mapping[str, Any]) -> StockItem:
    """A stock item as the API shows it."""
    plain = decode(item)
    reserved = int(plain["reserved"])
    return StockItem(
        sku=plain["sk"].removeprefix(SKU_PREFIX),
        on_hand=int(plain["available"]) + reserved,
        reserved=reserved,
    )


def new_stock(store_id: str, item: ParItem) -> Item:
    """A stock item with nothing reserved."""
    return encode(
        {
            "pk": store_pk(store_id),
            "sk": f"{SKU_PREFIX}{item.sku}",
            "available": item.quantity,
            "reserved": 0,
        }
    )


def available(item: Mapping[str, Any] | None) -> int:
    """What a failed condition found in the item; 0 when there is none."""
    return int(decode(item)["available"]) if item else 0


def reservation(item: Mapping[str, Any]) -> Reservation:
    """A stored reservation."""
    plain = decode(item)
    return Reservation(
        order_id=plain["pk"].removeprefix("ORDER#"),
        store_id=plain["storeId"],
        lines=tuple(
            ReservationLine(sku=line["sku"], quantity=int(line["quantity"]))
            for line in plain["lines"]
        ),
        synthetic=plain["synthetic"],
        status=plain["status"],
        held_until=datetime.fromisoformat(plain["heldUntil"]),
        expired=plain["expired"],
    )


def put_reservation(wanted: Reservation, now: datetime) -> Item:
    """Write it unless there is one; one that lapsed may be made again."""
    values: dict[str, object] = {
        "storeId": wanted.store_id,
        "lines": [line.model_dump() for line in wanted.lines],
        "synthetic": wanted.synthetic,
        "status": wanted.status,
        "heldUntil": moment(wanted.held_until),
        "expired": False,
    }
    if wanted.synthetic:
        values["expiresAt"] = int((now + KEEP).timestamp())
    return {
        "Item": {**reservation_key(wanted.order_id), **encode(values)},
        "ConditionExpression": (
            "attribute_not_exists(pk) OR (#status = :released AND #expired = :yes)"
        ),
        "ExpressionAttributeNames": {"#status": "status", "#expired": "expired"},
        "ExpressionAttributeValues": encode({":released": "released", ":yes": True}),
    }


def close_reservation(
    held: Reservation, status: ReservationStatus, now: datetime, *, expired: bool
) -> Item:
    """Settle it, provided it is still this very hold."""
    return {
        "Key": reservation_key(held.order_id),
        "UpdateExpression": "SET #status = :status, #expired = :expired, expiresAt = :ttl",
        "ConditionExpression": "#status = :reserved AND heldUntil = :held",
        "ExpressionAttributeNames": {"#status": "status", "#expired": "expired"},
        "ExpressionAttributeValues": encode(
            {
                ":status": status,
                ":expired": expired,
                ":ttl": int((now + KEEP).timestamp()),
                ":reserved": "reserved",
                ":held": moment(held.held_until),
            }
        ),
    }


def put_holds(wanted: Reservation) -> list[Item]:
    """The entry by which the sweeper finds it; a synthetic one holds nothing."""
    if wanted.synthetic:
        return []
    return [{"Item": {**_hold_key(wanted), **encode({"orderId": wanted.order_id})}}]


def delete_holds(held: Reservation) -> list[Item]:
    """Its counterpart."""
    return [] if held.synthetic else [{"Key": _hold_key(held)}]


def hold_order(item: Mapping[str, Any]) -> str:
    """The order that a hold belongs to."""
    return str(decode(item)["orderId"])


def take_stock(wanted: Reservation, now: datetime) -> list[Item]:
    """One conditional update a line.

    A synthetic reservation is judged by the same conditions and writes to the same items, but
    moves nothing.
    """
    change = "SET available = available - :quantity, reserved = reserved + :quantity"
    if wanted.synthetic:
        change = "SET probedAt = :now"
    writes = []
    for line in wanted.lines:
        values: dict[str, object] = {":quantity": line.quantity}
        if wanted.synthetic:
            values[":now"] = moment(now)
        writes.append(
            {
                "Key": key(store_pk(wanted.store_id), f"{SKU_PREFIX}{line.sku}"),
                "UpdateExpression": change,
                "ConditionExpression": "available >= :quantity",
                "ExpressionAttributeValues": encode(values),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        )
    return writes


def return_stock(held: Reservation, status: ReservationStatus) -> list[Item]:
    """Committed stock leaves the house, released stock is for sale again."""
    if held.synthetic:
        return []
    change = "SET reserved = reserved - :quantity"
    if status == "released":
        change += ", available = available + :quantity"
    return [
        {
            "Key": key(store_pk(held.store_id), f"{SKU_PREFIX}{line.sku}"),
            "UpdateExpression": change,
            "ConditionExpression": "reserved >= :quantity",
            "ExpressionAttributeValues": encode({":quantity": line.quantity}),
        }
        for line in held.lines
    ]


def _hold_key(held: Reservation) -> Item:
    shard = zlib.crc32(held.order_id.encode()) % SHARDS
    return key(hold_pk(shard), f"{moment(held.held_until)}#{held.order_id}")
