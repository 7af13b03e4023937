"""ecsTaskKill: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.ecs_task_kill import EcsTaskKill

from tests.crash.bench import Bench
from tests.fakes.aws_ecs import PLACE, TAGS


def bench():
    made = Bench(EcsTaskKill())
    return made, made.world.parts["ecs"]


async def test_the_tasks_of_a_service_are_a_group_so_that_a_share_of_them_can_be_meant():
    targets = await bench()[0].targets()
    assert {(one.group, one.group_size) for one in targets} == {
        ("ECS service cloudcafe/analytics-worker", 4)
    }
    assert all(one.opted_in for one in targets)


async def test_a_task_that_is_only_starting_is_no_target():
    made, service = bench()
    (first, *others) = service.running()
    service.starting.add(first)
    assert [one.id for one in await made.targets()] == others
    assert {one.group_size for one in await made.targets()} == {3}


async def test_refuses_a_task_that_stops_already():
    made, service = bench()
    target = (await made.targets())[0]
    service.stop("cloudcafe", target.id, "by somebody")
    with pytest.raises(UserError, match="does not run"):
        await made.entry(target)


async def test_a_task_that_ended_between_the_look_and_the_stop_counts_as_stopped():
    made, service = bench()
    entry = await made.entry()

    def vanish(**_):
        del service.tasks[entry.target.id]
        raise UserError("InvalidParameterException: The referenced task was not found.")

    made.world.aws.on("ecs", "stop_task", vanish)
    assert await made.inject(entry) == {"already": True}
    assert await made.in_force(entry)


async def test_another_refusal_is_told():
    made, _ = bench()
    entry = await made.entry()
    made.world.aws.fail_next("ecs", "stop_task", UserError("the cluster is inactive"))
    with pytest.raises(UserError, match="the cluster is inactive"):
        await made.inject(entry)


async def test_whole_again_when_as_many_tasks_run_without_the_stopped_one():
    made, _ = bench()
    entry = await made.entry()
    await made.inject(entry)
    assert not await made.fault.healthy(entry, made.reach)
    made.world.clock.advance(3)
    assert await made.fault.healthy(entry, made.reach)


async def test_a_service_that_was_scaled_in_meanwhile_is_whole_with_what_it_wants():
    made, service = bench()
    entry = await made.entry()
    await made.inject(entry)
    first, *_ = service.running()
    del service.tasks[entry.target.id], service.tasks[first]
    assert not await made.fault.healthy(entry, made.reach)
    service.desired = 2
    assert await made.fault.healthy(entry, made.reach)


async def test_a_service_that_is_gone_is_not_whole():
    made, service = bench()
    entry = await made.entry()
    await made.inject(entry)
    service.tasks.clear()
    service.desired, service.status = 0, "INACTIVE"
    assert not await made.fault.healthy(entry, made.reach)


async def test_a_service_whose_arn_lacks_its_cluster_is_refused_with_the_remedy():
    made, service = bench()
    service.arns = {f"{PLACE}:service/analytics-worker": TAGS}
    with pytest.raises(UserError, match="migrate the service to the long ARN"):
        await made.targets()
