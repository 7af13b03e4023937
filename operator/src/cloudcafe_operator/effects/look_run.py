"""Read which targets are in force, or whole again. Called by `execute.py`; changes nothing."""

from __future__ import annotations

from dataclasses import replace

import structlog

from cloudcafe_operator.effects.observe_run import Observer
from cloudcafe_operator.effects.surprise import no_surprise
from cloudcafe_operator.effects.survey import Surveyor, entry_of, fault_spec
from cloudcafe_operator.effects.together import AT_ONCE, answered_within
from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.planning import sightings
from cloudcafe_operator.planning.steps import TICK_S, Check, Look, Observed, Store
from cloudcafe_operator.resources.run import Run

FEW = 4  # reads of AWS: one that hangs keeps its thread, and others need the rest of them
LOOK_S = 10.0  # nobody looks at the halt lever meanwhile
LAST_LOOK_S = 5.0  # an undo waits for it
log = structlog.get_logger()


async def look_at(
    surveyor: Surveyor, observer: Observer, observed: Observed, step: Look | Check
) -> Store | None:
    """Read the entries of a step; those that were not seen so are asked again later.

    The last look of a hold ends it, whatever it finds: what cannot be read is left as it was.
    """
    run, look = observed.run, isinstance(step, Look)
    begun = observer.clock.monotonic()
    apart = all(surveyor.is_apart(run.status.journal[one].fault) for one in step.indices)
    asked = [_is_so(surveyor, run, one, look=look) for one in step.indices]
    last = isinstance(step, Look) and step.last
    answers = await answered_within(
        LAST_LOOK_S if last else LOOK_S, asked, at_once=AT_ONCE if apart else FEW
    )
    seen = [one for one, is_so in zip(step.indices, answers, strict=True) if is_so]
    if last:
        gone = [i for i, is_so in zip(step.indices, answers, strict=True) if is_so is False]
        return sightings.at_the_end(replace(observed, now=observer.now(run)), seen, gone)
    if not seen:
        took = observer.clock.monotonic() - begun
        observer.defer(run.uid, "look" if look else "check", max(TICK_S, took))
        return None
    later = replace(observed, now=observer.now(run))
    return sightings.in_force(later, seen) if look else sightings.healthy(later, seen)


async def _is_so(surveyor: Surveyor, run: Run, index: int, *, look: bool) -> bool | None:
    """Return what is read; None where it cannot be."""
    entry, world = run.status.journal[index], surveyor.world(run)
    fault = surveyor.faults.get(entry.fault)
    if fault is None:  # of a newer operator: the undo says so
        return None
    try:
        async with no_surprise(f"{entry.fault} cannot look"):
            if not look:
                return await fault.healthy(entry_of(run, index), world)
            spec = fault_spec(fault, run.spec.template.steps[entry.step].faults[entry.slot])
            return await fault.in_force(spec, entry_of(run, index), world)
    except OperatorError as problem:
        log.info("cannot see how a target is", run=run.name, error=str(problem))
        return None
