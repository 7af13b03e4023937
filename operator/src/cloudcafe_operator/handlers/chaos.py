"""Reconcile ChaosExperiments and ChaosRuns. Called by the work queue, one key at a time.

A reconcile of a run is a loop of one sentence: observe, plan, execute, until planning says wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from cafe_ledger.collect import Collector

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.audit_run import RunAuditor
from cloudcafe_operator.effects.execute import Executor
from cloudcafe_operator.effects.execute_experiment import ExperimentExecutor
from cloudcafe_operator.effects.known import Known
from cloudcafe_operator.effects.observe_run import Observer, read_experiment, read_run
from cloudcafe_operator.effects.once import SharedActs
from cloudcafe_operator.effects.places import Places
from cloudcafe_operator.effects.probes import Customer, Shop
from cloudcafe_operator.effects.read_guards import Guards
from cloudcafe_operator.effects.sampling import Sampler
from cloudcafe_operator.effects.shared_lists import SharedLists
from cloudcafe_operator.effects.survey import Surveyor
from cloudcafe_operator.effects.system_probes import Systems
from cloudcafe_operator.effects.undo_run import RunUndoer
from cloudcafe_operator.errors import Bug, Conflict, NotFound, OperatorError, Retry
from cloudcafe_operator.faults.contract import Fault
from cloudcafe_operator.kinds import CHAOS_EXPERIMENTS, CHAOS_RUNS
from cloudcafe_operator.planning.run import next_step
from cloudcafe_operator.planning.steps import CLAIM_S, Audit, Capture, Done, LetGo, Preflight
from cloudcafe_operator.ports import Ports
from cloudcafe_operator.resources.run import Run
from cloudcafe_operator.workqueue import Reconcile

STEPS_AT_ONCE = 50  # then others get their turn
READERS = 4  # runs that read all they want to know before they begin, or the books at their end
SOONEST_S = 0.05
SLOWEST_S = 2.0
REFUSED_S = 10.0
log = structlog.get_logger()
Faults = Mapping[str, Fault[Any]]


class ChaosReconciler:
    """The chaos engine: both kinds, and the sampling that goes with them.

    `identity` is unique to this process, `namespace` the operator's own, `cluster` the uid by which
    what is marked on AWS tells its cluster. With `background` False nothing is sampled by itself:
    tests call `sampler.round()`.
    """

    def __init__(  # noqa: PLR0913 - each comes from another place: settings, registry, main
        self,
        ports: Ports,
        *,
        faults: Faults,
        shop: Shop,
        collector: Collector,
        identity: str,
        namespace: str,
        cluster: str,
        claim_seconds: float = CLAIM_S,
        background: bool = True,
    ) -> None:
        kubernetes, clock = ports.kubernetes, ports.clock
        self._queue = ports.queue
        self._uids: dict[str, str] = {}  # of the runs that are driven, by key
        systems = Systems(kubernetes, ports.aws, ports.probes)
        customer = Customer(ports.customers, clock, shop, systems)
        self.sampler = Sampler(customer, clock, background=background)
        guards = Guards(kubernetes, clock)
        runs = Known(kubernetes, clock, CHAOS_RUNS, read_run, fields="status.phase!=Finished")
        experiments = Known(kubernetes, clock, CHAOS_EXPERIMENTS, read_experiment)
        surveyor = Surveyor(
            kubernetes,
            ports.aws,
            ports.admin,
            clock,
            faults,
            namespace,
            guards,
            systems,
            runs,
            SharedLists(kubernetes, clock),
            SharedActs(),
            cluster,
        )
        self._observer = Observer(
            kubernetes,
            runs,
            experiments,
            self.sampler,
            clock,
            identity,
            namespace,
            guards,
            claim_seconds,
        )
        auditor = RunAuditor(collector, self._observer, shop.store_id)
        undoer = RunUndoer(surveyor, self._observer)
        one = Places(ports.queue, most=1)  # of two that capture one target, one must see
        few = Places(ports.queue, most=READERS)  # the other's journal
        places = {Capture: one, Preflight: few, Audit: few}
        self._executor = Executor(surveyor, self._observer, ports.events, auditor, undoer, places)
        self._experiments = ExperimentExecutor(
            kubernetes, clock, ports.events, ports.queue, experiments
        )

    def routes(self) -> dict[str, Reconcile]:
        """Return the reconciler of each kind."""
        return {CHAOS_EXPERIMENTS.kind: self.experiment, CHAOS_RUNS.kind: self.run}

    async def experiment(self, key: str) -> float | None:
        """Reconcile the experiment of a key."""
        _, namespace, name = key.split("/", 2)
        try:
            return await self._experiments.reconcile(namespace, name)
        except NotFound as problem:  # it was deleted while we looked: the next look finds nothing
            log.info("experiment has gone meanwhile", key=key, error=str(problem))
            return SLOWEST_S

    async def run(self, key: str) -> float | None:
        """Drive the run of a key on until it has to wait.

        What is in force must be undone on time: a silent API is soon asked again.
        """
        _, namespace, name = key.split("/", 2)
        try:
            return await self._drive(key, namespace, name)
        except Exception as problem:  # noqa: BLE001 - what is in force must be undone on time
            self._executor.leave(key)
            self._observer.runs.forget(namespace, name)  # what we hold may be what was wrong
            return self._wait(key, problem)

    def _wait(self, key: str, problem: Exception) -> float:
        """Return when the run is looked at again, soon in any case."""
        match problem:
            case Conflict():
                return SOONEST_S
            case NotFound():  # it was deleted while we looked: the next look finds nothing
                log.info("run has gone meanwhile", key=key, error=str(problem))
                return SLOWEST_S
            case Retry():
                log.warning("run waits for an API", key=key, error=str(problem))
                return min(problem.after, SLOWEST_S)
            case _:  # no spec is to blame, it was accepted; and what is in force must be undone
                if isinstance(problem, Bug) or not isinstance(problem, OperatorError):
                    metrics.reconciles.labels(CHAOS_RUNS.kind, Bug.reason).inc()
                log.error("run cannot go on", key=key, error=str(problem), exc_info=problem)
                return REFUSED_S

    async def _drive(self, key: str, namespace: str, name: str) -> float | None:
        for _ in range(STEPS_AT_ONCE):
            observed = await self._observer.observe(namespace, name)
            if observed is None:
                self._executor.leave(key)
                self._observer.forget(self._uids.pop(key, ""))
                return None
            if observed.run.status.phase != "Finished":
                self._uids[key] = observed.run.uid
            step = next_step(observed)
            after = await self._executor.execute(observed, step)
            if isinstance(step, Done | LetGo):
                self._over(key, observed.run, let_go=isinstance(step, LetGo))
            if after is None or after > 0:
                return after
        return 0.0

    def _over(self, key: str, run: Run, *, let_go: bool) -> None:
        """Forget a run, and let its experiment look at it; not each time it is seen to be over."""
        self._observer.forget(run.uid)
        if self._uids.pop(key, "") or let_go:
            self._queue.add(f"{CHAOS_EXPERIMENTS.kind}/{run.namespace}/{run.spec.experiment.name}")
