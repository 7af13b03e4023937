"""What one look at a store brought, judged once and believed until the next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cloudcafe_operator.planning.store_adoption import propose
from cloudcafe_operator.planning.store_cluster import only_tells
from cloudcafe_operator.planning.store_drift import Difference, differences, missing
from cloudcafe_operator.planning.store_memory import Memory, met
from cloudcafe_operator.planning.store_steps import Step
from cloudcafe_operator.planning.store_world import Observed, Wanted
from cloudcafe_operator.resources.store_status import Adoption


@dataclass(frozen=True, slots=True)
class Finding:
    """The world, what is still to do, what differs, and what the next look must remember."""

    observed: Observed
    todo: Sequence[Step]
    differences: tuple[Difference, ...] = ()
    applied: Mapping[str, str] = field(default_factory=dict)
    adoption: Adoption | None = None


def found(wanted: Wanted, observed: Observed, todo: Sequence[Step], memory: Memory) -> Finding:
    """Return the finding of a look at the world."""
    if wanted.terms.management == "Observe":  # nothing is ours, and all is compared
        as_ours = replace(wanted, adopting=True)
        differing = (*missing(wanted, observed), *differences(as_ours, observed))
        return Finding(observed, (), differing, dict(memory.applied or {}))
    differing = differences(wanted, observed)
    todo = [step for step in todo if not only_tells(step)]  # nothing waits for it
    return Finding(
        observed,
        todo,
        differing,
        met(wanted, observed, differing, memory),
        propose(wanted, observed, memory),
    )
