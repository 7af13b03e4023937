"""asgInstanceTerminate: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.asg_instance_terminate import AsgInstanceTerminate

from tests.crash.bench import Bench


def bench(**changes):
    made = Bench(AsgInstanceTerminate(), **changes)
    return made, made.world.parts["autoscaling"]


async def test_the_instances_in_service_of_a_group_are_the_targets():
    made, group = bench()
    going = next(iter(group.instances))
    group.instances[going] = made.world.clock.monotonic()
    targets = await made.targets()
    assert going not in [one.name for one in targets]
    assert {(one.group, one.group_size, one.opted_in) for one in targets} == {
        ("Auto Scaling group cloudcafe-loyalty-spare", 3, True)
    }


async def test_refuses_a_group_that_may_not_launch():
    made, group = bench()
    group.suspended = ["AZRebalance", "Launch"]
    with pytest.raises(UserError, match="has Launch suspended, so nobody would replace"):
        await made.entry()


async def test_refuses_an_instance_that_left_meanwhile():
    made, group = bench()
    target = (await made.targets())[0]
    del group.instances[target.name]
    with pytest.raises(UserError, match="not in service any more"):
        await made.entry(target)


async def test_whole_again_when_as_many_are_in_service():
    made, _ = bench()
    entry = await made.entry()
    await made.inject(entry)
    assert not await made.fault.healthy(entry, made.reach)
    made.world.clock.advance(3)
    assert await made.fault.healthy(entry, made.reach)


async def test_a_group_that_is_gone_is_over():
    made, group = bench()
    entry = await made.entry()
    group.gone = True
    assert await made.in_force(entry)
    assert await made.fault.healthy(entry, made.reach)
    assert made.writes() == []


@pytest.mark.parametrize("selector", [{"names": ["another"]}, {"tags": {"a": "b"}}, {}])
async def test_other_groups_are_left_alone(selector):
    assert await bench(selector=selector)[0].targets() == []
