"""dynamodbThrottle: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import NotFound, Retry, UserError
from cloudcafe_operator.faults.dynamodb_throttle import DynamodbThrottle

from tests.crash.bench import Bench
from tests.crash.worlds import TABLE_ARN, TAGS


def on_demand(bench):
    """Let the table be an on-demand one; return its maximums."""
    limits = {}

    def update(TableName, OnDemandThroughput):
        limits.clear()
        limits.update({k: v for k, v in OnDemandThroughput.items() if v != -1})
        return {}

    def describe(TableName):
        table = {"TableName": TableName, "TableStatus": "ACTIVE"}
        table["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        return {"Table": table | ({"OnDemandThroughput": dict(limits)} if limits else {})}

    bench.world.aws.on("dynamodb", "describe_table", describe)
    bench.world.aws.on("dynamodb", "update_table", update)
    return limits


async def test_an_on_demand_table_gets_a_maximum_and_loses_it_again():
    bench = Bench(DynamodbThrottle())
    limits = on_demand(bench)
    entry = await bench.entry()
    await bench.inject(entry)
    assert limits == {"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": 1}
    assert (await bench.revert(entry)).outcome == "Reverted"
    assert limits == {}
    assert "MaxReadRequestUnits=-1" in bench.fault.by_hand(entry)


async def test_waits_while_the_table_is_updating():
    bench = Bench(DynamodbThrottle())
    entry = await bench.entry()
    await bench.inject(entry)
    with pytest.raises(Retry, match="UPDATING"):
        await bench.revert(entry)


async def changed_meanwhile(reads, writes):
    """Throttle the table, and let somebody set its units since."""
    bench = Bench(DynamodbThrottle())
    entry = await bench.entry()
    await bench.inject(entry)
    bench.world.clock.advance(10)
    bench.world.table.units = {"ReadCapacityUnits": reads, "WriteCapacityUnits": writes}
    return bench, entry


async def test_gives_writes_back_where_somebody_else_set_reads_meanwhile():
    bench, entry = await changed_meanwhile(reads=5, writes=1)
    was = entry.captured["was"]
    undone = await bench.revert(entry)
    assert undone.outcome == "Diverged"
    assert undone.detail == (
        f"it has 5 read and {was['write']} write units now, "
        f"it had {was['read']} read and {was['write']} write units"
    )
    bench.world.clock.advance(10)
    assert bench.world.table.units == {"ReadCapacityUnits": 5, "WriteCapacityUnits": was["write"]}
    assert await bench.verify(entry)


async def test_is_not_undone_while_one_of_two_values_is_ours():
    bench, entry = await changed_meanwhile(reads=5, writes=1)
    assert not await bench.verify(entry)


async def test_units_of_another_billing_mode_are_not_ours_though_they_are_as_many():
    bench = Bench(DynamodbThrottle())
    entry = await bench.entry()
    limits = on_demand(bench)
    limits |= {"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": 1}
    assert (await bench.revert(entry)).outcome == "Diverged"
    assert limits == {"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": 1}
    assert await bench.verify(entry)


async def test_keeps_what_somebody_else_set_meanwhile():
    bench, entry = await changed_meanwhile(reads=9, writes=9)
    undone = await bench.revert(entry)
    assert (undone.outcome, bench.world.table.units["ReadCapacityUnits"]) == ("Diverged", 9)
    assert "9 read and 9 write units now" in undone.detail


async def test_refuses_to_inject_over_a_change_made_after_the_capture():
    bench = Bench(DynamodbThrottle())
    entry = await bench.entry()
    bench.world.table.units = {"ReadCapacityUnits": 9, "WriteCapacityUnits": 9}
    with pytest.raises(UserError, match="changed since it was captured"):
        await bench.inject(entry)


async def test_refuses_units_that_would_not_lower_anything():
    with pytest.raises(UserError, match="readUnits and writeUnits must not be higher"):
        await Bench(DynamodbThrottle(), readUnits=501).entry()
    with pytest.raises(UserError, match="choose lower units"):
        await Bench(DynamodbThrottle(), readUnits=500, writeUnits=500).entry()


@pytest.mark.parametrize(
    ("limits", "units", "has"),
    [
        ({"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 10}, (500, 500), "10 read and 10"),
        ({"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 10}, (1, 11), "10 read and 10"),
        ({"MaxWriteRequestUnits": 10}, (1, 11), "unlimited read and 10"),
        ({"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": -1}, (11, 1), "10 read and unlimited"),
    ],
)
async def test_refuses_to_raise_the_maximum_of_an_on_demand_table(limits, units, has):
    bench = Bench(DynamodbThrottle(), readUnits=units[0], writeUnits=units[1])
    on_demand(bench).update(limits)
    with pytest.raises(UserError, match=f"it has {has} write units, .* must not be higher"):
        await bench.entry()


@pytest.mark.parametrize("limits", [{"MaxReadRequestUnits": 10}, {"MaxWriteRequestUnits": 10}, {}])
async def test_what_has_no_maximum_may_get_any(limits):
    bench = Bench(DynamodbThrottle(), readUnits=10, writeUnits=10)
    on_demand(bench).update(limits)
    assert (await bench.entry()).captured["wanted"]["read"] == 10


async def test_refuses_when_aws_would_allow_no_further_decrease_today():
    bench = Bench(DynamodbThrottle())
    now = bench.world.clock.now()
    bench.world.table.units |= {"NumberOfDecreasesToday": 4, "LastDecreaseDateTime": now}
    bench.world.aws.on("dynamodb", "describe_table", lambda TableName: _table(bench))
    with pytest.raises(UserError, match="wait an hour, or choose another table"):
        await bench.entry()


def _table(bench):
    units = bench.world.table.units
    return {"Table": {"TableStatus": "ACTIVE", "ProvisionedThroughput": units}}


async def test_a_table_that_is_gone_is_undone():
    bench = Bench(DynamodbThrottle())
    entry = await bench.entry()
    bench.world.aws.fail_next("dynamodb", "describe_table", NotFound("gone"), NotFound("gone"))
    assert (await bench.revert(entry)).outcome == "Reverted"
    assert await bench.verify(entry)


async def test_selects_by_arn_with_the_tables_own_tags():
    bench = Bench(DynamodbThrottle(), selector={"arns": [TABLE_ARN]})
    bench.world.aws.on("dynamodb", "list_tags_of_resource", lambda ResourceArn: {"Tags": TAGS})
    (target,) = await bench.targets()
    assert (target.name, target.opted_in) == ("cloudcafe-orders", True)
