"""Points of customers in MemoryDB. Used by `service.py` (balance, redemptions) and `sink.py`.

Four keys a customer, all in one slot:

- `account`: hash of balance, granted, redeemed, and how much of the history is forgotten;
- `grants`: hash of order id → the grant. Its existence is what makes a grant happen once;
- `redemptions`: hash of Idempotency-Key → digest of the request, balance after it, the redemption;
- `history`: list of balance after it and the grant or redemption, the oldest first.

A grant is in none of them or in all: the script that writes it is atomic. All but the account are
forgotten by and by (`forgetting.py`).
"""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from cafe_kit.redis import RedisStore
from pydantic import TypeAdapter

from cafe_loyalty import scripts
from cafe_loyalty.models import (
    BalanceView,
    Entry,
    Grant,
    GrantedEntry,
    Redeemed,
    RedeemedEntry,
    Redemption,
    RedemptionView,
    TooFew,
)

CHUNK = 200
"""Grants in one round trip: long enough to pay, short enough for the time that a call has."""

_ENTRIES: TypeAdapter[Entry] = TypeAdapter(Entry)


def customer_key(customer_id: str, part: str) -> str:
    """The name of one of a customer's keys; quoted, as a brace would end the hash tag."""
    return f"loyalty:{{{quote(customer_id, safe='')}}}:{part}"


def customer_keys(customer_id: str, *parts: str) -> list[str]:
    """The names of some of them."""
    return [customer_key(customer_id, part) for part in parts]


class RedisPoints:
    """The customers' points."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._redeem = store.client.register_script(scripts.REDEEM)
        self._history = store.client.register_script(scripts.HISTORY)

    async def balance(self, customer_id: str) -> BalanceView:
        """How many points a customer has.

        Raises:
            UnavailableError: MemoryDB is away; so for every method here.
        """
        async with self._store.translated():
            account = await self._store.client.hgetall(customer_key(customer_id, "account"))
        return BalanceView(
            customer_id=customer_id,
            balance=int(account.get("balance", 0)),
            granted=int(account.get("granted", 0)),
            redeemed=int(account.get("redeemed", 0)),
        )

    async def grant(self, grants: Sequence[Grant]) -> list[Grant]:
        """Give the points of orders that have none yet; returns those that were new."""
        new: list[Grant] = []
        for at in range(0, len(grants), CHUNK):
            chunk = grants[at : at + CHUNK]
            async with self._store.translated():
                pipeline = self._store.client.pipeline(transaction=False)
                for grant in chunk:
                    keys = customer_keys(grant.customer_id, "account", "grants", "history")
                    given = (grant.order_id, grant.points, _granted(grant))
                    # by its text: whoever just became primary may not know a script by its digest
                    pipeline.eval(scripts.GRANT, len(keys), *keys, *given)
                outcomes = await self._store.answers(pipeline)
            new += [grant for grant, made in zip(chunk, outcomes, strict=True) if made]
        return new

    async def redeem(self, wanted: RedemptionView, key: str, digest: str) -> Redemption:
        """Take points, once per key, and never more than there are. `wanted.balance` is ignored."""
        entry = RedeemedEntry(
            points=wanted.points,
            balance=0,
            at=wanted.at,
            redemption_id=wanted.redemption_id,
            note=wanted.note,
        )
        async with self._store.translated():
            what, said = await self._redeem(
                keys=customer_keys(wanted.customer_id, "account", "redemptions", "history"),
                args=[key, wanted.points, _with_key(_json(entry), key), digest],
            )
        if what == "short":
            return TooFew(balance=int(said))
        known_digest, balance, body = said.split(" ", 2)
        kept = _entry(f"{balance} {body}")
        assert isinstance(kept, RedeemedEntry)  # the hash holds nothing else
        view = RedemptionView(
            redemption_id=kept.redemption_id,
            customer_id=wanted.customer_id,
            points=kept.points,
            balance=int(balance),
            at=kept.at,
            note=kept.note,
        )
        return Redeemed(view, known_digest, replayed=what == "known")

    async def history(
        self, customer_id: str, before: int | None, limit: int
    ) -> tuple[list[Entry], int]:
        """Entries before a position, the newest first, and the position of the last of them.

        Positions count from the first entry that ever was, so they stay right while entries are
        added, and while old ones are forgotten; 0 where none is left before.
        """
        async with self._store.translated():
            start, rows = await self._history(
                keys=customer_keys(customer_id, "account", "history"),
                args=["" if before is None else before, limit],
            )
        return [_entry(str(row)) for row in reversed(rows)], int(start)

    async def grants(self, orders: Sequence[tuple[str, str]]) -> list[Grant | None]:
        """The grants of (customer, order); None where there is none (yet)."""
        async with self._store.translated():
            pipeline = self._store.client.pipeline(transaction=False)
            for customer_id, order_id in orders:
                pipeline.hget(customer_key(customer_id, "grants"), order_id)
            bodies = await self._store.answers(pipeline)
        return [
            _known_grant(customer_id, body)
            for (customer_id, _), body in zip(orders, bodies, strict=True)
        ]


def _json(entry: GrantedEntry | RedeemedEntry) -> str:
    """What is kept: the balance stands before it, as only the script knows it."""
    return entry.model_dump_json(by_alias=True, exclude={"balance"})


def _with_key(body: str, key: str) -> str:
    """By it the redemption is found when its entry is forgotten."""
    return f'{body[:-1]},"key":{json.dumps(key)}}}'


def _granted(grant: Grant) -> str:
    return _json(
        GrantedEntry(
            points=grant.points,
            balance=0,
            at=grant.at,
            order_id=grant.order_id,
            store_id=grant.store_id,
            multiplier=grant.multiplier,
            placed_at=grant.placed_at,
        )
    )


def _entry(row: str) -> Entry:
    balance, body = row.split(" ", 1)
    return _ENTRIES.validate_json(f'{{"balance":{balance},{body[1:]}')


def _known_grant(customer_id: str, body: Any) -> Grant | None:
    if body is None:
        return None
    entry = _ENTRIES.validate_json(f'{{"balance":0,{body[1:]}')
    assert isinstance(entry, GrantedEntry)  # the hash holds nothing else
    return Grant(
        order_id=entry.order_id,
        store_id=entry.store_id,
        customer_id=customer_id,
        points=entry.points,
        multiplier=entry.multiplier,
        placed_at=entry.placed_at,
        at=entry.at,
    )
