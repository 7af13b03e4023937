"""What comes late to a list of orders changes nothing in it, in memory and in the AWS emulator."""

import json

import cafe_order.lists
import pytest
from botocore.exceptions import ClientError
from cafe_kit.aws import Aws
from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_order.destinations import Delivered, Park, Retry
from cafe_order.events import Facts
from cafe_order.fake_neighbours import CafeAws
from cafe_order.history import CustomerHistory, HistoryDestination
from cafe_order.lists import PUTS_AT_ONCE
from cafe_order.outbox import OutboxRow
from cafe_order.saga import ENDS, RANKS

from services.order.tests.test_saga import NOON
from services.order.tests.test_saga import ORDER as STATE

TABLE = "orders-table"


def row_of(status, number=1):
    record = Facts(STATE, f"guest-{number}", "").history(status, NOON)
    return OutboxRow(number, number, STATE.id, record.kind, record.payload, "", 0)


class Lists:
    """Customers' lists, written and read."""

    def __init__(self, aws, table=TABLE):
        self.aws = aws
        self.written = HistoryDestination(aws, table, linger_seconds=0.0)
        self.read = CustomerHistory(aws, table)

    async def write(self, *statuses):
        return await self.written.deliver([row_of(one, n) for n, one in enumerate(statuses, 1)])

    async def status(self):
        [order] = (await self.read.page("guest-1", 10, None)).orders
        return order.status


@pytest.fixture(params=["memory", "emulator"])
async def lists(request):
    if request.param == "memory":
        yield Lists(CafeAws())
        return
    environment = request.getfixturevalue("aws_environment")
    aws = Aws("eu-west-1", 2)
    yield Lists(aws, environment.new_table())
    await aws.close()


@pytest.mark.parametrize("end", sorted(ENDS))
async def test_a_write_that_arrives_late_changes_nothing_and_counts_as_delivered(lists, end):
    for status in ("placed", "confirmed", "paid", end):
        assert await lists.write(status) == [Delivered()]
        for late in [one for one in RANKS if RANKS[one] < RANKS[status]]:
            assert await lists.write(late) == [Delivered()]
            assert await lists.status() == status


async def test_a_state_may_be_written_twice_and_states_may_be_left_out(lists):
    for status in ("confirmed", "confirmed", "paid", "completed", "completed"):
        assert await lists.write(status) == [Delivered()]
        assert await lists.status() == status


async def test_ends_share_a_call_and_what_still_changes_has_one_each():
    lists = Lists(CafeAws())
    statuses = ["completed"] * 26 + ["rejected", "cancelled", "placed", "confirmed", "paid"]
    assert await lists.write(*statuses) == [Delivered()] * len(statuses)
    calls = [operation for operation, _ in lists.aws.calls]
    assert sorted(calls) == ["batch_write_item"] * 2 + ["put_item"] * 3
    assert len(lists.aws.items(TABLE)) == len(statuses)


async def test_when_dynamodb_does_not_answer_the_rest_of_the_batch_is_not_tried():
    lists = Lists(CafeAws())

    def silence(_parameters):
        raise UnavailableError("DynamoDB does not answer.")

    lists.aws.rules["put_item"] = silence
    assert set(await lists.write(*["placed"] * 100)) == {Retry("DynamoDB does not answer.")}
    assert len(lists.aws.calls) <= PUTS_AT_ONCE


async def test_a_batch_that_takes_too_long_is_ended_before_its_transaction_is(monkeypatch):
    lists = Lists(CafeAws())
    monkeypatch.setattr(cafe_order.lists, "PUTS_SECONDS", 0.0)
    outcomes = await lists.write("placed", "completed")
    late = "Other orders' states took all the time of this pass."
    assert outcomes == [Retry(late), Delivered()]


async def test_a_throttled_item_holds_no_other_up():
    lists = Lists(CafeAws())

    def throttle(parameters):
        if json.loads(parameters["Item"]["order"]["S"])["customerId"] == "guest-1":
            raise ThrottledError("DynamoDB", "DynamoDB throttles this service.")

    lists.aws.rules["put_item"] = throttle
    outcomes = await lists.write(*["placed"] * 20)
    assert outcomes == [Retry("DynamoDB throttles this service."), *[Delivered()] * 19]


async def test_what_dynamodb_refuses_for_itself_is_parked():
    lists = Lists(CafeAws())

    def refuse(_parameters):
        raise ClientError({"Error": {"Code": "ValidationException"}}, "PutItem")

    lists.aws.rules["put_item"] = refuse
    [outcome] = await lists.write("placed")
    assert isinstance(outcome, Park)


async def test_a_status_that_no_order_has_is_parked():
    lists = Lists(CafeAws())
    row = row_of("placed")
    payload = row.payload.replace('"status":"placed"', '"status":"steamed"')
    [outcome] = await lists.written.deliver([OutboxRow(1, 1, row.order_id, "", payload, "", 0)])
    assert outcome == Park("No history: ValueError: 'steamed' is no status")
