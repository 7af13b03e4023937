"""AWS FIS acts: while an experiment runs, its share of what is written to its streams is refused.

FIS requests are answered here, Kinesis requests pass through. The refusals are spread evenly, not
drawn: of four at 50 % the second and the fourth. Reading is not refused: a GetRecords does not say
which stream it reads.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter as Exposed

from localaws.fis import FULL, Experiment, InvalidTemplateError, Laboratory
from localaws.measures import Metric
from localaws.messages import (
    NOT_IMPLEMENTED,
    Protocol,
    Reply,
    error_reply,
    json_object,
    protocol_of,
)

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Request
    from localaws.world import World

log = structlog.get_logger(__name__)

PATH = re.compile(r"/(experimentTemplates|experiments)(?:/([^/]+))?\Z")
WRITES = frozenset({"PutRecord", "PutRecords"})
JSON = ((b"content-type", b"application/json"),)
IDLE_SECONDS = 1.0
NOT_FOUND = 404


class FaultInjection:
    """Holds the experiments and refuses what they want refused."""

    services = frozenset({"fis", "kinesis"})

    def __init__(self, world: World) -> None:
        self._world = world
        self._laboratory = Laboratory()
        self._asked: Counter[str] = Counter()
        self._refused = Exposed(
            "localaws_stream_refusals",
            "Writes to a stream that an experiment of FIS refused",
            ["stream"],
            registry=world.registry,
        )

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Answer FIS; refuse a stream's writes as its experiment says."""
        if request.service == "fis":
            return self._fis(request)
        if request.action in WRITES and self._laboratory.experiments:
            stream = _stream(request.body)
            if self._refuses(stream):
                self._refused.labels(stream).inc()
                name = "WriteProvisionedThroughputExceeded"
                where = (("StreamName", stream),)
                metric = Metric("AWS/Kinesis", name, where, request.account, request.region)
                self._world.measures.add(metric)
                return _throttled(request, stream)
        return await forward(request)

    async def tick(self) -> float:
        """Nothing is due: an experiment's end is a time."""
        return IDLE_SECONDS

    def state(self) -> object:
        """What is under way, by experiment."""
        now = self._world.clock()
        return {
            "experiments": {
                one.id: {
                    "streams": list(one.streams),
                    "percentage": one.percentage,
                    "secondsLeft": round(one.started + one.seconds - now, 3),
                }
                for one in self._laboratory.experiments.values()
                if one.status(now) == "running"
            }
        }

    def memory(self) -> object:
        """Templates and experiments."""
        return self._laboratory.memory(self._world.clock())

    def remember(self, memory: Any) -> None:
        """Go on with the experiments that were under way."""
        self._laboratory = Laboratory.of(memory, self._world.clock())

    async def reset(self) -> None:
        """Forget all experiments."""
        self._laboratory = Laboratory()
        self._asked.clear()

    def _refuses(self, stream: str) -> bool:
        share = self._laboratory.share(stream, self._world.clock())
        if not share:
            return False
        before = self._asked[stream] * share // FULL
        self._asked[stream] += 1
        return self._asked[stream] * share // FULL > before

    def _fis(self, request: Request) -> Reply:
        found = PATH.match(request.path)
        if found is None:
            return _no("InvalidAction", f"the embedded FIS has no {request.path}", NOT_IMPLEMENTED)
        kind, name = found.groups()
        try:
            if kind == "experiments":
                return self._experiments(request, name)
            return self._templates(request, name)
        except (InvalidTemplateError, ValueError) as error:
            return _no("ValidationException", str(error), 400)

    def _templates(self, request: Request, name: str | None) -> Reply:
        held = self._laboratory.templates
        if name is None and request.method == "POST":
            made = self._laboratory.make(json.loads(request.body))
            log.info("experiment template made", template=made["id"])
            return _yes({"experimentTemplate": made})
        if name is None:
            return _yes({"experimentTemplates": list(held.values())})
        if name not in held:
            return _no("ResourceNotFoundException", f"no template {name}", NOT_FOUND)
        found = held.pop(name) if request.method == "DELETE" else held[name]
        return _yes({"experimentTemplate": found})

    def _experiments(self, request: Request, name: str | None) -> Reply:
        now = self._world.clock()
        held = self._laboratory.experiments
        if name is None and request.method == "POST":
            started = self._laboratory.start(json.loads(request.body), now)
            if started is None:
                return _no("ResourceNotFoundException", "no such template", NOT_FOUND)
            log.info("experiment runs", experiment=started.id, streams=started.streams)
            return _yes({"experiment": _shown(started, now)})
        if name is None:
            return _yes({"experiments": [_shown(one, now) for one in held.values()]})
        if name not in held:
            return _no("ResourceNotFoundException", f"no experiment {name}", NOT_FOUND)
        if request.method == "DELETE" and held[name].status(now) == "running":
            held[name].stopped = True
            log.info("experiment stopped", experiment=name)
        return _yes({"experiment": _shown(held[name], now)})


def build(world: World) -> FaultInjection:
    """The consequence with its real surroundings."""
    return FaultInjection(world)


def _shown(experiment: Experiment, now: float) -> dict[str, Any]:
    return {
        "id": experiment.id,
        "experimentTemplateId": experiment.template,
        "state": {"status": experiment.status(now), "reason": ""},
        "tags": experiment.tags,
    }


def _yes(document: object) -> Reply:
    return Reply(200, json.dumps(document).encode(), JSON)


def _no(code: str, message: str, status: int) -> Reply:
    return error_reply(Protocol.REST, code, message, status=status)


def _throttled(request: Request, stream: str) -> Reply:
    return error_reply(
        protocol_of(request.service, request.headers),
        "ProvisionedThroughputExceededException",
        f"Rate exceeded for shard shardId-000000000000 in stream {stream} "
        f"under account {request.account}.",
    )


def _stream(body: bytes) -> str:
    data = json_object(body) or {}
    return str(data.get("StreamName") or str(data.get("StreamARN", "")).rpartition("/")[2])
