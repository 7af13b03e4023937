"""The items of the inventory table, read and made. Pure. What changes them is in `writes.py`.

| pk | sk | attributes |
|---|---|---|
| `STORE#<store>` | `SKU#<sku>` | available, reserved, sold, received, countedFrom, moves;
    lowAt, toldLow, serial |
| `STORES` | `<store>` | changes: lists the stores without a scan |
| `ORDER#<order>` | `RESERVATION` | storeId, lines, status, heldUntil; synthetic, expired, ledger |
| `HOLDS#<shard>` | `<heldUntil>#<order>` | orders: finds what has lapsed without a scan |
| `RESTOCK#<store>#<key>` | `RESTOCK` | items, receivedAt: a delivery is booked once |

received = available + reserved + sold. The index `ledger` has the real reservations by the moment
their orders were placed. `expiresAt` is DynamoDB's time to live and is only set on what holds no
stock (settled or synthetic): were DynamoDB to delete a hold, nobody would give back its stock.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from cafe_kit import ledger_index
from cafe_kit.ledger_index import moment, shard_of

from cafe_inventory.changes import LOW_SHARE, Level, Reservation, Restock, Timer
from cafe_inventory.models import ParItem, ReservationLine

SKU_PREFIX = "SKU#"
STORES = "STORES"
KEEP = timedelta(days=35)
"""A month can be audited; `GET /ledger` says since when."""

_deserialise = TypeDeserializer().deserialize

Item = dict[str, Any]


def encode(values: Mapping[str, str | int | bool]) -> Item:
    """Plain values to DynamoDB's typed ones; boto3's own way costs ten times as much."""
    return {name: _typed(value) for name, value in values.items()}


def _typed(value: str | int | bool) -> Item:  # noqa: FBT001 - it is the value
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)}


def decode(item: Mapping[str, Any]) -> Item:
    """DynamoDB's typed values to plain ones."""
    return {name: _deserialise(value) for name, value in item.items()}


def key(pk: str, sk: str) -> Item:
    """A primary key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def store_pk(store_id: str) -> str:
    """The partition of a store's stock."""
    return f"STORE#{store_id}"


def stock_key(store_id: str, sku: str) -> Item:
    """Where a stock item is."""
    return key(store_pk(store_id), f"{SKU_PREFIX}{sku}")


def hold_pk(shard: int) -> str:
    """The partition of one share of the timers."""
    return f"HOLDS#{shard}"


def reservation_key(order_id: str) -> Item:
    """Where an order's reservation is."""
    return key(f"ORDER#{order_id}", "RESERVATION")


def restock_key(store_id: str, idempotency_key: str) -> Item:
    """Where a delivery is."""
    return key(f"RESTOCK#{store_id}#{idempotency_key}", "RESTOCK")


def level(item: Mapping[str, Any]) -> Level:
    """A stock item. What was written before there were counters is worked out."""
    plain = decode(item)
    available, reserved = int(plain["available"]), int(plain["reserved"])
    sold = int(plain.get("sold", 0))
    received = int(plain.get("received", available + reserved + sold))
    counted_from = plain.get("countedFrom")
    return Level(
        store_id=plain["pk"].removeprefix(store_pk("")),
        sku=plain["sk"].removeprefix(SKU_PREFIX),
        available=available,
        reserved=reserved,
        sold=sold,
        received=received,
        low_at=int(plain.get("lowAt", received // LOW_SHARE)),
        told_low=plain.get("toldLow", False),
        serial=int(plain.get("serial", 0)),
        counted=counted_from is not None,
        counted_from=datetime.fromisoformat(counted_from) if counted_from else None,
        moves=int(plain.get("moves", 0)),
    )


def new_stock(store_id: str, item: ParItem, now: datetime) -> Item:
    """A stock item with nothing reserved and nothing sold."""
    low_at = item.quantity // LOW_SHARE if item.low_at is None else item.low_at
    counters: dict[str, str | int | bool] = {
        "available": item.quantity,
        "reserved": 0,
        "sold": 0,
        "received": item.quantity,
        "countedFrom": moment(now),
        "moves": 0,
        "lowAt": low_at,
        "serial": 0,
        "toldLow": False,
    }
    return {**stock_key(store_id, item.sku), **encode(counters)}


def lines_text(lines: Sequence[ReservationLine]) -> str:
    """The lines as one attribute: cheap to write, and a condition can compare them."""
    return json.dumps([[line.sku, line.quantity] for line in lines], separators=(",", ":"))


def reservation(item: Mapping[str, Any]) -> Reservation:
    """A stored reservation."""
    plain = decode(item)
    lines = plain["lines"]
    if isinstance(lines, str):
        pairs = json.loads(lines)
    else:  # written by an older version
        pairs = [(line["sku"], int(line["quantity"])) for line in lines]
    placed = plain.get("ledgerSk", "").partition("#")[0]
    return Reservation(
        order_id=plain["pk"].removeprefix("ORDER#"),
        store_id=plain["storeId"],
        # what was validated when it was written needs no second look
        lines=tuple(ReservationLine.model_construct(sku=sku, quantity=n) for sku, n in pairs),
        synthetic=plain.get("synthetic", False),
        status=plain["status"],
        held_until=datetime.fromisoformat(plain["heldUntil"]),
        placed_at=datetime.fromisoformat(placed) if placed else None,
        expired=plain.get("expired", False),
    )


def new_reservation(wanted: Reservation, now: datetime) -> Item:
    """The item of a reservation; a synthetic one is in no books and goes by itself."""
    values: dict[str, str | int | bool] = {
        "storeId": wanted.store_id,
        "lines": lines_text(wanted.lines),
        "status": wanted.status,
        "heldUntil": moment(wanted.held_until),
    }
    if wanted.synthetic:
        values |= {"synthetic": True, "expiresAt": time_to_live(now)}
    else:
        placed_at = wanted.placed_at or now
        values["ledgerPk"] = ledger_index.partition(placed_at, shard_of(wanted.order_id))
        values["ledgerSk"] = ledger_index.place(placed_at, wanted.order_id)
    return {**reservation_key(wanted.order_id), **encode(values)}


def time_to_live(now: datetime) -> int:
    """When DynamoDB may delete what holds no stock."""
    return int((now + KEEP).timestamp())


def kept_from(now: datetime) -> datetime:
    """Since when every order's reservation is there: none is settled before it is placed."""
    return now - KEEP


def new_timer(held_until: datetime, order_ids: Sequence[str]) -> Item:
    """By this the sweeper finds holds whose time is over; it outlives those that were settled."""
    pk = hold_pk(shard_of(order_ids[0]))
    sk = f"{moment(held_until)}#{order_ids[0]}"
    return {**key(pk, sk), "orders": {"S": " ".join(order_ids)}}


def timer(item: Mapping[str, Any]) -> Timer:
    """A stored timer; older versions wrote one an order."""
    plain = decode(item)
    orders = plain["orders"].split() if "orders" in plain else [plain["orderId"]]
    return Timer(plain["pk"], plain["sk"], tuple(orders))


def new_restock(restock: Restock) -> Item:
    """The item that makes a delivery count once."""
    return {
        **restock_key(restock.store_id, restock.key),
        **encode(
            {
                "items": json.dumps(restock.items),
                "receivedAt": moment(restock.received_at),
                "expiresAt": time_to_live(restock.received_at),
            }
        ),
    }


def restock(store_id: str, idempotency_key: str, item: Mapping[str, Any]) -> Restock:
    """A stored delivery."""
    plain = decode(item)
    return Restock(
        store_id,
        idempotency_key,
        tuple((sku, quantity) for sku, quantity in json.loads(plain["items"])),
        datetime.fromisoformat(plain["receivedAt"]),
    )
