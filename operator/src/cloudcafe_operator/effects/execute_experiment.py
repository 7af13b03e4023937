"""Do what planning wants for a ChaosExperiment. Called by `handlers/chaos.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudcafe_operator.effects.finalizer import hold, let_go
from cloudcafe_operator.effects.known import Known
from cloudcafe_operator.errors import AlreadyExists, UserError
from cloudcafe_operator.kinds import CHAOS_EXPERIMENTS, CHAOS_RUNS, key_of, ref_of
from cloudcafe_operator.planning.experiment import (
    LABEL,
    Plan,
    RunInShort,
    label,
    plan_experiment,
    with_conditions,
)
from cloudcafe_operator.ports import Clock, Events, Kubernetes, Manifest, Ref, WakeUp
from cloudcafe_operator.resources.common import merge_patch, parse
from cloudcafe_operator.resources.conditions import Judgement, false, set_conditions, true
from cloudcafe_operator.resources.experiment import ExperimentSpec, ExperimentStatus

AGAIN_S = 1.0
LONGEST_WAIT_S = 600.0  # clocks are set


@dataclass(frozen=True, slots=True)
class ExperimentExecutor:
    """Acts; one serves all experiments."""

    kubernetes: Kubernetes
    clock: Clock
    events: Events
    queue: WakeUp
    known: Known[Manifest]  # what runs know of their experiments

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """Observe, plan, act; None: wait for a change."""
        ref = Ref(CHAOS_EXPERIMENTS, name, namespace)
        experiment = await self.kubernetes.get(ref)
        if experiment is None:
            return None
        runs: Sequence[Manifest] = await self.kubernetes.list(
            CHAOS_RUNS, namespace=namespace, labels=f"{LABEL}={label(name)}", keep=RunInShort
        )
        plan = self._plan(experiment, runs)
        if plan.hold:  # what our own writes made of it need not be read again
            if (experiment := await hold(self.kubernetes, ref)) is None:
                return None
            plan = self._plan(experiment, runs)
        if plan.create:
            if (made := await self._create(experiment, plan.create)) is None:
                return AGAIN_S
            runs = [*runs, made]
            plan = self._plan(experiment, runs)
        return await self._act(experiment, runs, plan)

    def _plan(self, experiment: Manifest, runs: Sequence[Manifest]) -> Plan:
        try:
            plan = plan_experiment(experiment, runs, self.clock.now())
        except UserError as problem:  # a schedule that the API server could not judge
            return Plan(judgements=(false("Ready", problem.reason, str(problem)),))
        if plan.create and (refusal := _refusal(experiment)):
            return Plan(judgements=(refusal,))
        return plan

    async def _act(
        self, experiment: Manifest, runs: Sequence[Manifest], plan: Plan
    ) -> float | None:
        ref = ref_of(experiment)
        if plan.hold or plan.create:  # somebody changed it meanwhile, or one more is wanted
            return 0.0
        if plan.delete:
            for name in plan.delete:
                run = Ref(CHAOS_RUNS, name, ref.namespace)
                await self.kubernetes.delete(run)
                self.queue.add(key_of(run))
            return AGAIN_S
        if plan.let_go:
            version = experiment["metadata"]["resourceVersion"]
            await let_go(self.kubernetes, ref, resource_version=version)
            return 0.0
        if experiment["metadata"].get("deletionTimestamp"):
            return AGAIN_S if runs else None  # its runs are undoing
        await self._store(experiment, plan)
        return None if plan.again_in is None else min(plan.again_in, LONGEST_WAIT_S)

    async def _create(self, experiment: Manifest, run: Manifest) -> Manifest | None:
        """Create the run; a name that is taken by our own run was taken by us, before we died.

        None: the name is taken by another's.
        """
        try:
            made = await self.kubernetes.create(CHAOS_RUNS, run)
        except AlreadyExists:
            there = await self.kubernetes.get(ref_of(run))
            if there and there["spec"]["experiment"]["uid"] == experiment["metadata"]["uid"]:
                return there
            name = run["metadata"]["name"]
            message = f"ChaosRun {name} of an earlier experiment is in the way: delete it"
            await self._store(experiment, Plan(judgements=(false("Ready", "NameTaken", message),)))
            return None
        name = made["metadata"]["name"]
        self.events.publish(
            experiment, reason="RunCreated", message=f"ChaosRun {name}", kind="Normal"
        )
        self.queue.add(key_of(ref_of(run)))
        return made

    async def _store(self, experiment: Manifest, plan: Plan) -> None:
        """Write the status where it changed, and tell a refusal once."""
        meta = experiment["metadata"]
        old = parse(ExperimentStatus, experiment.get("status"), where="status")
        new = plan.status or old.model_copy(
            update={"observed_generation": meta.get("generation", 1)}
        )
        new = new.model_copy(update=dict(plan.clock))
        judgements = list(plan.judgements)
        if not any(judgement[0] == "Ready" for judgement in judgements):
            judgements.insert(0, true("Ready", "Accepted"))
        conditions = set_conditions(
            old.conditions,
            judgements,
            generation=meta.get("generation", 1),
            now=self.clock.now(),
        )
        patch = merge_patch(old.manifest(), with_conditions(new, conditions).manifest())
        if not patch:
            return
        stored = await self.kubernetes.patch_status(
            ref_of(experiment), patch, resource_version=meta["resourceVersion"]
        )
        self.known.remember(stored)
        for _, status, reason, message in judgements:
            if status == "False":
                self.events.publish(experiment, reason=reason, message=message, kind="Warning")
        if new.regression and new.regression != old.regression:
            message = f"{new.run}: {new.regression}"
            self.events.publish(experiment, reason="Regression", message=message, kind="Warning")


def _refusal(experiment: Manifest) -> Judgement | None:
    """Return why the spec cannot be read: an older CRD may have let it pass."""
    try:
        parse(ExperimentSpec, experiment["spec"])
    except UserError as problem:
        return false("Ready", problem.reason, str(problem))
    return None
