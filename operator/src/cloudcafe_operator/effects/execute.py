"""Do the one step that planning chose for a run, then store what came of it.

Called by `handlers/chaos.py`. Every store carries the resourceVersion that the decision rested on:
whoever acted on an older state is refused by the API server. The order in here is the law of the
journal: capture, store, inject, store, revert, verify, store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from cloudcafe_operator.effects.audit_run import RunAuditor
from cloudcafe_operator.effects.change import Change
from cloudcafe_operator.effects.finalizer import hold, let_go
from cloudcafe_operator.effects.look_run import look_at
from cloudcafe_operator.effects.observe_run import Observer
from cloudcafe_operator.effects.places import WAIT_S, Places
from cloudcafe_operator.effects.preview_run import build_preview
from cloudcafe_operator.effects.report_run import report_stored
from cloudcafe_operator.effects.surprise import no_surprise
from cloudcafe_operator.effects.survey import Survey, Surveyor, fault_spec
from cloudcafe_operator.effects.survey import entry_of as _entry
from cloudcafe_operator.effects.together import side_by_side
from cloudcafe_operator.effects.undo_run import PATIENCE, RunUndoer
from cloudcafe_operator.errors import (
    AccessDenied,
    Conflict,
    OperatorError,
    Retry,
)
from cloudcafe_operator.faults.contract import Fault, World
from cloudcafe_operator.kinds import CHAOS_RUNS, key_of
from cloudcafe_operator.planning import outcomes
from cloudcafe_operator.planning.checks import Refusal, refusals
from cloudcafe_operator.planning.claims import OWN_CLAIM_S
from cloudcafe_operator.planning.company import Folded, beside_injection, condensed
from cloudcafe_operator.planning.forestalled import forestalled
from cloudcafe_operator.planning.room import lacking
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
from cloudcafe_operator.resources.common import merge_patch
from cloudcafe_operator.resources.run import Run

NOW = 0.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Executor:
    """Acts; one serves all runs. Answers with the seconds until the run is looked at again."""

    surveyor: Surveyor
    observer: Observer
    events: Events
    auditor: RunAuditor
    undoer: RunUndoer
    places: Mapping[type[Step], Places]  # for steps that take long

    async def execute(self, observed: Observed, step: Step) -> float | None:
        """Do one step. None: the run is over."""
        key, places = key_of(_ref(observed.run)), self.places.get(type(step))
        self.leave(key, besides=places)
        if isinstance(step, Wait):
            return step.seconds
        if isinstance(step, Done):
            return None
        run = observed.run
        if isinstance(step, Hold):
            await hold(self.surveyor.kubernetes, _ref(run))
            self.observer.runs.forget(run.namespace, run.name)
        elif isinstance(step, LetGo):
            version = run.resource_version
            await let_go(self.surveyor.kubernetes, _ref(run), resource_version=version)
            self.observer.runs.forget(run.namespace, run.name)
        elif places:
            with places.place(key) as mine:
                if not mine:
                    return WAIT_S
                await self._act_and_store(observed, step)
        else:
            await self._act_and_store(observed, step)
        return NOW

    def leave(self, key: str, *, besides: Places | None = None) -> None:
        """Let a run wait for no place, or for this one alone: others come after it."""
        for places in self.places.values():
            if places is not besides:
                places.leave(key)

    async def _act_and_store(self, observed: Observed, step: Step) -> None:
        if came_of_it := await self._act(observed, step):
            await self._store(observed.run, came_of_it)

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
                return await self.undoer.undo(observed, step.index)
            case Audit():
                return await self.auditor.audit(observed, step.probe)
            case Look() | Check():
                return await look_at(self.surveyor, self.observer, observed, step)
            case _:
                return step if isinstance(step, Store) else None

    async def _store(self, run: Run, wanted: Store) -> None:
        """Write the status under the version it was decided on, then tell the story."""
        patch = merge_patch(run.status.manifest(), wanted.status.manifest())
        memory = self.observer.memory(run.uid)
        # before the store, whose answer may be lost: another may capture in the place of what goes
        going = {index for index in memory.untried if index >= len(wanted.status.journal)}
        memory.untried -= going
        if patch:
            try:
                stored = await self.surveyor.kubernetes.patch_status(
                    _ref(run), patch, resource_version=run.resource_version
                )
            except Conflict:
                memory.untried |= going  # nothing went
                raise
            self.observer.runs.remember(stored)
        memory.saved_at = self.observer.clock.monotonic()
        report_stored(run.status, wanted.status, memory, self.observer.clock)
        for story in condensed(wanted.stories):
            self._tell(run, story)

    def _tell(self, run: Run, story: Story) -> None:
        about = {
            "apiVersion": CHAOS_RUNS.api_version,
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
        found = refusals(survey.findings) or _room(run, survey)
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
        found = refusals(survey.findings) or _room(observed.run, survey)
        if found:
            message = "; ".join(refusal.message for refusal in found)
            return outcomes.stop(observed, found[0].reason, message)
        later = self._later(observed)  # a claim counts from its store, not from before the survey
        entries = [
            outcomes.entry_for(
                later,
                slot=slot.number,
                target=target,
                captured=dict(survey.captured[slot.step, slot.number, target.id]),
            )
            for slot, target in survey.findings.hit()
        ]
        names = {entry.fault for entry in entries}
        faults = [self.surveyor.faults[name] for name in sorted(names)]
        momentary = all(fault.momentary for fault in faults)
        unproven = "; ".join(fault.unproven for fault in faults if fault.unproven)
        return outcomes.captured(observed, entries, momentary=momentary, unproven=unproven)

    async def _inject(self, observed: Observed, index: int) -> Store | None:
        """Make the change. Before this ran, the entry was stored as Injecting."""
        run = observed.run
        fault = self.surveyor.faults[run.status.journal[index].fault]
        beside = beside_injection(observed, index, OWN_CLAIM_S) if fault.apart else (index,)
        world = self.surveyor.fenced_world(run, OWN_CLAIM_S)
        made = await side_by_side([self._change(run, one, fault, world) for one in beside])
        came = Folded(observed)
        for one in made:
            if not isinstance(one.made, OperatorError):
                self.observer.succeeded(run.uid, f"inject-{one.index}")
                came.add(
                    outcomes.injected(
                        came.observed, one.index, one.made, begun=one.begun, now=one.ended
                    )
                )
            if one.is_forestalled:
                came.add(forestalled(came.observed, one.index))
        for one in made:
            if isinstance(one.made, OperatorError):
                self.undoer.distrust(run, one.index, one.made)
            if isinstance(one.made, Retry | Conflict):
                came.add(self._hindered(came.observed, f"inject-{one.index}", one.made))
        refused = [one for one in made if one.is_refused]
        if refused:
            entry = run.status.journal[refused[0].index]
            said = f"{entry.fault} on {entry.target.name} could not be injected: {refused[0].made}"
            came.add(outcomes.stop(came.observed, "InjectionRefused", said))
        return came.store

    async def _change(self, run: Run, index: int, fault: Fault[Any], world: World) -> Change:
        """Inject one target; its trouble is an answer, so that the others' are stored too."""
        entry = run.status.journal[index]
        untried = self.observer.memory(run.uid).untried
        first = index in untried
        untried.discard(index)
        begun = self.observer.now(run)
        made: dict[str, Any] | OperatorError
        try:
            async with no_surprise(f"{entry.fault} cannot inject"):
                spec = fault_spec(fault, run.spec.template.steps[entry.step].faults[entry.slot])
                made = dict(await fault.inject(spec, _entry(run, index), world))
        except OperatorError as problem:
            made = problem
        self.observer.memory(run.uid).tried_at[index] = self.observer.clock.monotonic()
        return Change(index, begun, self.observer.now(run), made, first)

    def _hindered(self, observed: Observed, key: str, problem: OperatorError) -> Store | None:
        """Put an effect off, and say why where that lasts."""
        failures = self.observer.defer(observed.run.uid, key, getattr(problem, "after", None))
        if failures < PATIENCE and not isinstance(problem, AccessDenied):
            return None
        return outcomes.hindered(observed, key, problem.reason, str(problem))

    def _later(self, observed: Observed) -> Observed:
        """Return what was observed at the time it is now, after an effect took its time."""
        return replace(observed, now=self.observer.now(observed.run))


def _room(run: Run, survey: Survey) -> tuple[Refusal, ...]:
    """Judge last, when it is known what each target needs to be undone."""
    captured = survey.captured
    found = [(one, captured[at.step, at.number, one.id]) for at, one in survey.findings.hit()]
    message = lacking(run, found)
    return (Refusal("TooManyInAll", message),) if message else ()


def _ref(run: Run) -> Ref:
    return Ref(CHAOS_RUNS, run.name, run.namespace)
