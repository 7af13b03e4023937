"""What customers of a service, or in a zone, lose in a step: over all faults, each one once."""

import pytest
from cloudcafe_operator.faults.aws_tags import service_of
from cloudcafe_operator.planning.shares import Capacity, Member, Share, shares
from hypothesis import given
from hypothesis import strategies as st

from tests.crash.engines import all_finished, drive
from tests.crash.worlds import World, experiment

IDS = st.sampled_from("abcdefgh")
SERVICES = {"a": "x", "b": "x", "c": "x", "d": "y", "e": "y", "f": "", "g": "y", "h": "x"}
ZONES = {"a": "1", "b": "2", "c": "1", "d": "2", "e": "", "f": "1", "g": "2", "h": ""}


def seen(ids, lost, zones=()):
    members = frozenset(Member(one, SERVICES[one], ZONES[one]) for one in ids)
    return Capacity(members, frozenset(lost), frozenset(zones))


CAPACITIES = st.builds(
    seen, st.frozensets(IDS), st.frozensets(IDS), st.frozensets(st.sampled_from("12"))
)


def test_a_pod_that_two_faults_take_is_lost_once():
    kill, drain = seen("abch", "a"), seen("abch", "ab")
    assert Share("service", "x", 2, 4) in shares([kill, drain])


def test_pods_and_tasks_of_one_service_are_one_capacity():
    assert Share("service", "x", 2, 4) in shares([seen("ab", "a"), seen("ch", "c")])


def test_who_serves_in_a_lost_zone_is_lost_with_it():
    found = shares([seen("ab", ""), seen("", "", "1")])
    assert found == (Share("service", "x", 1, 2), Share("zone", "1", 1, 1))


def test_a_zone_keeps_those_of_all_services_that_stay():
    assert Share("zone", "1", 1, 3) in shares([seen("acf", "f")])


def test_what_nobody_loses_is_not_mentioned():
    assert shares([seen("abcdefgh", "")]) == ()


@given(st.lists(CAPACITIES, max_size=4), CAPACITIES)
def test_one_more_fault_never_makes_a_loss_smaller(before, more):
    lost = {(one.kind, one.name): one for one in shares([*before, more])}
    for one in shares(before):
        then = lost[one.kind, one.name]
        assert then.lost >= one.lost or then == Share("zone", one.name, 1, 1)
        assert 0 < then.lost <= then.whole


async def preview(faults, **limits):
    """Preview a step with these faults on three pods of one service, a node each."""
    world = World()
    item = experiment("podKill", mode="Preview")
    item["spec"]["steps"][0]["faults"] = [
        {name: {"selector": {"names": [hit]}}, "mode": "one"} for name, hit in faults.items()
    ]
    item["spec"]["limits"] |= {"maxTargets": 3, **limits}
    world.kubernetes.seed(item)
    await drive(world, until=all_finished)
    found = world.runs()[0]["status"]["preview"]
    return found["refusals"], found["capacity"]


def left(pods):
    return [{"step": "break", "of": "service shop/order", "left": f"{pods} of 3"}]


async def test_two_faults_that_each_spare_half_do_not_take_the_service_together():
    both = {"podKill": "order-abc-1", "eksNodeDrain": "node-2"}
    refusals, capacity = await preview(both)
    assert capacity == left(1)
    assert len(refusals) == 1
    assert refusals[0].startswith("step break would leave 1 of 3 of service shop/order and limits.")
    assert await preview(both, maxServicePercent=67) == ([], left(1))


async def test_a_pod_that_is_killed_on_a_node_that_is_drained_is_lost_once():
    assert await preview({"podKill": "order-abc-1", "eksNodeDrain": "node-1"}) == ([], left(2))


async def test_the_services_own_limit_counts_where_it_is_given():
    refusals, _ = await preview({"podKill": "order-abc-1"}, maxServicePercent=33)
    assert "limits.maxServicePercent is 33" in refusals[0]


@pytest.mark.parametrize("fault", ["podKill", "podPartition", "cpuStress"])
async def test_each_fault_of_pods_says_what_is_left_of_their_service(fault):
    assert await preview({fault: "order-abc-1"}) == ([], left(2))


@pytest.mark.parametrize(
    ("fault", "shares"),
    [
        ("asgInstanceTerminate", {"service Auto Scaling group cloudcafe-loyalty-spare": "3 of 4"}),
        ("ecsTaskKill", {"service ECS service cloudcafe/analytics-worker": "3 of 4"}),
        ("nlbTargetLoss", {"service target group cloudcafe-order-tills": "1 of 2"}),
        ("azNetworkPartition", {"zone eu-west-1a": "0 of 1"}),
    ],
)
async def test_each_fault_of_aws_says_what_is_left(fault, shares):
    world = World()
    world.kubernetes.seed(experiment(fault, mode="Preview"))
    await drive(world, until=all_finished)
    found = world.runs()[0]["status"]["preview"]
    assert {one["of"]: one["left"] for one in found["capacity"]} == shares
    assert found["refusals"] == []


def test_a_tag_says_that_tasks_serve_with_pods_of_a_service():
    assert service_of({"cloudcafe.dev/service": "shop/order"}, "ECS service a/b") == "shop/order"
    assert service_of({}, "ECS service a/b") == "ECS service a/b"
