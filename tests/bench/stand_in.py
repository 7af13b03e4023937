"""The AWS and the cafe of the benchmark: one cheap process that counts each call by its name.

Started by `world.py`. All contenders pay the same for it. It knows exactly what stores need; a call
that it does not know is refused, and so fails the benchmark instead of being measured wrongly. A
share of AWS's calls can be throttled.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from functools import partial
from typing import Any

from tests.bench.stand_in_aws import AwsTables, RefusedError
from tests.bench.stand_in_cloudwatch import CloudWatchTables
from tests.bench.wire import Connection, serve
from tests.fakes.cafe import FakeCafe

TOKEN = "token"
LOOKED = "stores looked at"  # counted beside the calls: one may be about many
THROTTLED = RefusedError("ThrottlingException", "Rate exceeded")


class StandIn:
    """What is behind the socket."""

    def __init__(self) -> None:
        self.aws = AwsTables(CloudWatchTables())
        self.cafe = FakeCafe(token=TOKEN)
        self.calls: Counter[str] = Counter()
        self.share = 0.0
        self.limits: dict[str, float] = {}  # calls a second, by name
        self._next: dict[str, float] = {}
        self._chance = random.Random(1)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Any:
        """Return status, headers and body of one answer."""
        target = headers.get("x-amz-target")
        if target:
            return self._aws(target, body)
        content = json.loads(body) if body else None
        if path == "/_calls":
            if method == "DELETE":
                self.calls.clear()
            return 200, dict(self.calls)
        if path == "/_throttle":
            self.share, self.limits = content["share"], content["limits"]
            return 200, {}
        if path.startswith("/ledger"):
            return 200, {"entries": [], "next": None}
        self.calls[f"cafe:{method} {_shape(path)}"] += 1
        self.calls[LOOKED] += _looked(method, path)
        self.cafe.writes.clear()
        return self.cafe.handle(method, path, content, headers)

    def _admit(self, name: str) -> None:
        """Count a call, or refuse it."""
        if self._chance.random() < self.share or not self._within_limit(name):
            self.calls[f"throttled {name}"] += 1
            raise THROTTLED
        self.calls[name] += 1

    def _within_limit(self, name: str) -> bool:
        """Whether a limited call is allowed now; nothing is saved up."""
        now = time.monotonic()
        if name not in self.limits:
            return True
        if now < self._next.get(name, 0.0):
            return False
        self._next[name] = now + 1 / self.limits[name]
        return True

    def _aws(self, target: str, body: bytes) -> Any:
        head, _, operation = target.rpartition(".")
        service = self.aws.service(head)
        try:
            self._admit(f"{service}:{operation}")
            return 200, self.aws.call(service, operation, json.loads(body))
        except RefusedError as refusal:
            return 400, {"__type": refusal.code, "message": str(refusal)}


class StandInConnection(Connection):
    """One connection to it."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__()
        self._stand_in = stand_in

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Answer one request."""
        self.send(*self._stand_in.answer(method, path, headers, body))


def _shape(path: str) -> str:
    """Return a path without its names."""
    parts = path.partition("?")[0].strip("/").split("/")
    return "/".join("*" if number == 1 else part for number, part in enumerate(parts))


def _looked(method: str, path: str) -> int:
    """Return of how many stores the order service is asked."""
    shape = f"{method} {_shape(path)}"
    return path.count("id=") if shape == "GET stores:batch" else int(shape == "GET stores/*")


if __name__ == "__main__":
    asyncio.run(serve(partial(StandInConnection, StandIn())))
