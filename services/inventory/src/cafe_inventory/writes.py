"""The conditional writes of the inventory table, as DynamoDB wants them said. Pure.

Called by `repository.py`. Stock never goes below zero and a repetition changes nothing, because
every write names the state that it starts from.
"""

from collections.abc import Sequence
from datetime import datetime

from cafe_kit.ledger_index import moment

from cafe_inventory import items
from cafe_inventory.changes import (
    Change,
    Level,
    Move,
    Prolong,
    Reservation,
    Reserve,
    Restock,
    Settle,
    StockKey,
)
from cafe_inventory.items import Item

TELL = "ALL_OLD"
"""A refusal brings the item along, which saves a read."""


def change_reservation(change: Change, table: str, now: datetime) -> Item:
    """The one write to the order's reservation."""
    match change:
        case Reserve(wanted=wanted):
            return {"Put": _put_reservation(wanted, table, now)}
        case Prolong(held=held, until=until):
            return {"Update": _prolong(held, until, table)}
        case Settle():
            return {"Update": _settle(change, table, now)}


def _put_reservation(wanted: Reservation, table: str, now: datetime) -> Item:
    """Write it unless there is one; one that lapsed may be made again."""
    return {
        "TableName": table,
        "Item": items.new_reservation(wanted, now),
        "ConditionExpression": "attribute_not_exists(pk) OR (#s = :released AND #e = :yes)",
        "ExpressionAttributeNames": {"#s": "status", "#e": "expired"},
        "ExpressionAttributeValues": {":released": {"S": "released"}, ":yes": {"BOOL": True}},
        "ReturnValuesOnConditionCheckFailure": TELL,
    }


def _prolong(held: Reservation, until: datetime, table: str) -> Item:
    return {
        "TableName": table,
        "Key": items.reservation_key(held.order_id),
        "UpdateExpression": "SET heldUntil = :until",
        "ConditionExpression": "#s = :reserved AND heldUntil = :held",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": items.encode(
            {
                ":until": moment(until),
                ":reserved": "reserved",
                ":held": moment(held.held_until),
            }
        ),
        "ReturnValuesOnConditionCheckFailure": TELL,
    }


def _settle(change: Settle, table: str, now: datetime) -> Item:
    held = change.held
    names = {"#s": "status"}
    values: dict[str, str | int | bool] = {
        ":status": change.status,
        ":ttl": items.time_to_live(now),
        ":reserved": "reserved",
    }
    update = "SET #s = :status, expiresAt = :ttl"
    if change.expired:
        names["#e"] = "expired"
        values[":yes"] = True
        update += ", #e = :yes"
    if change.exact:
        condition = "#s = :reserved AND heldUntil = :held"
        values[":held"] = moment(held.held_until)
    else:
        condition = "#s = :reserved AND #l = :lines AND storeId = :store"
        there = "attribute_exists" if held.synthetic else "attribute_not_exists"
        condition += f" AND {there}(synthetic)"
        names["#l"] = "lines"
        values |= {":lines": items.lines_text(held.lines), ":store": held.store_id}
    return {
        "TableName": table,
        "Key": items.reservation_key(held.order_id),
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": items.encode(values),
        "ReturnValuesOnConditionCheckFailure": TELL,
    }


def move_stock(key: StockKey, move: Move, table: str, now: datetime) -> Item:
    """One conditional update for all that a transaction does to a stock item.

    Synthetic orders are judged by the same condition and write to the same item, but move nothing.
    """
    changes: list[str] = []
    values: dict[str, str | int | bool] = {}
    for name, amount in (("available", move.available), ("reserved", move.reserved)):
        if amount:
            changes.append(f"{name} = {name} + :{name}")
            values[f":{name}"] = amount
    if move.sold:
        changes.append("sold = if_not_exists(sold, :zero) + :sold")
        values[":sold"] = move.sold
    if move.taken or move.settled:  # even where what is taken is what another order gives back
        changes.append("moves = if_not_exists(moves, :zero) + :one")
        values |= {":zero": 0, ":one": 1}
    else:
        changes.append("probedAt = :now")
        values[":now"] = moment(now)
    conditions: list[str] = []
    if move.needed or not move.settled:
        conditions.append("available >= :needed")
        values[":needed"] = move.needed
    if move.settled:
        conditions.append("reserved >= :settled")
        values[":settled"] = move.settled
    return {
        "Update": {
            "TableName": table,
            "Key": items.stock_key(*key),
            "UpdateExpression": "SET " + ", ".join(changes),
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": items.encode(values),
            "ReturnValuesOnConditionCheckFailure": TELL,
        }
    }


def start_timer(group: Sequence[Change], table: str) -> list[Item]:
    """One timer for all holds that begin in this transaction; synthetic ones hold nothing."""
    ends: dict[str, datetime] = {}
    for change in group:
        match change:
            case Reserve(wanted=wanted) if not wanted.synthetic:
                ends[wanted.order_id] = wanted.held_until
            case Prolong(held=held, until=until) if not held.synthetic:
                ends[held.order_id] = until
    if not ends:
        return []
    return [{"Put": {"TableName": table, "Item": items.new_timer(max(ends.values()), list(ends))}}]


def book_restock(restock: Restock, table: str) -> list[Item]:
    """The delivery's key, and what it adds to each item, which must have its counters."""
    claim = {
        "TableName": table,
        "Item": items.new_restock(restock),
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": TELL,
    }
    return [
        {"Put": claim},
        *(
            {
                "Update": {
                    "TableName": table,
                    "Key": items.stock_key(restock.store_id, sku),
                    "UpdateExpression": (
                        "SET available = available + :quantity, received = received + :quantity"
                    ),
                    "ConditionExpression": "attribute_exists(received)",
                    "ExpressionAttributeValues": items.encode({":quantity": quantity}),
                    "ReturnValuesOnConditionCheckFailure": TELL,
                }
            }
            for sku, quantity in restock.items
        ),
    ]


def give_counters(level: Level, now: datetime) -> Item:
    """Write down what was worked out for an item of an older version, unless it moved meanwhile."""
    return {
        "Key": items.stock_key(level.store_id, level.sku),
        "UpdateExpression": "SET received = :received, lowAt = :low, countedFrom = :now",
        "ConditionExpression": (
            "available = :available AND reserved = :reserved AND attribute_not_exists(countedFrom)"
        ),
        "ExpressionAttributeValues": items.encode(
            {
                ":received": level.received,
                ":low": level.low_at,
                ":available": level.available,
                ":reserved": level.reserved,
                ":now": moment(now),
            }
        ),
    }


def delete_stock(store_id: str, sku: str) -> Item:
    """Forget an item that nobody holds: a hold must not outlive what it was taken from."""
    return {
        "Key": items.stock_key(store_id, sku),
        "ConditionExpression": "attribute_not_exists(pk) OR reserved = :none",
        "ExpressionAttributeValues": items.encode({":none": 0}),
    }


def mark_told(level: Level, *, low: bool) -> Item:
    """An event was put: count it, unless somebody else put one meanwhile."""
    return {
        "Key": items.stock_key(level.store_id, level.sku),
        "UpdateExpression": "SET toldLow = :low, serial = :next",
        "ConditionExpression": (
            "serial = :serial OR (attribute_exists(pk) AND attribute_not_exists(serial))"
        ),
        "ExpressionAttributeValues": items.encode(
            {":low": low, ":serial": level.serial, ":next": level.serial + 1}
        ),
    }


def set_low_at(store_id: str, sku: str, low_at: int) -> Item:
    """When an existing item counts as low."""
    return {
        "Key": items.stock_key(store_id, sku),
        "UpdateExpression": "SET lowAt = :low",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": items.encode({":low": low_at}),
    }
