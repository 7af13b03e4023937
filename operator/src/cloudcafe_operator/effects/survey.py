"""Resolve a run's targets and read all that the checklist wants to know. Touches nothing.

Used by `execute.py` before a run, for a preview, and again before each step is captured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cloudcafe_operator.effects.fence import Fence, FencedAdmin, FencedAws, FencedKubernetes
from cloudcafe_operator.effects.known import Known
from cloudcafe_operator.effects.read_guards import Guards
from cloudcafe_operator.effects.surprise import no_surprise
from cloudcafe_operator.effects.system_probes import Systems
from cloudcafe_operator.effects.together import AT_ONCE, side_by_side
from cloudcafe_operator.errors import AccessDenied, Bug, NotFound, Retry, UserError
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, World
from cloudcafe_operator.kinds import FAULTS, NAMESPACES
from cloudcafe_operator.planning.checks import PROBES
from cloudcafe_operator.planning.fence import host_of, namespace_of, urls
from cloudcafe_operator.planning.findings import Findings, Slot
from cloudcafe_operator.planning.guards import reach
from cloudcafe_operator.planning.selection import choose
from cloudcafe_operator.planning.shares import NOBODY
from cloudcafe_operator.ports import Admin, Aws, Clock, Json, Kubernetes, Lists, Once, Ref, User
from cloudcafe_operator.resources.common import holds_null, parse
from cloudcafe_operator.resources.duration import seconds
from cloudcafe_operator.resources.experiment import FaultEntry
from cloudcafe_operator.resources.run import Run, Target

MOST_READ = 100  # what limits.maxTargets can be
Faults = Mapping[str, Fault[Any]]


@dataclass(frozen=True, slots=True)
class Survey:
    """The findings, and what capture returned for each slot and target."""

    findings: Findings
    captured: Mapping[tuple[int, int, str], Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surveyor:
    """Reads; one serves all runs."""

    kubernetes: Kubernetes
    aws: Aws
    admin: Admin
    clock: Clock
    faults: Faults
    home: str  # the namespace of the operator and the cafe: names without one are in it
    guards: Guards
    systems: Systems
    runs: Known[Run]
    lists: Lists
    acts: Once
    cluster: str  # the uid of this cluster

    def is_apart(self, fault: str) -> bool:
        """Whether a fault's targets share nothing."""
        return fault in self.faults and self.faults[fault].apart

    def world(self, run: Run) -> World:
        """Return what faults of a run may use."""
        ports = self.kubernetes, self.aws, self.admin, self.clock
        return World(*ports, run.namespace, self.lists, self.acts, self.cluster)

    def fenced_world(self, run: Run, open_s: float) -> World:
        """Return the same, with no write begun after so many seconds."""
        fence = Fence(self.clock, self.clock.monotonic() + open_s)
        return replace(
            self.world(run),
            kubernetes=FencedKubernetes(self.kubernetes, fence),
            aws=FencedAws(self.aws, fence),
            admin=FencedAdmin(self.admin, fence),
        )

    async def survey(self, run: Run, steps: Iterable[int]) -> Survey:
        """Resolve some steps of a run. Retry, Throttled and AccessDenied pass through."""
        captured: dict[tuple[int, int, str], Json] = {}
        slots: list[Slot] = []
        for step in steps:
            for number, entry in enumerate(run.spec.template.steps[step].faults):
                slot = await self._slot(run, (step, number), entry, captured)
                slots.append(slot)
        targets = [target for slot in slots for target in slot.chosen]
        others = await self._others(run) if targets else {}
        touched = reach(targets, run.namespace)
        found = Findings(
            spec=run.spec.template,
            namespace=run.namespace,
            slots=tuple(slots),
            known_faults=tuple(self.faults),
            busy={one.id: name for name, held in others.items() for one in held},
            closed_to_probes=await self._closed_to_probes(run),
            author=run.spec.created_by,
            out_of_reach=await self._out_of_reach(run, slots),
            unsafe=await self._unsafe(run) if run.status.phase == "Preflight" else {},
            guards=await self.guards.read(touched.everywhere),
            others={name: reach(held, name.partition("/")[0]) for name, held in others.items()},
            now=self.clock.now(),
        )
        return Survey(found, captured)

    async def _slot(
        self,
        run: Run,
        at: tuple[int, int],
        entry: FaultEntry,
        captured: dict[tuple[int, int, str], Json],
    ) -> Slot:
        step, number = at
        fault = self.faults.get(entry.fault)
        if fault is None:
            return Slot(step, number, entry.fault, known=False)
        world = self.world(run)
        seed = run.spec.template.seed
        dice = f"{run.uid if seed is None else seed}/{step}/{number}"
        try:
            async with no_surprise(f"{fault.name} cannot select"):
                spec = fault_spec(fault, entry)
                matched = await fault.select(spec, world)
                chosen = choose(matched, entry, dice)
                capacity = await fault.capacity(spec, chosen, world) if chosen else NOBODY
        except (UserError, NotFound, Bug) as problem:
            return Slot(step, number, entry.fault, problem=str(problem))
        refused: dict[str, str] = {}

        async def capture(target: Target) -> None:
            try:
                captured[step, number, target.id] = await _captured(fault, spec, target, world)
            except (UserError, NotFound, Bug) as problem:
                refused[target.id] = str(problem)

        read = chosen[:MOST_READ]  # more of them are refused by their number anyway
        await side_by_side([capture(one) for one in read], at_once=AT_ONCE if fault.apart else 1)
        return Slot(
            step,
            number,
            entry.fault,
            matched=len(matched),
            chosen=chosen,
            capacity=capacity,
            irreversible=fault.irreversible,
            ends_after=fault.ends_after(spec),
            refused=refused,
        )

    async def _others(self, run: Run) -> dict[str, list[Target]]:
        """Return what other runs hold: until they have undone it and seen it whole."""
        return {
            f"{other.namespace}/{other.name}": held
            for other in await self.runs.all()
            if other.uid != run.uid and (held := _held(other))
        }

    async def _unsafe(self, run: Run) -> dict[str, str]:
        """Return which alarms and queries of stopWhen would stop the run at once, or never.

        Who does not answer now may answer soon: the baseline waits for that.
        """
        spec, found = run.spec.template, {}
        wanted = {rule.probe for rule in spec.stop_when}
        for probe in spec.steady_state.sampled:
            if probe.name not in wanted or probe.system is None:
                continue
            longest = seconds(probe.timeout)
            try:
                _, why = await self.systems.ask(
                    probe.system, namespace=run.namespace, longest=longest
                )
            except (UserError, NotFound, AccessDenied) as problem:
                why = str(problem)
            except (Retry, TimeoutError):
                why = ""
            if why:
                found[probe.name] = why
        return found

    async def _closed_to_probes(self, run: Run) -> frozenset[str]:
        """Return the other namespaces that probes lead into and that did not open to them."""
        named = {namespace_of(host_of(url)) for _, url in urls(run.spec.template)}
        closed: set[str] = set()
        for name in sorted(named - {"", run.namespace, self.home}):
            found = await self.kubernetes.get(Ref(NAMESPACES, name))
            labels = ((found or {}).get("metadata") or {}).get("labels") or {}
            if found and labels.get(PROBES) != "allowed":
                closed.add(name)
        return frozenset(closed)

    async def _out_of_reach(self, run: Run, slots: Iterable[Slot]) -> frozenset[str]:
        """Return the namespaces in which the creator may not inject; "" is all of them."""
        asked = {
            (slot.fault, target.namespace)
            for slot in slots
            for target in slot.chosen
            if target.everywhere or target.namespace not in (None, run.namespace)
        }
        refused: set[str] = set()
        for fault, namespace in sorted(asked):
            who = User(run.spec.created_by, run.spec.created_by_groups)
            allowed = who.name and await self.kubernetes.may(
                who, "inject", Ref(FAULTS, fault, namespace or None)
            )
            if not allowed:
                refused.add(namespace or "")
        return frozenset(refused)


def _held(run: Run) -> list[Target]:
    going = run.status.phase != "Finished"
    return [
        entry.target
        for entry in run.status.journal
        if entry.open or (going and entry.healthy_at is None)
    ]


def entry_of(run: Run, index: int) -> Entry:
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


async def _captured(fault: Fault[Any], spec: FaultSpec, target: Target, world: World) -> Json:
    """Read what undo needs; Bug where it could not be kept."""
    async with no_surprise(f"{fault.name} cannot read {target.name}"):
        captured = await fault.capture(spec, target, world)
    if holds_null(captured):
        raise Bug(f"{fault.name} captured a null of {target.name}, which no journal keeps")
    return captured


def fault_spec(fault: Fault[Any], entry: FaultEntry) -> FaultSpec:
    """Read what a user wrote under the fault's name."""
    return parse(fault.spec_type, entry.arguments, where=entry.fault)
