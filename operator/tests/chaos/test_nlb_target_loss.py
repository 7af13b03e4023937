"""nlbTargetLoss: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.nlb_target_loss import NlbTargetLoss

from tests.crash.bench import Bench
from tests.crash.engines import all_finished, drive
from tests.crash.worlds import World, experiment
from tests.fakes.aws_elbv2 import ARN, TILLS

ONE, OTHER = "10.20.64.10:8080", "10.20.80.10:8080"


def bench(**changes):
    made = Bench(NlbTargetLoss(), **changes)
    return made, made.world.parts["elbv2"]


def pod(made, name="till-order", uid="pod-1", phase="Running"):
    """Let the first target's address be a pod's of the shop."""
    made.world.kubernetes.seed(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "uid": uid},
            "status": {"podIP": "10.20.64.10", "phase": phase},
        }
    )


def lose_pod(made):
    made.world.kubernetes.objects.pop(
        next(key for key in made.world.kubernetes.objects if key[3] == "till-order")
    )


async def test_each_target_can_be_chosen_and_shares_its_group():
    made, _ = bench()
    targets = await made.targets()
    assert [target.name for target in targets] == [
        f"cloudcafe-order-tills {ONE}",
        f"cloudcafe-order-tills {OTHER}",
    ]
    assert {(target.group, target.group_size) for target in targets} == {
        ("target group cloudcafe-order-tills", 2)
    }


async def test_target_groups_of_an_application_load_balancer_are_not_meant():
    made, _ = bench(selector={"names": ["cloudcafe-order"]})
    assert await made.targets() == []


async def test_one_undone_target_leaves_the_mark_of_the_other():
    made, balancers = bench()
    first, second = [await made.entry(target) for target in await made.targets()]
    await made.inject(first)
    await made.inject(second)
    assert balancers.targets == {}
    await made.revert(first)
    assert balancers.targets == {ONE: "healthy"}
    assert await made.in_force(second)
    assert not await made.verify(second)


async def test_a_target_that_its_controller_put_back_is_left_alone():
    made, balancers = bench()
    entry = await made.entry()
    await made.inject(entry)
    balancers.targets[ONE] = "healthy"
    before = len(made.writes())
    assert (await made.revert(entry)).outcome == "Reverted"
    assert [one.split()[0] for one in made.writes()[before:]] == ["elbv2.remove_tags"]


async def test_a_target_that_somebody_took_out_before_anything_was_done_stays_out():
    made, balancers = bench()
    entry = await made.entry()
    del balancers.targets[ONE]
    assert (await made.revert(entry)).outcome == "Reverted"
    assert ONE not in balancers.targets


async def test_a_job_that_had_the_address_before_is_not_the_targets_pod():
    made, balancers = bench()
    pod(made)
    pod(made, name="a-backup", uid="pod-0", phase="Succeeded")
    entry = await made.entry()
    assert entry.captured["pod"]["name"] == "till-order"
    await made.inject(entry)
    assert (await made.revert(entry)).detail == ""
    assert balancers.targets[ONE] == "healthy"


async def test_an_address_that_several_pods_have_is_nobodys():
    made, _ = bench()
    pod(made)
    pod(made, name="of-the-host", uid="pod-2")
    assert (await made.entry()).captured["pod"] == {}


async def test_a_target_outside_of_the_vpc_comes_back_with_its_zone():
    made, balancers = bench()
    balancers.zones[ONE] = "all"
    entry = await made.entry()
    await made.inject(entry)
    assert (await made.revert(entry)).outcome == "Reverted"
    assert balancers.targets[ONE] == "healthy"
    assert "Id=10.20.64.10,Port=8080,AvailabilityZone=all" in made.fault.by_hand(entry)


async def test_tags_of_many_groups_are_read_twenty_at_once():
    made, balancers = bench()
    for number in range(45):
        arn = f"{ARN}targetgroup/other-{number}/6"
        balancers.groups[arn], balancers.tags[arn] = "TCP", {}
    assert len(await made.targets()) == 2
    assert made.world.aws.count("elbv2", "describe_tags") == 3


async def test_a_target_whose_pod_was_replaced_is_not_registered_again():
    made, balancers = bench()
    pod(made)
    entry = await made.entry()
    await made.inject(entry)
    lose_pod(made)
    undone = await made.revert(entry)
    assert "pod till-order is gone" in undone.detail
    assert ONE not in balancers.targets
    assert await made.verify(entry)
    assert await made.fault.healthy(entry, made.reach)


async def test_a_draining_target_is_registered_again():
    made, balancers = bench()
    entry = await made.entry()
    await made.inject(entry)
    balancers.targets[ONE] = "draining"
    await made.revert(entry)
    assert balancers.targets[ONE] == "healthy"


async def test_a_mark_that_somebody_removed_does_not_lose_the_target():
    made, balancers = bench()
    entry = await made.entry()
    injected = await made.inject(entry)
    balancers.tags[TILLS].clear()
    await made.revert(type(entry)(**{**_fields(entry), "injected": injected}))
    assert ONE in balancers.targets


def _fields(entry):
    return {name: getattr(entry, name) for name in entry.__slots__}


async def test_a_target_that_serves_nobody_is_refused():
    made, balancers = bench()
    balancers.targets[ONE] = "unhealthy"
    with pytest.raises(UserError, match="choose among healthy targets"):
        await made.entry()


async def test_it_is_whole_when_the_balancer_calls_it_healthy():
    made, balancers = bench()
    entry = await made.entry()
    balancers.targets[ONE] = "initial"
    assert not await made.fault.healthy(entry, made.reach)
    balancers.targets[ONE] = "healthy"
    assert await made.fault.healthy(entry, made.reach)


@pytest.mark.parametrize("state", ["draining", "unused", None])
@pytest.mark.parametrize("is_pod", [True, False])
async def test_a_target_that_was_put_back_is_not_whole_while_the_balancer_leaves_it_out(
    state, is_pod
):
    made, balancers = bench()
    if is_pod:
        pod(made)
    entry = await made.entry()
    balancers.targets.pop(ONE)
    if state:
        balancers.targets[ONE] = state
    assert not await made.fault.healthy(entry, made.reach)


@pytest.mark.parametrize("state", ["draining", "unused"])
async def test_a_target_whose_pod_is_gone_may_stay_away(state):
    made, balancers = bench()
    pod(made)
    entry = await made.entry()
    balancers.targets[ONE] = state
    lose_pod(made)
    assert await made.fault.healthy(entry, made.reach)
    balancers.targets[ONE] = "unhealthy"
    assert not await made.fault.healthy(entry, made.reach)


async def test_a_run_whose_target_stays_unused_does_not_pass():
    world = World()
    balancers = world.parts["elbv2"]
    world.kubernetes.seed(experiment("nlbTargetLoss"))

    def register(TargetGroupArn, Targets):
        balancers.targets[f"{Targets[0]['Id']}:{Targets[0]['Port']}"] = "unused"
        return {}

    world.aws.on("elbv2", "register_targets", register)
    await drive(world, until=all_finished)
    (run,) = world.runs()
    assert run["status"]["verdict"] == "Failed", run["status"]["message"]


async def test_a_group_that_is_gone_is_undone():
    made, balancers = bench()
    entry = await made.entry()
    await made.inject(entry)
    del balancers.groups[TILLS]
    assert (await made.revert(entry)).outcome == "Reverted"
    assert await made.verify(entry)
    assert await made.fault.healthy(entry, made.reach)
