"""A function that is reserved no concurrency takes nothing from its queue.

The embedded function runs as a container that polls the queue itself, as Lambda's event source
mapping would for it. While the reservation is 0 its ReceiveMessage finds nothing, however much
waits; what it had received before is finished, as invocations under way are.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from localaws.measures import Metric
from localaws.messages import json_object, json_reply

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Reply, Request
    from localaws.world import World

log = structlog.get_logger(__name__)

OK = 200
EVENT_SOURCES = {"cloudcafe-payment-processor": "cloudcafe-payments.fifo"}
PATH = re.compile(r"/\d{4}-\d\d-\d\d/functions/([^/]+)/concurrency\Z")
TICK_SECONDS = 1.0


class LambdaConcurrency:
    """Knows which queues nobody may work on."""

    services = frozenset({"lambda", "sqs"})

    def __init__(self, world: World) -> None:
        self._world = world
        self._stopped: set[str] = set()
        self._resumed = asyncio.Event()

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Note changed reservations; let the receivers of a stopped function wait in vain."""
        if request.service == "lambda":
            return await self._lambda(request, forward)
        if request.action != "ReceiveMessage":
            return await forward(request)
        data = json_object(request.body) or {}
        queue = str(data.get("QueueUrl", "")).rpartition("/")[2]
        if queue not in EVENT_SOURCES.values():
            return await forward(request)
        return await self._receive(request, data, queue, forward)

    async def tick(self) -> float:
        """Read the reservations: a restored state, or a function made anew, is noticed too."""
        for function in EVENT_SOURCES:
            await self._look(function)
        return TICK_SECONDS

    def state(self) -> object:
        """The queues that nobody may work on."""
        return {"stopped": sorted(self._stopped)}

    def memory(self) -> object:
        """Nothing: the reservations are the emulator's."""
        return None

    def remember(self, memory: Any) -> None:
        """Nothing."""

    async def reset(self) -> None:
        """Let everybody receive."""
        self._stopped.clear()
        self._resumed.set()

    async def _lambda(self, request: Request, forward: Forward) -> Reply:
        reply = await forward(request)
        changed = PATH.match(request.path) if request.method in {"PUT", "DELETE"} else None
        if changed and changed[1].rpartition(":")[2] in EVENT_SOURCES:
            await self._look(changed[1].rpartition(":")[2])
        return reply

    async def _look(self, function: str) -> None:
        reply = await self._world.call(_get_concurrency(self._world, function))
        reserved = (json_object(reply.body) or {}).get("ReservedConcurrentExecutions")
        queue = EVENT_SOURCES[function]
        stopped = reply.status == OK and reserved == 0
        if stopped == (queue in self._stopped):
            return
        log.info("function stopped" if stopped else "function runs again", function=function)
        if stopped:
            self._stopped.add(queue)
            self._resumed.clear()
        else:
            self._stopped.discard(queue)
            self._resumed.set()

    async def _receive(
        self, request: Request, data: dict[str, Any], queue: str, forward: Forward
    ) -> Reply:
        """Wait as the queue would that has nothing to give, or until the function resumes."""
        if queue not in self._stopped:
            return await forward(request)
        function = next(name for name, source in EVENT_SOURCES.items() if source == queue)
        where = (("FunctionName", function),)
        metric = Metric("AWS/Lambda", "Throttles", where, request.account, request.region)
        self._world.measures.add(metric)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._resumed.wait(), float(data.get("WaitTimeSeconds") or 0))
        return json_reply({})


def build(world: World) -> LambdaConcurrency:
    """The consequence with its real surroundings."""
    return LambdaConcurrency(world)


def _get_concurrency(world: World, function: str) -> Request:
    path = f"/2019-09-30/functions/{function}/concurrency"
    return replace(world.request("lambda", "", b""), method="GET", path=path)
