"""Read everything that a decision about a run rests on. Called by `handlers/chaos.py`.

Also keeps what need not survive a restart: when a failed effect may be tried again.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from datetime import datetime

from cloudcafe_operator.effects.known import Known
from cloudcafe_operator.effects.read_guards import Guards
from cloudcafe_operator.effects.sampling import Sampler
from cloudcafe_operator.kinds import CONFIG_MAPS
from cloudcafe_operator.planning.approval import APPROVED, approved_steps
from cloudcafe_operator.planning.claims import is_ours
from cloudcafe_operator.planning.experiment import FINALIZER
from cloudcafe_operator.planning.guards import Guard, reach
from cloudcafe_operator.planning.moments import moments, run_time
from cloudcafe_operator.planning.precedence import why_halted
from cloudcafe_operator.planning.steps import CLAIM_S, Observed
from cloudcafe_operator.ports import Clock, Kubernetes, Manifest, Ref
from cloudcafe_operator.resources.common import parse
from cloudcafe_operator.resources.run import Phase, Run, RunSpec, RunStatus

HALT = "cloudcafe-halt"
SLOWEST_RETRY_S = 30.0
HALT_KNOWN_S = 1.0  # the lever is read once a second for all runs together
SAMPLED: tuple[Phase, ...] = (
    "Baseline", "Approving", "Injecting", "Holding", "Reverting", "Recovering",
)  # fmt: skip


@dataclass
class Memory:
    """What this process knows about a run beyond its status."""

    saved_at: float = 0.0  # monotonic
    captured_at: dict[int, float] = field(default_factory=dict)  # by journal entry, monotonic
    untried: set[int] = field(default_factory=set)  # journal entries that nobody has injected yet
    tried_at: dict[int, float] = field(default_factory=dict)  # by journal entry, monotonic
    retry_at: dict[str, float] = field(default_factory=dict)
    diverged: dict[int, str] = field(default_factory=dict)  # what an undo found, while it settled
    settles_at: dict[int, float] = field(default_factory=dict)  # by journal entry, monotonic
    failures: dict[str, int] = field(default_factory=dict)
    seen: dict[str, tuple[datetime, float]] = field(default_factory=dict)  # moment, monotonic


@dataclass
class Observer:
    """Reads runs."""

    kubernetes: Kubernetes
    runs: Known[Run]
    experiments: Known[Manifest]
    sampler: Sampler
    clock: Clock
    identity: str
    namespace: str  # the operator's own, where the halt lever is
    guards: Guards
    claim_seconds: float = CLAIM_S
    _memories: dict[str, Memory] = field(default_factory=dict)
    _halted: tuple[float, str] = (float("-inf"), "")
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def observe(self, namespace: str, name: str) -> Observed | None:
        """Return what is known now; None where the run is gone."""
        run = await self.runs.get(namespace, name)
        if run is None:
            return None
        if run.status.phase == "Finished":
            return Observed(run=run, now=self.clock.now(), identity=self.identity)
        experiment = await self._experiment(run)
        gone, paused = _gone(run, experiment), bool(experiment["spec"].get("paused"))
        sampled = run.status.phase in SAMPLED and run.spec.template.mode == "Run"
        memory = self.memory(run.uid)
        _believe_the_journal(memory, run, self.identity)
        now = self.clock.monotonic()
        return Observed(
            run=run,
            experiment_gone=gone,
            paused=paused and not gone,
            approved=_approved(run, experiment),
            halted=await self._why_halted(),
            guards=await self._guards(run),
            untried=frozenset(memory.untried),
            samples=self.sampler.watch(run) if sampled else {},
            waiting=self.sampler.waiting(run.uid),
            troubles=self.sampler.troubles(run.uid),
            sampled_until=self.sampler.offset(run.uid),
            watched_seconds=self.sampler.watched_seconds(run.uid),
            unsaved_seconds=now - memory.saved_at,
            deferred={key: at - now for key, at in memory.retry_at.items() if at > now},
            counted=_counted(memory, run.status, now),
            now=self.now(run),
            wall=self.clock.now(),
            identity=self.identity,
            claim_seconds=self.claim_seconds,
        )

    def now(self, run: Run) -> datetime:
        """Return the time by which what happens in a run is stamped."""
        return run_time(run.status, self.clock.now(), self.sampler.offset(run.uid))

    def memory(self, uid: str) -> Memory:
        """Return what is remembered about a run."""
        return self._memories.setdefault(uid, Memory(saved_at=self.clock.monotonic()))

    def defer(self, uid: str, key: str, after: float | None) -> int:
        """Note when an effect may be tried again; return how often it failed in a row."""
        memory = self.memory(uid)
        failures = memory.failures[key] = memory.failures.get(key, 0) + 1
        wait = after or min(SLOWEST_RETRY_S, 0.5 * math.pow(2, min(failures - 1, 10)))
        memory.retry_at[key] = self.clock.monotonic() + wait
        return failures

    def wait(self, uid: str, key: str, after: float) -> None:
        """Note when an effect is due again that did not fail."""
        self.memory(uid).retry_at[key] = self.clock.monotonic() + after

    def succeeded(self, uid: str, key: str) -> None:
        """Forget that an effect failed."""
        memory = self.memory(uid)
        memory.failures.pop(key, None)
        memory.retry_at.pop(key, None)

    def forget(self, uid: str) -> None:
        """Drop everything about a run that is over."""
        self._memories.pop(uid, None)
        self.sampler.stop(uid)

    async def _experiment(self, run: Run) -> Manifest:
        found = await self.experiments.get(run.namespace, run.spec.experiment.name)
        return found or {"metadata": {}, "spec": {}}

    async def _guards(self, run: Run) -> tuple[Guard, ...]:
        """Return what the owners of stores say whom the run touches, while it may touch them."""
        if run.status.phase not in ("Injecting", "Holding"):
            return ()
        touched = reach((entry.target for entry in run.status.journal), run.namespace)
        return await self.guards.known(touched.everywhere)

    async def _why_halted(self) -> str:
        async with self._asking:
            return await self._read_lever()

    async def _read_lever(self) -> str:
        read_at, halted = self._halted
        if self.clock.monotonic() - read_at < HALT_KNOWN_S:
            return halted
        lever = await self.kubernetes.get(Ref(CONFIG_MAPS, HALT, self.namespace))
        halted = why_halted((lever or {}).get("data") or {})
        self._halted = (self.clock.monotonic(), halted)
        return halted


def _believe_the_journal(memory: Memory, run: Run, identity: str) -> None:
    """Forget what was untried where it was another's meanwhile, though it may be ours again."""
    ours = {index for index, one in enumerate(run.status.journal) if is_ours(one, identity)}
    memory.untried &= ours


def _counted(memory: Memory, status: RunStatus, now: float) -> dict[str, float]:
    """Return for how many seconds this process has known each moment of a status."""
    old = memory.seen
    memory.seen = {
        name: old[name] if name in old and old[name][0] == moment else (moment, now)
        for name, moment in moments(status).items()
    }
    return {name: now - at for name, (_, at) in memory.seen.items()}


def _gone(run: Run, experiment: Manifest) -> str:
    """Return why the experiment no longer wants the run."""
    if experiment["metadata"].get("uid") != run.spec.experiment.uid:
        return "its experiment is gone"
    deleted = experiment["metadata"].get("deletionTimestamp")
    return "its experiment was deleted" if deleted else ""


def _approved(run: Run, experiment: Manifest) -> frozenset[str]:
    said = (experiment["metadata"].get("annotations") or {}).get(APPROVED, "")
    return approved_steps(said, run.name)


def read_experiment(manifest: Manifest) -> Manifest:
    """Return what a run looks at in its experiment, without the spec that it has a copy of."""
    meta = manifest["metadata"]
    looked_at = ("uid", "deletionTimestamp", "annotations")
    kept = {name: meta[name] for name in looked_at if name in meta}
    return {"metadata": kept, "spec": {"paused": manifest["spec"].get("paused")}}


def read_run(manifest: Manifest) -> Run:
    """Read a ChaosRun's manifest."""
    meta = manifest["metadata"]
    return Run(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        created_at=meta["creationTimestamp"],
        generation=meta.get("generation", 1),
        deleting="deletionTimestamp" in meta,
        held=FINALIZER in meta.get("finalizers", []),
        spec=parse(RunSpec, manifest["spec"]),
        status=parse(RunStatus, manifest.get("status"), where="status"),
    )
