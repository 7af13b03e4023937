"""The keys of the tables' index `ledger`, by which an audit finds the orders of a period.

Its partition is the hour in which an order was placed, and a shard of the order, so that no hour is
one hot partition; within it the moment sorts. The tables of order, inventory and payment-processor
have it; `GET /ledger` of each service reads it.
"""

import zlib
from datetime import UTC, datetime

INDEX = "ledger"
SHARDS = 8


def moment(at: datetime) -> str:
    """UTC, fixed width: sorts as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def shard_of(order_id: str) -> int:
    """Which share of an hour an order belongs to."""
    return zlib.crc32(order_id.encode()) % SHARDS


def partition(placed_at: datetime, shard: int) -> str:
    """One shard of an hour, e.g. `2026-11-22T07#3`."""
    return f"{placed_at.astimezone(UTC):%Y-%m-%dT%H}#{shard}"


def place(placed_at: datetime, order_id: str) -> str:
    """An order's place in its partition."""
    return f"{moment(placed_at)}#{order_id}"


def just_after(place: str) -> str:
    """The least that sorts after a place; no order's id has a space."""
    return f"{place} " if place else ""
