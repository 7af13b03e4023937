"""securityGroupLockdown: what only this fault knows."""

from dataclasses import replace

import pytest
from cloudcafe_operator.errors import Unavailable, UserError
from cloudcafe_operator.faults.aws_tags import RUN_CLUSTER_TAG, RUN_TAG
from cloudcafe_operator.faults.security_group_lockdown import SecurityGroupLockdown

from tests.crash.bench import Bench
from tests.fakes.aws_network import AURORA, ORDER, group_rule


def bench(**changes):
    made = Bench(SecurityGroupLockdown(), **changes)
    return made, made.world.parts["network"].groups


def ports(groups, *, egress=False):
    found = [
        one
        for one in groups.rules.values()
        if one["GroupId"] == AURORA and one["IsEgress"] is egress
    ]
    return sorted(one["FromPort"] for one in found)


async def test_revokes_only_the_direction_that_is_asked_for():
    made, groups = bench(direction="Egress")
    await made.inject(await made.entry())
    assert (ports(groups), ports(groups, egress=True)) == ([-1, 5432], [])


async def test_both_directions_come_back_with_descriptions_and_tags():
    made, groups = bench(direction="Both")
    before = groups.state()
    entry = await made.entry()
    await made.inject(entry)
    assert ports(groups) == ports(groups, egress=True) == []
    assert (await made.revert(entry)).outcome == "Reverted"
    assert groups.state() == before


async def test_a_rule_whose_tags_are_all_of_aws_comes_back_without_any():
    made, _ = bench()
    entry = await made.entry()
    for rule in entry.captured["rules"]:
        rule["tags"] = [{"Key": "aws:cloudformation:stack-name", "Value": "network"}]
    await made.inject(entry)
    assert (await made.revert(entry)).outcome == "Reverted"
    writes = [one for one in made.world.recorder.writes if "authorize" in one.verb]
    assert writes
    assert not any("TagSpecifications" in one.body for one in writes)


async def test_a_rule_that_somebody_adds_meanwhile_stays():
    made, groups = bench()
    entry = await made.entry()
    await made.inject(entry)
    groups.add(AURORA, group_rule(5433, ORDER))
    assert await made.in_force(entry)
    await made.revert(entry)
    assert ports(groups) == [-1, 5432, 5433]


async def test_a_rule_that_somebody_puts_back_meanwhile_is_not_doubled():
    made, groups = bench()
    entry = await made.entry()
    await made.inject(entry)
    groups.add(AURORA, group_rule(5432, ORDER))
    assert not await made.in_force(entry)
    assert (await made.revert(entry)).outcome == "Reverted"
    assert ports(groups) == [-1, 5432]


async def test_a_rule_that_somebody_revoked_before_anything_was_done_stays_away():
    made, groups = bench()
    entry = await made.entry()
    groups.rules.pop(entry.captured["rules"][0]["id"])
    assert (await made.revert(entry)).outcome == "Reverted"
    assert ports(groups) == [-1]
    assert made.writes() == []


async def test_an_answer_that_was_lost_after_a_rule_came_back_is_no_trouble():
    made, groups = bench()
    entry = await made.entry()
    await made.inject(entry)
    made.world.recorder.hook = _lose_the_answer(made, "ec2.authorize_security_group_ingress")
    with pytest.raises(Unavailable):
        await made.revert(entry)
    assert (await made.revert(entry)).outcome == "Reverted"
    assert ports(groups) == [-1, 5432]


def _lose_the_answer(made, verb):
    def hook(write, moment):
        if write.verb == verb and moment == "after":
            made.world.recorder.hook = None
            raise Unavailable("the answer was lost")

    return hook


async def test_a_rule_whose_other_end_is_gone_stays_away_and_is_named():
    made, groups = bench()
    entry = await made.entry()
    await made.inject(entry)
    del groups.tags[ORDER]
    undone = await made.revert(entry)
    assert (undone.outcome, ports(groups)) == ("Diverged", [-1])
    assert "tcp 5432-5432 from sg-order" in undone.detail
    assert await made.verify(entry)


async def test_a_group_that_is_gone_is_undone():
    made, groups = bench()
    entry = await made.entry()
    await made.inject(entry)
    del groups.tags[AURORA]
    assert (await made.revert(entry)).outcome == "Reverted"
    assert await made.verify(entry)


async def test_two_runs_never_lock_the_same_group():
    made, groups = bench()
    groups.tags[AURORA]["cloudcafe.dev/run"] = "another-run"
    with pytest.raises(UserError, match="locked down by run another-run"):
        await made.entry()


async def test_a_group_that_keeps_the_cluster_together_is_protected_by_its_tag():
    made, _ = bench(selector={"names": ["cloudcafe-nodes"]})
    (target,) = await made.targets()
    assert "cloudcafe.dev/protected" in target.protected


@pytest.mark.parametrize(
    ("interface", "what"),
    [
        ({"InterfaceType": "vpc_endpoint"}, "the way to AWS"),
        ({"InterfaceType": "interface", "Description": "Amazon EKS cafe"}, "API server"),
        (
            {"InterfaceType": "interface", "TagSet": [{"Key": "eks:cluster-name", "Value": "c"}]},
            "a node",
        ),
    ],
)
async def test_a_group_whose_loss_would_cut_the_operator_off_is_refused_even_untagged(
    interface, what
):
    made, groups = bench()
    groups.interfaces.append({"group": AURORA, **interface})
    with pytest.raises(UserError, match=what):
        await made.entry()


async def test_a_group_of_a_stores_own_interface_may_be_locked_down():
    made, groups = bench()
    groups.interfaces.append({"group": AURORA, "InterfaceType": "interface", "Description": "RDS"})
    assert (await made.entry()).captured["rules"]


async def test_a_group_without_rules_is_refused():
    made, _ = bench(selector={"names": ["cloudcafe-order"]})
    with pytest.raises(UserError, match="no rules to revoke"):
        await made.entry()


async def test_the_command_by_hand_has_every_rule_in_full():
    made, _ = bench()
    command = made.fault.by_hand(await made.entry())
    assert '"FromPort": 5432' in command
    assert "order to aurora" in command
    assert "10.0.0.0/8" in command


async def test_what_another_run_has_revoked_is_left_to_it_also_while_this_one_settles():
    made, groups = bench()
    entry = await made.entry()
    groups.tag([AURORA], [{"Key": RUN_TAG, "Value": "another-run"}])
    for rule in entry.captured["rules"]:
        del groups.rules[rule["id"]]
    assert (await made.revert(replace(entry, settling=True))).outcome == "Reverted"
    assert ports(groups) == []


async def test_what_was_told_of_another_cluster_beside_our_mark_goes_with_it():
    made, groups = bench()
    before = groups.state()
    entry = await made.entry()
    await made.inject(entry)
    groups.tag([AURORA], [{"Key": RUN_CLUSTER_TAG, "Value": "another-cluster/another-run"}])
    assert (await made.revert(entry)).outcome == "Reverted"
    assert groups.state() == before
