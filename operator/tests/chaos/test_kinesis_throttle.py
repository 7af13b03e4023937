"""kinesisThrottle: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import Retry, UserError
from cloudcafe_operator.faults.kinesis_throttle import ACTION, KinesisThrottle

from tests.crash.bench import Bench
from tests.fakes.aws_fis import ARN

THEIRS = {"id": "EXT9", "token": "x", "tags": {"cloudcafe.dev/chaos-run": "another"}}


def bench(**changes):
    made = Bench(KinesisThrottle(), **changes)
    return made, made.world.parts["fis"]


async def test_the_template_says_which_stream_how_much_and_for_how_long_at_most():
    made, fis = bench(percentage=40, duration="2m", role="chaos/fis")
    await made.inject(await made.entry())
    (template,) = fis.templates.values()
    assert template["actions"]["throttle"]["actionId"] == ACTION
    parameters = template["actions"]["throttle"]["parameters"]
    assert parameters == {"duration": "PT120S", "percentage": "40", "service": "kinesis"}
    assert template["targets"]["streams"]["resourceArns"] == [ARN]
    assert template["roleArn"] == "arn:aws:iam::000000000000:role/chaos/fis"


async def test_after_a_crash_between_the_two_the_template_that_was_made_is_started():
    made, fis = bench()
    entry = await made.entry()
    await made.inject(entry)
    fis.experiments.clear()
    await made.inject(entry)
    assert (len(fis.templates), len(fis.experiments)) == (1, 1)


async def test_what_was_started_is_not_made_anew_after_somebody_removed_its_template():
    made, fis = bench()
    entry = await made.entry()
    await made.inject(entry)
    fis.templates.clear()
    assert await made.inject(entry) == {"experiment": "EXP1"}
    assert (fis.templates, len(fis.experiments)) == ({}, 1)


async def test_waits_with_removing_the_template_until_the_experiment_has_ended():
    made, fis = bench()
    entry = await made.entry()
    await made.inject(entry)
    fis.stopping = "stopping"
    with pytest.raises(Retry, match="EXP1 is stopping"):
        await made.revert(entry)
    assert (len(fis.templates), await made.verify(entry)) == (1, False)
    fis.experiments["EXP1"]["state"]["status"] = "stopped"
    assert (await made.revert(entry)).outcome == "Reverted"
    assert (fis.templates, await made.verify(entry)) == ({}, True)


async def test_an_experiment_that_ended_by_itself_is_not_stopped_but_its_template_goes():
    made, fis = bench()
    entry = await made.entry()
    await made.inject(entry)
    fis.experiments["EXP1"]["state"]["status"] = "completed"
    assert not await made.in_force(entry)
    await made.revert(entry)
    assert made.writes()[-1].startswith("fis.delete_experiment_template")
    assert not any(write.startswith("fis.stop_experiment") for write in made.writes())


async def test_an_experiment_whose_template_somebody_removed_is_stopped_all_the_same():
    made, fis = bench()
    entry = await made.entry()
    await made.inject(entry)
    fis.templates.clear()
    assert (await made.revert(entry)).outcome == "Reverted"
    assert fis.experiments["EXP1"]["state"]["status"] == "stopped"


async def test_what_others_made_in_fis_is_left_alone():
    made, fis = bench()
    fis.templates["EXT9"] = THEIRS
    fis.experiments["EXP9"] = {**THEIRS, "id": "EXP9", "state": {"status": "running"}}
    entry = await made.entry()
    await made.inject(entry)
    await made.revert(entry)
    assert list(fis.templates) == ["EXT9"]
    assert fis.experiments["EXP9"]["state"]["status"] == "running"


async def test_refuses_a_stream_that_is_not_active_and_a_duration_that_fis_does_not_take():
    made, fis = bench()
    fis.status = "UPDATING"
    with pytest.raises(UserError, match="is UPDATING: wait until it is ACTIVE"):
        await made.entry()
    with pytest.raises(UserError, match="one minute or more"):
        await bench(duration="30s")[0].entry()


async def test_by_hand_it_is_stopped_by_its_id_or_found_by_its_tag():
    made, _ = bench()
    entry = await made.entry()
    assert "cloudcafe.dev/chaos-run" in made.fault.by_hand(entry)
    entry.injected.update(await made.inject(entry))
    assert made.fault.by_hand(entry) == "aws fis stop-experiment --id EXP1"
