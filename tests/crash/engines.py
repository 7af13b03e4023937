"""Engines on a small world: started, killed at a write, started again, driven to the end."""

import itertools

from cafe_ledger import fakes
from cloudcafe_operator.effects.books import HttpBooks, collector
from cloudcafe_operator.effects.probes import Shop
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.handlers.chaos import ChaosReconciler
from cloudcafe_operator.ports import Ports
from cloudcafe_operator.workqueue import WorkQueue

from tests.crash.worlds import OPERATOR_NAMESPACE
from tests.fakes import Died
from tests.fakes.stores import CLUSTER

NUMBERS = itertools.count(1)
TICK_S = 1.0
KINDS = ("ChaosExperiment", "ChaosRun")
BOOKS = {book: f"http://{book}:8080" for book in fakes.BOOKS}


class Engine:
    """One operator process."""

    def __init__(self, world, *, kubernetes=None):
        self.world = world
        self.queue = WorkQueue(self._reconcile, clock=world.clock, chance=lambda: 0.0)
        ports = Ports(
            kubernetes=kubernetes or world.kubernetes,
            aws=world.aws,
            http=world.http,
            customers=world.http,
            probes=world.http,
            admin=world.admin,
            clock=world.clock,
            events=world.events,
            queue=self.queue,
        )
        self.engine = ChaosReconciler(
            ports,
            faults=faults(),
            shop=Shop("http://order:8080", "http://menu:8080", "token"),
            collector=collector(HttpBooks(world.http, BOOKS, "token")),
            identity=f"operator-{next(NUMBERS)}",
            namespace=OPERATOR_NAMESPACE,
            cluster=CLUSTER,
            background=False,
        )
        self._routes = self.engine.routes()
        for (_, kind, namespace, name), _item in list(world.kubernetes.objects.items()):
            if kind in KINDS:
                self.queue.add(f"{kind}/{namespace}/{name}")
        world.kubernetes.watchers.append(self._wake)

    async def _reconcile(self, key):
        return await self._routes[key.partition("/")[0]](key)

    def _wake(self, _change, item):
        if item["kind"] in KINDS:
            meta = item["metadata"]
            self.queue.add(f"{item['kind']}/{meta['namespace']}/{meta['name']}")

    async def tick(self):
        """Sample, then reconcile all that is due."""
        await self.engine.sampler.round()
        await self.queue.drain()

    def bury(self):
        """Remove what a killed process leaves in this one."""
        self.world.kubernetes.watchers.remove(self._wake)
        self.engine.sampler.stop_all()
        for task in self.queue._tasks:
            task.cancel()


async def drive(world, *, until, ticks=150, make=Engine):
    """Drive engines until a condition holds, a new one after each death; return the deaths."""
    deaths, engine = 0, make(world)
    for _ in range(ticks):
        try:
            await engine.tick()
        except Died:
            deaths += 1
            engine.bury()
            world.clock.advance(TICK_S)
            engine = make(world)
            continue
        if until(world):
            engine.bury()
            return deaths
        world.clock.advance(TICK_S)
    engine.bury()
    raise AssertionError(f"not done after {ticks} ticks: {world.runs()}")


def all_finished(world):
    """Every run is over and nothing holds it."""
    runs = world.runs()
    return bool(runs) and all(
        run.get("status", {}).get("phase") == "Finished" and not run["metadata"].get("finalizers")
        for run in runs
    )
