"""A pause in the middle of a step: what was captured, and what may be in force already. Pure.

Asked by `run.py`. A pause begins nothing, so what nobody has tried to inject waits for its end; and
it keeps nothing in force, so what was tried is undone when its hold is over.
"""

from __future__ import annotations

from collections.abc import Sequence

from cloudcafe_operator.planning import outcomes
from cloudcafe_operator.planning.claims import OWN_CLAIM_S, is_ours
from cloudcafe_operator.planning.moments import INJECTION, claim, injection_begun
from cloudcafe_operator.planning.steps import (
    TICK_S,
    Observed,
    Step,
    Store,
    Story,
    Wait,
    changed,
    with_step,
)
from cloudcafe_operator.resources.duration import seconds


def paused_midway(observed: Observed, mine: Sequence[int]) -> Step:
    """Inject nothing more, and keep what is injected already no longer than its hold.

    `mine` are the entries of the present step, the last of the journal.
    """
    status, spec = observed.run.status, observed.run.spec.template
    if all(_is_untried(observed, index) for index in mine):
        return _captured_in_vain(observed, mine)
    begun = injection_begun(status) or observed.now
    left = seconds(spec.steps[status.step].hold) - observed.since(INJECTION, begun)
    return Wait(min(TICK_S, left)) if left > 0 else outcomes.start_undo(observed, observed.status)


def _is_untried(observed: Observed, index: int) -> bool:
    """Whether nobody can have injected an entry: this process alone had the right, and did not."""
    entry = observed.run.status.journal[index]
    return index in observed.untried and is_ours(entry, observed.identity)


def _captured_in_vain(observed: Observed, mine: Sequence[int]) -> Step:
    """Take the step's entries out of the journal: after the pause all is captured anew.

    Meanwhile others may break the targets, or set the values that undo would go back to. Only once
    the claims are too old to inject by: whoever still sees the run as it was would have to store a
    new one, and is refused.
    """
    status = observed.status
    ages = (observed.since(claim(index), status.journal[index].claimed_at) for index in mine)
    left = OWN_CLAIM_S - min(ages)
    if left > 0:
        return Wait(min(TICK_S, left))
    journal = status.journal[: mine[0]]
    status = changed(status, journal=journal, targets=str(len(journal)))
    status = with_step(status, status.step, momentary=False, unproven="")
    said = f"step {status.steps[status.step].name} waits for the pause to end; nothing was injected"
    return Store(status, (Story("Paused", said),))
