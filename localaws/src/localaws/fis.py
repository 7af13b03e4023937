"""AWS FIS as far as the cafe uses it: templates, experiments that end by themselves. No effect.

`consequences/fault_injection.py` answers its API with it and refuses what an experiment wants
refused. Times are seconds on the caller's clock.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

THROTTLE = "aws:kinesis:stream-provisioned-throughput-exception"
SHORTEST_SECONDS = 60
DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?\Z")
FULL = 100


class InvalidTemplateError(Exception):
    """What AWS would call a ValidationException."""


@dataclass
class Experiment:
    """One run of a template against streams."""

    id: str
    token: str
    template: str
    streams: tuple[str, ...]
    percentage: int
    seconds: float
    started: float
    tags: dict[str, str] = field(default_factory=dict)
    stopped: bool = False

    def status(self, now: float) -> str:
        """The word that AWS has for where it is."""
        if self.stopped:
            return "stopped"
        return "running" if now < self.started + self.seconds else "completed"


@dataclass
class Laboratory:
    """All templates and experiments, by their ids."""

    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    numbers: int = 0

    def make(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A template; the one that was made with the same client token, where there is one."""
        token = str(asked.get("clientToken", ""))
        for known in self.templates.values():
            if token and known["clientToken"] == token:
                return known
        _aims(asked)
        made = {**asked, "clientToken": token, "id": self._next("EXT")}
        self.templates[made["id"]] = made
        return made

    def start(self, asked: dict[str, Any], now: float) -> Experiment | None:
        """An experiment, likewise; None where the template does not exist."""
        token = str(asked.get("clientToken", ""))
        for known in self.experiments.values():
            if token and known.token == token:
                return known
        template = self.templates.get(str(asked.get("experimentTemplateId", "")))
        if template is None:
            return None
        streams, percentage, seconds = _aims(template)
        tags = dict(asked.get("tags") or {})
        number = self._next("EXP")
        made = Experiment(number, token, template["id"], streams, percentage, seconds, now, tags)
        self.experiments[number] = made
        return made

    def share(self, stream: str, now: float) -> int:
        """The percentage of a stream's requests that is refused now."""
        return max(
            (
                one.percentage
                for one in self.experiments.values()
                if stream in one.streams and one.status(now) == "running"
            ),
            default=0,
        )

    def memory(self, now: float) -> dict[str, Any]:
        """All of it; starts are kept as what has passed since, as clocks start anew."""
        kept = [{**asdict(one), "started": one.started - now} for one in self.experiments.values()]
        return {"templates": self.templates, "experiments": kept, "numbers": self.numbers}

    @classmethod
    def of(cls, memory: dict[str, Any], now: float) -> Laboratory:
        """The reverse."""
        experiments = {}
        for one in memory["experiments"]:
            kept = {**one, "streams": tuple(one["streams"]), "started": one["started"] + now}
            experiments[one["id"]] = Experiment(**kept)
        return cls(dict(memory["templates"]), experiments, int(memory["numbers"]))

    def _next(self, prefix: str) -> str:
        self.numbers += 1
        return f"{prefix}{self.numbers:020d}"


def _aims(template: dict[str, Any]) -> tuple[tuple[str, ...], int, float]:
    """Streams, percentage and seconds of a template; InvalidTemplateError where one is wrong."""
    for name in ("roleArn", "stopConditions", "actions", "description"):
        if not template.get(name):
            raise InvalidTemplateError(f"{name} is missing")
    if len(template["actions"]) != 1:
        raise InvalidTemplateError("the embedded FIS takes templates with one action")
    (action,) = template["actions"].values()
    if action.get("actionId") != THROTTLE:
        raise InvalidTemplateError(f"the embedded FIS knows one action: {THROTTLE}")
    parameters = action.get("parameters") or {}
    parts = DURATION.match(str(parameters.get("duration", "")))
    hours, minutes, seconds = (int(part or 0) for part in (parts.groups() if parts else "000"))
    length = hours * 3600 + minutes * 60 + seconds
    if length < SHORTEST_SECONDS:
        raise InvalidTemplateError("duration is no ISO 8601 duration of one minute or more")
    percentage = int(parameters.get("percentage", 0))
    if not 1 <= percentage <= FULL:
        raise InvalidTemplateError("percentage is not between 1 and 100")
    target = (template.get("targets") or {}).get(
        (action.get("targets") or {}).get("KinesisStreams")
    )
    arns = (target or {}).get("resourceArns") or ()
    if not arns:
        raise InvalidTemplateError("KinesisStreams names no target with resourceArns")
    return tuple(str(arn).rpartition("/")[2] for arn in arns), percentage, float(length)
