"""Samples of probes and their compact form in a run's status. Pure.

A run keeps every sample, so its size must be bounded by construction: `interval` stretches a
probe's period so that no run has more than LIMIT of them in its time, and each takes about ten
bytes. An undo that is stuck for days is sampled up to MOST_SAMPLES and then no more.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cloudcafe_operator.resources.duration import seconds
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.probe import Probe
from cloudcafe_operator.resources.run import ProbeLog

ALARM_S = 5.0
LIMIT = 1800  # samples of one probe within a run's longest duration
MOST_SAMPLES = LIMIT + 200  # later ones matter to nobody: a run past its deadline is aborted
MOST_GAPS = 20
MISSED = 2.5  # intervals without a sample are a gap: one may be late
Result = Literal["good", "refused", "delayed"]
MARKS: Mapping[str, Result] = {"+": "good", "-": "refused", "~": "delayed"}
SIGNS = {result: mark for mark, result in MARKS.items()}
TOKEN = re.compile(r"([0-9.]+)([+~-])([0-9]+)")


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """What one probe saw: begun `at` seconds after the run's start, answered after so many ms.

    Refused: an error, a bad status or no connection. Delayed: accepted, but too slow to be good.
    """

    at: float
    result: Result
    milliseconds: int

    @property
    def good(self) -> bool:
        """Whether the user was served."""
        return self.result == "good"

    @property
    def ended(self) -> float:
        """When the user was answered, in seconds after the run's start."""
        return self.at + self.milliseconds / 1000


Samples = Mapping[str, Sequence[Sample]]


def interval(every: str, max_duration: str) -> float:
    """Return the seconds between two samples: as asked, at least 1, stretched for long runs."""
    return max(1.0, seconds(every), seconds(max_duration) / LIMIT)


def intervals(spec: ExperimentSpec) -> dict[str, float]:
    """Return the interval in seconds of each probe that is measured."""
    longest = spec.limits.max_duration
    return {p.name: interval_of(p, longest) for p in spec.steady_state.measured}


def interval_of(probe: Probe, max_duration: str) -> float:
    """Return a probe's interval in seconds; AWS is not asked more often than it likes."""
    return max(interval(probe.every, max_duration), ALARM_S if probe.cloudwatch else 0.0)


def encode(samples: Samples, troubles: Mapping[str, str] | None = None) -> tuple[ProbeLog, ...]:
    """Return samples as they are stored: `5.13+12 6.14-2001`, in the order of their beginning."""
    return tuple(
        ProbeLog(
            name=name,
            trouble=(troubles or {}).get(name, ""),
            samples=" ".join(
                f"{one.at:.2f}{SIGNS[one.result]}{one.milliseconds}" for one in sorted(found)
            ),
        )
        for name, found in sorted(samples.items())
    )


def decode(logs: Iterable[ProbeLog]) -> dict[str, tuple[Sample, ...]]:
    """Return stored samples."""
    return {
        log.name: tuple(
            Sample(float(at), MARKS[mark], int(ms)) for at, mark, ms in TOKEN.findall(log.samples)
        )
        for log in logs
    }


def gaps(samples: Samples, every: Mapping[str, float]) -> tuple[str, ...]:
    """Return the spans without a sample; never filled in.

    `12.0s-19.5s`: no probe began one, as when no operator was there. `12.0s-19.5s menu`: this
    probe had none, as when whom it asks gave no answer. Of very many the longest are told, in the
    order of their beginning.
    """
    began = {name: sorted(one.at for one in found) for name, found in samples.items()}
    moments = sorted(at for found in began.values() for at in found)
    nobody = _silences(moments, max(every.values(), default=1.0))
    spans = [(first, last, "") for first, last in nobody]
    for name, found in sorted(began.items()):
        period = every.get(name, 1.0)
        for first, last in _silences([*moments[:1], *found, *moments[-1:]], period):
            told = sum(max(0.0, min(last, b) - max(first, a)) for a, b in nobody)
            if last - first - told > MISSED * period:
                spans.append((first, last, f" {name}"))
    longest = sorted(spans, key=lambda span: span[0] - span[1])[:MOST_GAPS]
    return tuple(f"{first:.1f}s-{last:.1f}s{whose}" for first, last, whose in sorted(longest))


def _silences(moments: Sequence[float], period: float) -> list[tuple[float, float]]:
    """Return the spans in which beats were missed."""
    return [pair for pair in itertools.pairwise(moments) if pair[1] - pair[0] > MISSED * period]
