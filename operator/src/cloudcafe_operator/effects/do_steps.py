"""Doing what is planned for a store, step by step. Called by `converge_store.py`.

A step that fails holds up its own part and no other. One that only makes a thing tell its cluster
holds nothing up: it comes last, and is planned again at the next look.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from cloudcafe_operator.effects.chronicle import Chronicle
from cloudcafe_operator.effects.execute_store import StoreExecutor
from cloudcafe_operator.errors import OperatorError, Throttled
from cloudcafe_operator.planning.store_cluster import only_tells
from cloudcafe_operator.planning.store_history import why
from cloudcafe_operator.planning.store_memory import part_of
from cloudcafe_operator.planning.store_parts import ChangePart, Live
from cloudcafe_operator.planning.store_steps import Area, Step
from cloudcafe_operator.planning.store_world import Observed, Trouble, Wanted
from cloudcafe_operator.planning.store_written import as_written

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """What came of some steps: parts as the answers showed them, and those to be looked at."""

    shown: dict[str, Any] = field(default_factory=dict)
    to_look_at: set[Area] = field(default_factory=set)
    failed: dict[Area, Trouble] = field(default_factory=dict)
    throttled: set[Area] = field(default_factory=set)  # that tell their cluster another time


@dataclass(frozen=True, slots=True)
class StoreSteps:
    """One for all stores."""

    executor: StoreExecutor
    chronicle: Chronicle

    async def do(
        self,
        wanted: Wanted,
        observed: Observed,
        steps: Sequence[Step],
        *,
        unseen: Collection[Area],
        written: set[str],
    ) -> Done:
        """Do them; `written` gets the parts of which the wish is met now."""
        done = Done()
        for step in sorted(steps, key=only_tells):
            if step.area in done.failed or (only_tells(step) and step.area in done.throttled):
                continue
            try:
                with self.chronicle.because(wanted.store_id, why(step, wanted)):
                    part = await self.executor.execute(
                        step, wanted.store_id, unseen=step.area in unseen
                    )
            except OperatorError as error:
                _note_failure(done, step, error, wanted, unseen)
                continue
            if not only_tells(step):  # else it may differ as before
                written.add(part_of(step))
            _note_part(done, step, part, observed)
        return done


def _note_failure(
    done: Done, step: Step, error: OperatorError, wanted: Wanted, unseen: Collection[Area]
) -> None:
    if only_tells(step):
        log.warning(
            "a store's thing does not tell its cluster yet",
            store=wanted.store_id,
            part=step.area,
            error=str(error),
        )
        if isinstance(error, Throttled):
            done.throttled.add(step.area)
        return
    done.failed[step.area] = Trouble(error)
    if step.area in unseen:  # the trouble may be that it exists
        done.to_look_at.add(step.area)


def _note_part(done: Done, step: Step, part: Any, observed: Observed) -> None:
    before = done.shown.get(step.area, getattr(observed, step.area))
    part = part or as_written(step, before)
    if part is None:
        done.to_look_at.add(step.area)
    elif isinstance(part, Live) and isinstance(step, ChangePart):  # one of several
        done.shown[step.area] = {**before, step.name: part}
    else:
        done.shown[step.area] = part
