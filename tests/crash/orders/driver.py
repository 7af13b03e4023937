"""Customers who keep a diary: what they mean to do is on disk before they do it.

What came of it follows. The diary survives the customer, so that what was promised can be held
against the books whatever died. A retry reuses its key; an outcome that nobody told stays unknown.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.crash.orders.menu_standin import PRICES

TRY_AGAIN = frozenset({425, 429, 500, 502, 503, 504})
GIVE_UP_S = 60.0
TIMEOUT_S = 5.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


class Diary:
    """One JSON line for each intent and each result."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)

    def write(self, what: str, key: str, **facts: Any) -> None:
        """Append a line; it is the kernel's before this returns, so our own death loses nothing."""
        line = json.dumps({"what": what, "key": key, **facts}, separators=(",", ":"))
        os.write(self._file.fileno(), line.encode() + b"\n")

    def close(self) -> None:
        """No more lines."""
        self._file.close()

    @staticmethod
    def read(path: Path) -> Iterator[dict[str, Any]]:
        """Yield the lines; a torn last one was never a promise."""
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield json.loads(line)


@dataclass
class Promises:
    """What the diary says was promised: acknowledged orders by key, and what was refused."""

    intended: int = 0
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: int = 0
    cancelled: set[str] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path) -> Promises:
        """Read a diary."""
        found = cls()
        for line in Diary.read(path):
            match line["what"]:
                case "intent":
                    found.intended += 1
                case "accepted":
                    known = found.orders.setdefault(line["key"], line["order"])
                    if known["id"] != line["order"]["id"]:
                        found.twice.append(line["key"])
                case "refused":
                    found.refused += 1
                case "cancelled":
                    found.cancelled.add(line["key"])
        return found

    @property
    def unknown(self) -> int:
        """Neither accepted nor refused as far as anybody was told."""
        return self.intended - len(self.orders) - self.refused


@dataclass(frozen=True)
class Answer:
    """What a till said."""

    status: int
    text: str

    @property
    def accepted(self) -> bool:
        """Whether it said yes."""
        return self.status < 300

    @property
    def open(self) -> bool:
        """Whether it leaves the outcome open: "paid already" is an answer, "in flight" is not."""
        if self.status == 409:
            return str(json.loads(self.text).get("type", "")).endswith("in-flight")
        return self.status in TRY_AGAIN


@dataclass
class Customers:
    """So many at once, until so many orders were meant."""

    urls: Sequence[str]
    token: str
    stores: Sequence[str]
    diary: Diary
    orders: int
    at_once: int = 200
    cancel_share: float = 0.08
    think_s: float = 0.0
    """At most so long between a customer's orders."""
    seed: int = 1
    tell: Callable[[int], None] = lambda _number: None

    async def run(self) -> None:
        """Return when each order has an outcome or was given up."""
        chance = random.Random(self.seed)
        numbers = iter(range(self.orders))
        connector = aiohttp.TCPConnector(limit=self.at_once)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as client,
            asyncio.TaskGroup() as crowd,
        ):
            for _ in range(self.at_once):
                own = random.Random(chance.random())
                crowd.create_task(self._one_after_the_other(client, numbers, own))

    async def _one_after_the_other(
        self, client: aiohttp.ClientSession, numbers: Iterator[int], chance: random.Random
    ) -> None:
        for number in numbers:
            await asyncio.sleep(chance.uniform(0.0, self.think_s))
            await self._buy(client, chance)
            self.tell(number)

    async def _buy(self, client: aiohttp.ClientSession, chance: random.Random) -> None:
        key = str(uuid.UUID(int=chance.getrandbits(128)))
        skus = chance.sample(sorted(PRICES), chance.randint(1, 2))
        body = {
            "storeId": chance.choice(self.stores),
            "customerId": f"customer-{chance.randrange(40)}" if chance.random() < 0.8 else None,
            "lines": [{"sku": sku, "quantity": chance.randint(1, 3)} for sku in skus],
        }
        self.diary.write("intent", key, body=body)
        answer = await self._until_known(client, chance, "/orders", key, body)
        if answer is None:
            return
        if not answer.accepted:
            self.diary.write("refused", key, status=answer.status, why=answer.text[:200])
            return
        order = json.loads(answer.text)
        self.diary.write("accepted", key, order=order)
        if chance.random() < self.cancel_share:
            self.diary.write("regrets", key)
            path = f"/orders/{order['id']}/cancel"
            answer = await self._until_known(client, chance, path, key, None)
            if answer is not None and answer.accepted:
                self.diary.write("cancelled", key)

    async def _until_known(
        self,
        client: aiohttp.ClientSession,
        chance: random.Random,
        path: str,
        key: str,
        body: dict[str, Any] | None,
    ) -> Answer | None:
        """Repeat until there is an answer that means something; None when given up."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        loop = asyncio.get_running_loop()
        end = loop.time() + GIVE_UP_S
        pause = FIRST_PAUSE_S
        while loop.time() < end:
            url = chance.choice(self.urls) + path
            try:
                async with client.post(url, json=body, headers=headers) as given:
                    answer = Answer(given.status, await given.text())
            except (aiohttp.ClientError, TimeoutError):
                answer = None
            if answer is not None and not answer.open:
                return answer
            await asyncio.sleep(chance.uniform(pause / 2, pause))  # before a till tries again
            pause = min(LONGEST_PAUSE_S, 2 * pause)
        return None
