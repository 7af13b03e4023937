"""The index of all grants by the placing of their orders. Used by `sink.py` and `ledger.py`.

A sorted set an hour, whose members sort by placing and order, and a set of the hours there are.
They lie in other slots than the customers' keys, so no script can write both: the index is written
*before* the grant, and read through the grants. A crash between them leaves an index entry that
points nowhere until the grant is made, and which nobody sees until then. `forgetting.py` ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from urllib.parse import quote, unquote

from cafe_kit.redis import RedisStore

from cafe_loyalty.models import Grant

HOURS = "loyalty:ledger:hours"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a grant stands in the book."""

    placed_at: str
    order_id: str
    store_id: str
    customer_id: str

    @classmethod
    def of(cls, grant: Grant) -> Self:
        """The place of a grant."""
        placed_at = moment(grant.placed_at)
        return cls(placed_at, grant.order_id, grant.store_id, grant.customer_id)

    @classmethod
    def parse(cls, member: str) -> Self:
        """The place that a member stands for."""
        placed_at, order_id, store_id, customer_id = member.split("#")
        return cls(placed_at, order_id, store_id, unquote(customer_id))

    @property
    def member(self) -> str:
        """Sorts by placing, then by order."""
        customer = quote(self.customer_id, safe="")
        return f"{self.placed_at}#{self.order_id}#{self.store_id}#{customer}"

    @property
    def hour(self) -> str:
        """E.g. `2026-11-22T07`."""
        return self.placed_at[:13]


def moment(at: datetime) -> str:
    """A time whose text sorts as itself."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class RedisBook:
    """The index."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    async def index(self, grants: Sequence[Grant]) -> None:
        """Note where grants will stand; repeating it changes nothing."""
        places = [Place.of(grant) for grant in grants]
        by_hour: dict[str, dict[str, int]] = {}
        for place in places:
            by_hour.setdefault(place.hour, {})[place.member] = 0
        async with self._store.translated():
            pipeline = self._store.client.pipeline(transaction=False)
            pipeline.zadd(HOURS, dict.fromkeys(by_hour, 0))
            for hour, members in by_hour.items():
                pipeline.zadd(hour_key(hour), members)
            await self._store.answers(pipeline)

    async def hours(self, starts: str, ends: str) -> list[str]:
        """The hours with grants that reach into [starts, ends)."""
        async with self._store.translated():
            hours = await self._store.client.zrange(
                HOURS, f"[{starts[:13]}", f"({ends}", bylex=True
            )
        return [str(hour) for hour in hours]

    async def places(self, hour: str, after: str, before: str, limit: int) -> list[Place]:
        """Places of one hour after a member and before a moment, in order."""
        async with self._store.translated():
            members = await self._store.client.zrange(
                hour_key(hour), f"({after}", f"({before}", bylex=True, offset=0, num=limit
            )
        return [Place.parse(str(member)) for member in members]


def hour_key(hour: str) -> str:
    """The name of an hour's sorted set."""
    return f"loyalty:ledger:{hour}"
