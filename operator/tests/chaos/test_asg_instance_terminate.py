"""asgInstanceTerminate: what only this fault knows."""

import dataclasses
import shlex

import pytest
from cloudcafe_operator.errors import NotFound, UserError
from cloudcafe_operator.faults.asg_instance_terminate import AsgInstanceTerminate

from tests.crash.bench import Bench
from tests.crash.pods import node


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


def operator(made, *instances):
    """Run an operator on the nodes that these instances are."""
    for instance in instances:
        one = node(f"node-{instance}") | {"spec": {"providerID": f"aws:///eu-west-1a/{instance}"}}
        labels = {"app.kubernetes.io/name": "cloudcafe-operator"}
        meta = {"name": f"op-{instance}", "namespace": "cloudcafe", "labels": labels}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta}
        made.world.kubernetes.seed(one)
        made.world.kubernetes.seed(pod | {"spec": {"nodeName": f"node-{instance}"}})


async def test_an_instance_that_carries_the_operator_is_no_candidate_though_it_counts():
    made, group = bench()
    first, *others = group.instances
    operator(made, first)
    assert [(one.name, one.group_size) for one in await made.targets()] == [
        (name, 4) for name in others
    ]


async def test_a_group_of_nothing_but_the_operators_instances_is_refused_with_the_reason():
    made, group = bench()
    operator(made, *group.instances)
    assert {one.protected for one in await made.targets()} == {"carries the operator"}


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


async def test_a_group_that_was_scaled_in_meanwhile_is_whole_with_what_it_wants():
    made, group = bench()
    entry = await made.entry()
    group.desired = 3
    del group.instances[next(name for name in group.instances if name != entry.target.name)]
    assert not await made.fault.healthy(entry, made.reach)  # the one to go does not count
    del group.instances[entry.target.name]
    group.desired = 2
    assert await made.fault.healthy(entry, made.reach)


async def test_a_group_that_is_gone_is_neither_broken_by_us_nor_whole():
    made, group = bench()
    entry = await made.entry()
    group.gone = True
    assert not await made.in_force(entry)
    assert not await made.fault.healthy(entry, made.reach)
    with pytest.raises(NotFound):
        await made.inject(entry)
    assert made.writes() == []


async def test_a_group_may_have_any_name_and_the_command_by_hand_runs_none_of_it():
    made, _ = bench()
    entry = await made.entry()
    name = "spare; $(reboot) 'x'"
    group = f"Auto Scaling group {name}"
    entry = dataclasses.replace(entry, target=entry.target.model_copy(update={"group": group}))
    assert shlex.split(made.fault.by_hand(entry))[-1] == name


@pytest.mark.parametrize("selector", [{"names": ["another"]}, {"tags": {"a": "b"}}, {}])
async def test_other_groups_are_left_alone(selector):
    assert await bench(selector=selector)[0].targets() == []
