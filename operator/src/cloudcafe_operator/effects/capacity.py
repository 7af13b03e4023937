"""Turning AWS up ahead of a rush and back after it: reads the dials, keeps the journal, acts.

`effects/rush.py` calls `follow` in each round with what the fleet expects; `planning/capacity.py`
decides. The journal is a ConfigMap; each of its writes carries the resourceVersion it was read at,
so that an operator that leads no longer changes nothing. AWS is read only when another level is
due, while something is under way, and every ten minutes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

import structlog

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.dials import Dials
from cloudcafe_operator.errors import OperatorError, UserError
from cloudcafe_operator.kinds import CHAOS_RUNS, CONFIG_MAPS
from cloudcafe_operator.planning.capacity import (
    UNITS,
    Ahead,
    Dial,
    Entry,
    Forget,
    Journal,
    Keep,
    Kind,
    Policies,
    See,
    Step,
    Turn,
    Wait,
    plan_capacity,
)
from cloudcafe_operator.planning.capacity_told import told_capacity
from cloudcafe_operator.planning.floors import Floors, follow_floors
from cloudcafe_operator.ports import Aws, Clock, Events, Kubernetes, Manifest, Ref
from cloudcafe_operator.resources.common import parse
from cloudcafe_operator.resources.run import RunStatus

JOURNAL = "cloudcafe-rush-capacity"
FIELD = "journal.json"
FLOORS = "floors.json"
LOOK_AGAIN_S = 600.0
log = structlog.get_logger()


@dataclass(slots=True)
class CapacityJournal:
    """What was found before we changed it, and the floors that were told, in a ConfigMap."""

    kubernetes: Kubernetes
    namespace: str
    manifest: Manifest | None = None

    async def read(self) -> tuple[Journal, Floors]:
        """Return the entries and the floors by dial."""
        self.manifest = await self.kubernetes.get(Ref(CONFIG_MAPS, JOURNAL, self.namespace))
        data = (self.manifest or {}).get("data") or {}
        try:
            stored = dict(json.loads(data.get(FIELD, "{}")))
            told = dict(json.loads(data.get(FLOORS, "{}")))
            floors = {key: float(floor) for key, floor in told.items()}
        except (ValueError, TypeError) as problem:
            raise UserError(
                f"ConfigMap {self.namespace}/{JOURNAL} is no journal any more ({problem}): restore "
                f"its {FIELD} and {FLOORS}; or set by hand what AWS shall have, and delete it"
            ) from problem
        return {key: parse(Entry, entry, where=key) for key, entry in stored.items()}, floors

    async def write(self, journal: Journal, floors: Floors) -> None:
        """Store them; Conflict where somebody has written since they were read."""
        said = {key: entry.manifest() for key, entry in sorted(journal.items())}
        told = dict(sorted(floors.items()))
        data = {FIELD: json.dumps(said, indent=1), FLOORS: json.dumps(told, indent=1)}
        if self.manifest is not None:
            ref = Ref(CONFIG_MAPS, JOURNAL, self.namespace)
            version = self.manifest["metadata"]["resourceVersion"]
            self.manifest = await self.kubernetes.patch(
                ref, {"data": data}, resource_version=version
            )
            return
        self.manifest = await self.kubernetes.create(
            CONFIG_MAPS,
            {
                "apiVersion": CONFIG_MAPS.api_version,
                "kind": CONFIG_MAPS.kind,
                "metadata": {"name": JOURNAL, "namespace": self.namespace},
                "data": data,
            },
        )


@dataclass(slots=True)
class CapacityKeeper:
    """One for the fleet; without policies it only puts back what an earlier operator changed."""

    kubernetes: Kubernetes
    aws: Aws
    events: Events
    clock: Clock
    namespace: str
    policies: Policies
    namespaces: Sequence[str] = ()
    _dials: Sequence[Dial] | None = None
    _entries: Journal = field(default_factory=dict)
    _floors: Floors = field(default_factory=dict)
    _quiet: tuple[Mapping[Kind, float], float] | None = None

    async def follow(self, needed: Mapping[Kind, float]) -> None:
        """Look once at what AWS has, and bring it to the units that are needed now."""
        if self._quiet and self._quiet[0] == needed and self.clock.monotonic() < self._quiet[1]:
            return
        self._quiet = None
        journal = CapacityJournal(self.kubernetes, self.namespace)
        self._entries, self._floors = await journal.read()
        if self.policies or self._entries:
            await self._converge(journal, needed)
        else:
            self._quiet = (needed, self.clock.monotonic() + LOOK_AGAIN_S)

    def told(self, needed: Ahead) -> list[dict[str, Any]] | None:
        """Return the changes that are ahead, for `cafectl plan`; None: AWS was never read."""
        if self._dials is None:
            return None if self.policies else []
        return told_capacity(self._dials, self._entries, needed, self.clock.now())

    async def _converge(self, journal: CapacityJournal, needed: Mapping[Kind, float]) -> None:
        dials, unread = await Dials(self.aws).read(self.policies, self._entries)
        self._dials = dials
        for arn, why in unread.items():
            self._tell(journal.manifest, "RushCapacityRefused", f"{arn}: {why}", kind="Warning")
            log.warning("capacity cannot be read", resource=arn, why=why)
        for dial in dials:
            metrics.rush_capacity.labels(dial.name, UNITS[dial.kind]).set(dial.now)
        entries, floors = follow_floors(dials, self._entries, self._floors, unread)
        steps = plan_capacity(dials, entries, needed, {}, unread)
        if steps:  # only then is it worth knowing what chaos runs hold
            broken = await self._broken()
            steps = plan_capacity(dials, entries, needed, broken, unread)
        await self._remember(journal, _after(entries, steps), floors)
        turns = [step for step in steps if isinstance(step, Turn)]
        for _, together in groupby(turns, key=lambda turn: turn.dial.arn):
            await self._turn(list(together), journal.manifest)
        if steps or unread:  # it is asked again in the next round
            return
        self._quiet = (needed, self.clock.monotonic() + LOOK_AGAIN_S)

    async def _broken(self) -> Mapping[str, str]:
        """Return the resources that a run has broken or is about to, with the run's name."""
        found: dict[str, str] = {}
        for namespace in self.namespaces or (None,):
            for run in await self.kubernetes.list(CHAOS_RUNS, namespace=namespace):
                status = parse(RunStatus, run.get("status"), where="status")
                for index in status.open_entries:
                    found[status.journal[index].target.id] = run["metadata"]["name"]
        return found

    async def _remember(self, journal: CapacityJournal, entries: Journal, floors: Floors) -> None:
        """Store what is to be known before anything is changed; nothing where it is known."""
        if (entries, floors) != (self._entries, self._floors):
            await journal.write(entries, floors)
            self._entries, self._floors = entries, floors

    async def _turn(self, turns: Sequence[Turn], about: Manifest | None) -> None:
        """Turn the dials of one resource; its trouble keeps nobody else waiting."""
        name = turns[0].dial.name
        said = ", ".join(f"{UNITS[one.dial.kind]} {one.dial.now:g} → {one.to:g}" for one in turns)
        try:
            await Dials(self.aws).turn(turns)
        except OperatorError as trouble:
            self._tell(about, "RushCapacityRefused", f"{name}: {said}: {trouble}", kind="Warning")
            log.warning("capacity was refused", resource=name, wanted=said, why=str(trouble))
            return
        more = turns[0].to > turns[0].dial.now
        self._tell(about, "RushAhead" if more else "RushOver", f"{name}: {said}")

    def _tell(
        self,
        about: Manifest | None,
        reason: str,
        message: str,
        kind: Literal["Normal", "Warning"] = "Normal",
    ) -> None:
        if about is not None:
            self.events.publish(about, reason=reason, message=message, kind=kind)


def _after(entries: Journal, steps: Sequence[Step]) -> Journal:
    """Return the journal that the steps need."""
    found = dict(entries)
    for step in steps:
        if isinstance(step, Keep):
            log.info("what somebody set is kept in this rush", resource=step.dial.name)
        if isinstance(step, Turn | See | Keep) and step.entry is not None:
            found[step.dial.key] = step.entry
        elif isinstance(step, Forget):
            log.info("capacity is left alone", resource=step.name, why=step.why)
            del found[step.key]
        elif isinstance(step, Wait):
            log.info("capacity waits", resource=step.dial.name, why=step.why)
    return found
