"""Do the one step that planning chose for a run, then store what came of it.

Called by `handlers/chaos.py`. Every store carries the resourceVersion that the decision rested on:
whoever acted on an older state is refused by the API server. The order in here is the law of the
journal: capture, store, inject, store, revert, verify, store.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.audit_run import RunAuditor
from cloudcafe_operator.effects.finalizer import hold, let_go
from cloudcafe_operator.effects.observe_run import Observer
from cloudcafe_operator.effects.survey import Surveyor, build_preview, fault_spec
from cloudcafe_operator.errors import (
    AccessDenied,
    Bug,
    Conflict,
    OperatorError,
    Retry,
)
from cloudcafe_operator.faults.contract import Entry, Fault, Undone
from cloudcafe_operator.kinds import CHAOS_RUNS
from cloudcafe_operator.planning import outcomes
from cloudcafe_operator.planning.checks import refusals
from cloudcafe_operator.planning.run import OWN_CLAIM_S, TICK_S
from cloudcafe_operator.planning.steps import (
    Audit,
    Capture,
    Check,
    Done,
    Hold,
    Inject,
    LetGo,
    Look,
    Observed,
    Preflight,
    Step,
    Store,
    Story,
    Undo,
    Wait,
)
from cloudcafe_operator.ports import Events, Ref
from cloudcafe_operator.resources.common import API_VERSION, merge_patch
from cloudcafe_operator.resources.run import Run

AT_ONCE = 0.0
PATIENCE = 20  # waits in a row before a human is told what an undo waits for
SLOWEST_RETRY_S = 30.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Executor:
    """Acts; one serves all runs. Answers with the seconds until the run is looked at again."""

    surveyor: Surveyor
    observer: Observer
    events: Events
    auditor: RunAuditor
    capturing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def execute(self, observed: Observed, step: Step) -> float | None:
        """Do one step. None: the run is over."""
        if isinstance(step, Wait):
            return step.seconds
        if isinstance(step, Done):
            return None
        run = observed.run
        if isinstance(step, Hold):
            await hold(self.surveyor.kubernetes, _ref(run))
        elif isinstance(step, LetGo):
            version = run.resource_version
            await let_go(self.surveyor.kubernetes, _ref(run), resource_version=version)
        else:  # of two runs that capture one target, one must see the other's journal
            async with self.capturing if isinstance(step, Capture) else nullcontext():
                if came_of_it := await self._act(observed, step):
                    await self._store(run, came_of_it)
        return AT_ONCE

    async def _act(self, observed: Observed, step: Step) -> Store | None:  # noqa: PLR0911 - a table
        """Have the one effect; return what is to be stored."""
        match step:
            case Preflight():
                return await self._preflight(observed)
            case Capture():
                return await self._capture(observed, step.step)
            case Inject():
                return await self._inject(observed, step.index)
            case Undo():
                return await self._undo(observed, step.index)
            case Audit():
                return await self.auditor.audit(observed, step.probe)
            case Look() | Check():
                return await self._read(observed, step)
            case _:
                return step if isinstance(step, Store) else None

    async def _store(self, run: Run, wanted: Store) -> None:
        """Write the status under the version it was decided on, then tell the story."""
        patch = merge_patch(run.status.manifest(), wanted.status.manifest())
        if patch:
            await self.surveyor.kubernetes.patch_status(
                _ref(run), patch, resource_version=run.resource_version
            )
        memory = self.observer.memory(run.uid)
        memory.saved_at = self.observer.clock.monotonic()
        for story in wanted.stories:
            self._tell(run, story)
        if wanted.status.phase == "Finished" and run.status.phase != "Finished":
            metrics.runs.labels(wanted.status.verdict or "Preview").inc()
            for step in wanted.status.steps:
                if step.measures.recovered_after is not None:
                    metrics.recovery_seconds.observe(step.measures.recovered_after)

    def _tell(self, run: Run, story: Story) -> None:
        about = {
            "apiVersion": API_VERSION,
            "kind": CHAOS_RUNS.kind,
            "metadata": {"name": run.name, "namespace": run.namespace, "uid": run.uid},
        }
        self.events.publish(about, reason=story.reason, message=story.message, kind=story.kind)

    async def _preflight(self, observed: Observed) -> Store | None:
        run = observed.run
        try:
            survey = await self.surveyor.survey(run, range(len(run.spec.template.steps)))
        except (Retry, AccessDenied) as problem:
            return self._hindered(observed, "preflight", problem)
        found = refusals(survey.findings)
        if run.spec.template.mode == "Preview":
            messages = [refusal.message for refusal in found]
            preview = build_preview(survey, self.surveyor.faults, messages)
            return outcomes.previewed(observed, preview)
        if found:
            message = "; ".join(refusal.message for refusal in found)
            return outcomes.stop(observed, found[0].reason, message)
        targets = sum(1 for _ in survey.findings.hit())
        return outcomes.passed_preflight(observed, targets)

    async def _capture(self, observed: Observed, step: int) -> Store | None:
        """Store what undo will need, for all targets of the step, before any is touched."""
        try:
            survey = await self.surveyor.survey(observed.run, [step])
        except (Retry, AccessDenied) as problem:
            return self._hindered(observed, "capture", problem)
        found = refusals(survey.findings)
        if found:
            message = "; ".join(refusal.message for refusal in found)
            return outcomes.stop(observed, found[0].reason, message)
        entries = [
            outcomes.entry_for(
                observed,
                slot=slot.number,
                target=target,
                captured=dict(survey.captured[slot.step, slot.number, target.id]),
            )
            for slot, target in survey.findings.hit()
        ]
        names = {entry.fault for entry in entries}
        momentary = all(self.surveyor.faults[name].momentary for name in names)
        return outcomes.captured(observed, entries, momentary=momentary)

    async def _inject(self, observed: Observed, index: int) -> Store | None:
        """Make the change. Before this ran, the entry was stored as Injecting."""
        run, key = observed.run, f"inject-{index}"
        entry = run.status.journal[index]
        fault = self.surveyor.faults[entry.fault]
        written = run.spec.template.steps[entry.step].faults[entry.slot]
        begun = self.observer.clock.now()
        try:
            spec = fault_spec(fault, written)
            world = self.surveyor.fenced_world(run, OWN_CLAIM_S)
            made = await fault.inject(spec, _entry(run, index), world)
        except (Retry, Conflict) as problem:
            return self._hindered(observed, key, problem)
        except Bug:
            raise
        except OperatorError as problem:
            message = f"{entry.fault} on {entry.target.name} could not be injected: {problem}"
            return outcomes.stop(observed, "InjectionRefused", message)
        self._succeeded(run, key)
        now = self.observer.clock.now()
        metrics.inject_seconds.labels(entry.fault).observe((now - begun).total_seconds())
        return outcomes.injected(observed, index, dict(made), begun=begun, now=now)

    async def _read(self, observed: Observed, step: Look | Check) -> Store | None:
        """Read which of the entries are in force, or whole again; try the others next tick."""
        run, look = observed.run, isinstance(step, Look)
        seen = []
        for index in step.indices:
            try:
                if await (self._in_force(run, index) if look else self._healthy(run, index)):
                    seen.append(index)
            except OperatorError as problem:
                log.info("cannot see how a target is", run=run.name, error=str(problem))
        if not seen:
            self._defer(run, "look" if look else "check", TICK_S)
            return None
        later = self._later(observed)
        return outcomes.in_force(later, seen) if look else outcomes.healthy(later, seen)

    async def _in_force(self, run: Run, index: int) -> bool:
        entry = run.status.journal[index]
        fault = self.surveyor.faults[entry.fault]
        spec = fault_spec(fault, run.spec.template.steps[entry.step].faults[entry.slot])
        return await fault.in_force(spec, _entry(run, index), self.surveyor.world(run))

    async def _healthy(self, run: Run, index: int) -> bool:
        fault = self.surveyor.faults[run.status.journal[index].fault]
        return await fault.healthy(_entry(run, index), self.surveyor.world(run))

    async def _undo(self, observed: Observed, index: int) -> Store | None:
        """Revert and read back; whatever fails is told and tried again, for ever."""
        run, key = observed.run, f"undo-{index}"
        entry = _entry(run, index)
        fault = self.surveyor.faults.get(run.status.journal[index].fault)
        begun = self.observer.clock.now()
        try:
            undone = await self._revert(run, entry, fault)
        except Exception as problem:  # noqa: BLE001 - an undo must survive every error of a fault
            by_hand = fault.by_hand(entry) if fault else "see status.journal"
            return self._undo_failed(observed, index, problem, by_hand)
        self._succeeded(run, key)
        took = (self.observer.clock.now() - begun).total_seconds()
        metrics.undo_seconds.labels(run.status.journal[index].fault).observe(took)
        return outcomes.undone(self._later(observed), index, undone.outcome, undone.detail)

    async def _revert(self, run: Run, entry: Entry, fault: Fault[Any] | None) -> Undone:
        if fault is None:
            raise Bug("this operator does not know the fault: run the version that injected it")
        world = self.surveyor.world(run)
        undone = await fault.revert(entry, world)
        if not await fault.verify(entry, world):
            raise Retry(f"{entry.target.name} does not read back as undone yet", after=1.0)
        return undone

    def _undo_failed(
        self, observed: Observed, index: int, problem: Exception, by_hand: str
    ) -> Store | None:
        key = f"undo-{index}"
        waiting = isinstance(problem, Retry | Conflict)
        failures = self._defer(observed.run, key, getattr(problem, "after", None))
        if waiting and failures < PATIENCE:
            return None
        if not isinstance(problem, OperatorError):
            log.error("undo failed", run=observed.run.name, exc_info=problem)
        return outcomes.troubled(observed, index, str(problem), by_hand)

    def _hindered(self, observed: Observed, key: str, problem: OperatorError) -> Store | None:
        """Put an effect off, and say why where that lasts."""
        failures = self._defer(observed.run, key, getattr(problem, "after", None))
        if failures < PATIENCE and not isinstance(problem, AccessDenied):
            return None
        return outcomes.hindered(observed, key, problem.reason, str(problem))

    def _later(self, observed: Observed) -> Observed:
        """Return what was observed at the time it is now, after an effect took its time."""
        return replace(observed, now=self.observer.clock.now())

    def _defer(self, run: Run, key: str, after: float | None) -> int:
        """Note when an effect may be tried again; return how often it failed in a row."""
        memory = self.observer.memory(run.uid)
        failures = memory.failures[key] = memory.failures.get(key, 0) + 1
        wait = after or min(SLOWEST_RETRY_S, 0.5 * math.pow(2, min(failures - 1, 10)))
        memory.retry_at[key] = self.observer.clock.monotonic() + wait
        return failures

    def _succeeded(self, run: Run, key: str) -> None:
        memory = self.observer.memory(run.uid)
        memory.failures.pop(key, None)
        memory.retry_at.pop(key, None)


def _ref(run: Run) -> Ref:
    return Ref(CHAOS_RUNS, run.name, run.namespace)


def _entry(run: Run, index: int) -> Entry:
    """Return a journal entry as a fault sees it."""
    entry = run.status.journal[index]
    return Entry(
        run_uid=run.uid,
        run_name=run.name,
        run_namespace=run.namespace,
        target=entry.target,
        captured=entry.captured,
        injected=entry.injected,
    )
