"""Samples of probes as a ChaosRun keeps them: `5.13+12 6.14-2001`. Pure.

The operator writes them (its planning/samples.py says what they mean); tests/contract checks that
both sides agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Result = Literal["good", "refused", "delayed"]
MARKS: dict[str, Result] = {"+": "good", "-": "refused", "~": "delayed"}
TOKEN = re.compile(r"([0-9.]+)([+~-])([0-9]+)")


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """What one probe saw: begun `at` seconds after the run's start, answered after so many ms."""

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


def decode(text: str) -> tuple[Sample, ...]:
    """Return stored samples in the order of their beginning."""
    return tuple(
        sorted(Sample(float(at), MARKS[mark], int(ms)) for at, mark, ms in TOKEN.findall(text))
    )


def first_bad(samples: tuple[Sample, ...], begun: float, since: float) -> Sample | None:
    """Return the first bad sample of those that met a fault from a moment on, to the hundredth.

    One under way when the fault began met it at once.
    """
    met = (one for one in samples if one.ended > begun and not one.good)
    return next((one for one in met if max(one.at, begun) > since - 0.01), None)
