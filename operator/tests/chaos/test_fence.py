"""A process that was frozen after its claim must not write when it wakes up."""

import pytest
from cloudcafe_operator.effects.read_guards import Guards
from cloudcafe_operator.effects.survey import Surveyor
from cloudcafe_operator.effects.system_probes import Systems
from cloudcafe_operator.errors import Retry
from cloudcafe_operator.faults.registry import faults

from tests.crash.bench import Bench
from tests.crash.test_two_operators import together
from tests.crash.worlds import FAULTS, NAMESPACE


class Namespaced:
    namespace = NAMESPACE


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_write_begins_once_the_fence_is_closed(fault):
    bench = Bench(faults()[fault])
    entry = await bench.entry()
    world = bench.world
    surveyor = Surveyor(
        world.kubernetes,
        world.aws,
        world.admin,
        world.clock,
        faults(),
        NAMESPACE,
        guards=Guards(world.kubernetes, world.clock),
        systems=Systems(world.kubernetes, world.aws, world.http),
        runs=None,
        lists=bench.reach.lists,
        acts=bench.reach.acts,
        cluster=bench.reach.cluster,
    )
    bench.reach = surveyor.fenced_world(Namespaced(), 5.0)
    world.clock.advance(6.0)
    with pytest.raises(Retry, match="claim on this injection is too old"):
        await bench.inject(entry)
    assert bench.writes() == []


async def test_an_operator_that_joins_late_waits_until_the_claim_of_the_first_is_old():
    assert await together("auroraFailover", 4) == ""
