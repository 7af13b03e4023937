"""One fault on a small world, called as the engine calls it."""

from cloudcafe_operator.effects.once import SharedActs
from cloudcafe_operator.effects.shared_lists import SharedLists
from cloudcafe_operator.faults.contract import Entry
from cloudcafe_operator.faults.contract import World as FaultWorld
from cloudcafe_operator.resources.common import parse

from tests.crash.worlds import FAULTS, NAMESPACE, World
from tests.fakes.stores import CLUSTER


class Bench:
    """Holds the fault, its spec and the world."""

    def __init__(self, fault, **changes):
        self.world = World()
        self.fault = fault
        world = self.world
        lists, acts = SharedLists(world.kubernetes, world.clock), SharedActs()
        self.reach = FaultWorld(
            world.kubernetes, world.aws, world.admin, world.clock, NAMESPACE, lists, acts, CLUSTER
        )
        self.spec = parse(fault.spec_type, {**FAULTS[fault.name], **changes})

    async def targets(self):
        return sorted(await self.fault.select(self.spec, self.reach), key=lambda t: t.id)

    async def entry(self, target=None):
        target = target or (await self.targets())[0]
        captured = await self.fault.capture(self.spec, target, self.reach)
        return Entry("run-uid", "run", NAMESPACE, target, captured)

    async def capacity(self, entry):
        return await self.fault.capacity(self.spec, [entry.target], self.reach)

    async def inject(self, entry):
        return await self.fault.inject(self.spec, entry, self.reach)

    async def in_force(self, entry):
        return await self.fault.in_force(self.spec, entry, self.reach)

    async def revert(self, entry):
        return await self.fault.revert(entry, self.reach)

    async def verify(self, entry):
        return await self.fault.verify(entry, self.reach)

    def calls(self):
        """Every call so far, as `get pods` and `rds:DescribeDBClusters`."""
        return self.world.recorder.calls

    def writes(self):
        return [f"{write.verb} {write.target}" for write in self.world.recorder.writes]
