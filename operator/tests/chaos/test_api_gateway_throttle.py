"""apiGatewayThrottle: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.api_gateway_throttle import ApiGatewayThrottle

from tests.crash.bench import Bench


def bench(**changes):
    made = Bench(ApiGatewayThrottle(), **changes)
    return made, made.world.parts["apigateway"]


async def test_only_the_limits_are_lowered():
    made, stages = bench(requestsPerSecond=1, burst=2)
    await made.inject(await made.entry())
    assert stages.settings == {
        "ThrottlingRateLimit": 1.0,
        "ThrottlingBurstLimit": 2,
        "DetailedMetricsEnabled": True,
    }


async def test_the_rate_comes_back_where_somebody_else_set_the_burst_meanwhile():
    made, stages = bench()
    entry = await made.entry()
    await made.inject(entry)
    stages.settings["ThrottlingBurstLimit"] = 7
    assert not await made.verify(entry)
    undone = await made.revert(entry)
    assert undone.outcome == "Diverged"
    assert stages.settings["ThrottlingRateLimit"] == entry.captured["was"]["ThrottlingRateLimit"]
    assert stages.settings["ThrottlingBurstLimit"] == 7
    assert await made.verify(entry)


async def test_what_somebody_else_set_meanwhile_stays():
    made, stages = bench()
    entry = await made.entry()
    await made.inject(entry)
    stages.settings["ThrottlingRateLimit"] = 20.0
    undone = await made.revert(entry)
    assert (undone.outcome, stages.settings["ThrottlingRateLimit"]) == ("Diverged", 20.0)
    assert "20 a second" in undone.detail


async def test_another_setting_that_changed_meanwhile_survives_the_undo():
    made, stages = bench()
    entry = await made.entry()
    await made.inject(entry)
    stages.settings["DetailedMetricsEnabled"] = False
    assert (await made.revert(entry)).outcome == "Reverted"
    assert stages.settings["ThrottlingRateLimit"] == 50.0
    assert stages.settings["DetailedMetricsEnabled"] is False


async def test_refuses_a_stage_whose_limits_could_not_be_taken_away_again():
    made, stages = bench()
    stages.stage["DefaultRouteSettings"] = {}
    with pytest.raises(UserError, match="no limits of its own"):
        await made.entry()


async def test_refuses_what_would_lower_nothing():
    made, _ = bench(requestsPerSecond=51)
    with pytest.raises(UserError, match="choose less"):
        await made.entry()


async def test_refuses_where_a_route_has_limits_of_its_own():
    made, stages = bench()
    stages.stage["RouteSettings"] = {"POST /x": {"ThrottlingRateLimit": 5.0}}
    with pytest.raises(UserError, match="POST /x have limits of their own"):
        await made.entry()


async def test_refuses_a_stage_that_api_gateway_manages():
    made, stages = bench()
    stages.stage["ApiGatewayManaged"] = True
    with pytest.raises(UserError, match="lets nobody change it"):
        await made.entry()


async def test_refuses_to_inject_over_a_change_made_after_the_capture():
    made, stages = bench()
    entry = await made.entry()
    stages.settings["ThrottlingBurstLimit"] = 7
    with pytest.raises(UserError, match="changed since it was captured"):
        await made.inject(entry)


async def test_a_stage_that_is_gone_is_undone():
    made, stages = bench()
    entry = await made.entry()
    await made.inject(entry)
    stages.stage = None
    assert (await made.revert(entry)).outcome == "Reverted"
    assert await made.verify(entry)


@pytest.mark.parametrize(
    ("selector", "hit"),
    [
        ({"names": ["cloudcafe-payments"]}, 1),
        ({"names": ["another"]}, 0),
        ({"tags": {"cloudcafe.dev/chaos": "allowed"}}, 1),
        ({"arns": ["arn:aws:apigateway:eu-west-1::/apis/a1/stages/$default"]}, 1),
        ({"arns": ["arn:aws:apigateway:eu-west-1::/apis/a2/stages/$default"]}, 0),
    ],
)
async def test_selects_by_the_apis_name_by_tag_and_by_arn(selector, hit):
    made, _ = bench(selector=selector)
    assert len(await made.targets()) == hit


async def test_the_command_by_hand_has_the_limits_that_were():
    made, _ = bench()
    command = made.fault.by_hand(await made.entry())
    assert "--api-id a1 --stage-name '$default'" in command
    assert command.endswith("ThrottlingRateLimit=50,ThrottlingBurstLimit=100")
