"""albRoutingFailure: what only this fault knows."""

import json

import pytest
from cloudcafe_operator.errors import NotFound, UserError
from cloudcafe_operator.faults.alb_routing_failure import AlbRoutingFailure

from tests.crash.bench import Bench
from tests.fakes.aws_elbv2 import LISTENER, ORDERS, RULE, forward

OIDC = {
    "Type": "authenticate-oidc",
    "Order": 1,
    "AuthenticateOidcConfig": {"ClientId": "cafe", "Issuer": "https://id"},
}


def bench(**changes):
    made = Bench(AlbRoutingFailure(), **changes)
    return made, made.world.parts["elbv2"]


async def test_the_answer_names_status_and_run():
    made, balancers = bench(status=502)
    await made.inject(await made.entry())
    config = balancers.actions[RULE][-1]["FixedResponseConfig"]
    assert config["StatusCode"] == "502"
    assert json.loads(config["MessageBody"])["run"] == "run-uid"


async def test_a_listeners_default_action_is_changed_by_its_listener():
    made, balancers = bench(selector={"arns": [LISTENER]})
    balancers.actions[LISTENER] = [forward()]
    entry = await made.entry()
    await made.inject(entry)
    assert balancers.actions[LISTENER][-1]["Type"] == "fixed-response"
    assert (await made.revert(entry)).outcome == "Reverted"
    assert balancers.actions[LISTENER] == [forward()]
    assert "modify-listener" in made.fault.by_hand(entry)


async def test_guests_still_log_in_and_the_secret_that_aws_keeps_is_used():
    made, balancers = bench()
    balancers.actions[RULE] = [OIDC, {**forward(), "Order": 2}]
    entry = await made.entry()
    await made.inject(entry)
    login, answer = balancers.actions[RULE]
    assert login["AuthenticateOidcConfig"]["UseExistingClientSecret"] is True
    assert (answer["Type"], answer["Order"]) == ("fixed-response", 2)


async def test_what_somebody_else_made_of_the_rule_meanwhile_stays():
    made, balancers = bench()
    entry = await made.entry()
    await made.inject(entry)
    balancers.actions[RULE] = [forward("another")]
    undone = await made.revert(entry)
    assert undone.outcome == "Diverged"
    assert balancers.actions[RULE] == [forward("another")]


async def test_our_answer_goes_where_somebody_changed_only_the_login_before_it():
    made, balancers = bench()
    balancers.actions[RULE] = [OIDC, {**forward(), "Order": 2}]
    entry = await made.entry()
    await made.inject(entry)
    login = {**OIDC, "AuthenticateOidcConfig": {"ClientId": "bar", "Issuer": "https://id"}}
    balancers.actions[RULE] = [login, balancers.actions[RULE][-1]]
    assert not await made.verify(entry)
    undone = await made.revert(entry)
    assert (undone.outcome, "before its last" in undone.detail) == ("Diverged", True)
    kept, last = balancers.actions[RULE]
    assert kept["AuthenticateOidcConfig"]["ClientId"] == "bar"
    assert last == {**forward(), "Order": 2}
    assert await made.verify(entry)


async def test_our_answer_goes_where_somebody_put_a_login_before_it():
    made, balancers = bench()
    entry = await made.entry()
    await made.inject(entry)
    balancers.actions[RULE] = [OIDC, {**balancers.actions[RULE][-1], "Order": 2}]
    assert (await made.revert(entry)).outcome == "Diverged"
    assert [(one["Type"], one["Order"]) for one in balancers.actions[RULE]] == [
        ("authenticate-oidc", 1),
        ("forward", 2),
    ]


async def test_another_runs_answer_is_not_ours_to_undo():
    made, balancers = bench()
    entry = await made.entry()
    await made.inject(entry)
    config = dict(balancers.actions[RULE][-1]["FixedResponseConfig"])
    config["MessageBody"] = config["MessageBody"].replace("run-uid", "another")
    balancers.actions[RULE] = [{"Type": "fixed-response", "FixedResponseConfig": config}]
    assert (await made.revert(entry)).outcome == "Diverged"


async def test_a_forward_that_aws_writes_otherwise_is_no_change():
    made, balancers = bench()
    balancers.actions[RULE] = [{"Type": "forward", "TargetGroupArn": ORDERS}]
    entry = await made.entry()
    balancers.actions[RULE] = [forward()]
    await made.inject(entry)
    assert balancers.actions[RULE][-1]["Type"] == "fixed-response"


async def test_refuses_to_inject_over_a_change_made_after_the_capture():
    made, balancers = bench()
    entry = await made.entry()
    balancers.actions[RULE] = [forward("another")]
    with pytest.raises(UserError, match="changed since it was captured"):
        await made.inject(entry)


async def test_refuses_a_rule_that_routes_nothing():
    made, _ = bench(selector={"arns": [LISTENER]})
    with pytest.raises(UserError, match="answers 404 by itself"):
        await made.entry()


async def test_a_listener_is_meant_only_where_it_is_named():
    made, _ = bench(selector={"tags": {"cloudcafe.dev/chaos": "allowed"}})
    assert [target.id for target in await made.targets()] == [RULE]


async def test_says_so_while_the_target_group_it_forwarded_to_is_gone():
    made, balancers = bench()
    entry = await made.entry()
    await made.inject(entry)
    del balancers.groups[ORDERS]
    with pytest.raises(UserError, match="give the rule another action"):
        await made.revert(entry)


async def test_a_rule_that_is_gone_is_undone():
    made, _ = bench()
    entry = await made.entry()
    await made.inject(entry)
    made.world.aws.fail_next("elbv2", "describe_rules", *[NotFound("gone")] * 3)
    assert (await made.revert(entry)).outcome == "Reverted"
    assert await made.verify(entry)
