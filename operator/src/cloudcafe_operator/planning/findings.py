"""What a survey found about a run's targets: what the checklist looks at. Pure data.

Made by `effects/survey.py`, judged by `checks.py` and `limits.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cloudcafe_operator.planning.guards import Guard, Reach, reach
from cloudcafe_operator.planning.shares import NOBODY, Capacity, Share, shares
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.run import Target

NEVER = datetime(1, 1, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Slot:
    """What one entry of a step's faults[] resolved to."""

    step: int
    number: int
    fault: str
    known: bool = True
    problem: str = ""  # its arguments are wrong, or reading its targets failed for good
    matched: int = 0
    chosen: tuple[Target, ...] = ()
    capacity: Capacity = NOBODY
    irreversible: str = ""
    ends_after: float | None = None  # seconds after which the fault ends by itself
    refused: Mapping[str, str] = field(default_factory=dict)  # target id → why capture refuses


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything the checks look at."""

    spec: ExperimentSpec
    namespace: str  # the experiment's
    slots: tuple[Slot, ...]
    known_faults: tuple[str, ...] = ()
    busy: Mapping[str, str] = field(default_factory=dict)  # target id → the run that holds it
    closed_to_probes: frozenset[str] = frozenset()  # other namespaces that did not open
    author: str = ""  # of the experiment; empty: nobody knows
    out_of_reach: frozenset[str] = frozenset()  # other namespaces the author may not break
    unsafe: Mapping[str, str] = field(default_factory=dict)  # probe of stopWhen → what it met
    guards: tuple[Guard, ...] = ()  # of the stores that the run may touch
    others: Mapping[str, Reach] = field(default_factory=dict)  # whom each other run touches now
    now: datetime = NEVER

    def hit(self) -> Iterator[tuple[Slot, Target]]:
        """Go through all targets of all slots."""
        for slot in self.slots:
            for target in slot.chosen:
                yield slot, target

    @property
    def reach(self) -> Reach:
        """Whom the run would touch."""
        return reach((target for _, target in self.hit()), self.namespace)

    def shares(self) -> Iterator[tuple[int, Share]]:
        """Go through what each step takes of services and zones, over all its faults."""
        for step in range(len(self.spec.steps)):
            for share in shares(slot.capacity for slot in self.slots if slot.step == step):
                yield step, share
