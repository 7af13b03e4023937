"""The handler's verdicts: poison is named, results go out before a message is done."""

import json

import pytest
from cafe_kit.errors import UnavailableError
from cafe_kit.sqs import Again, Done, Message, Poison
from cafe_payments.handler import PaymentHandler
from cafe_payments.results import SqsResults


@pytest.fixture
def world(new_world):
    return new_world()


def parked(world):
    return [
        (message.body, message.attributes["reason"]["StringValue"])
        for message in world.aws.queue("payments-dlq.fifo")
    ]


async def test_a_payment_is_captured_and_told(world):
    world.ask()
    await world.drain()
    told = json.loads(world.aws.bodies("results.fifo")[0])
    assert told["id"] == "o-1:payment.captured"
    assert told["chargeId"] == world.provider.charges["o-1"][0].charge_id
    assert (told["totalMinor"], told["placedAt"][:13]) == (450, "2026-11-22T07")
    assert told["traceId"] == "a" * 32
    assert world.metrics.counts == {"PaymentsCaptured": 1}


async def test_a_declined_card_is_told_with_its_reason(new_world):
    world = new_world(declines=True)
    world.ask()
    await world.drain()
    assert world.results() == ["payment.declined"]
    assert world.metrics.counts == {"PaymentsDeclined": 1}


async def test_a_repeated_command_gets_the_same_result_and_no_call(world):
    world.ask()
    await world.drain()
    calls = list(world.provider.calls)
    world.advance(3600)
    world.ask()
    await world.drain()
    first, second = (sent["MessageBody"] for sent in world.aws.messages)
    assert first == second
    assert world.provider.calls == calls


async def test_a_hundred_orders_share_their_calls(world):
    for number in range(100):
        world.ask(order=f"o-{number}")
    await world.drain()
    assert all(world.complaints(f"o-{number}") == [] for number in range(100))
    operations = [operation for operation, _ in world.aws.calls]
    assert operations.count("transact_write_items") == 30
    assert operations.count("send_message_batch") == 10
    assert operations.count("delete_message_batch") == 10
    assert operations.count("get_item") == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "newer"),
        ({"type": "payment.blessed"}, "Nobody knows"),
        ({"totalMinor": -1}, "totalMinor"),
        ({"type": "payment.captured"}, "no payment command"),
    ],
)
async def test_what_nobody_can_read_is_parked_with_its_reason(world, change, reason):
    body = json.dumps(json.loads(world.command().encode()) | change)
    world.aws.put_message("payments.fifo", body, "o-1")
    world.aws.put_message("payments.fifo", "{not json", "o-2")
    world.ask(order="o-3")
    await world.drain()
    (first, why), (second, _) = parked(world)
    assert (first, second) == (body, "{not json")
    assert reason in why
    assert world.provider.calls == ["authorise", "capture"]


async def test_another_amount_than_the_ledgers_is_parked(world):
    world.ask()
    await world.drain()
    body = json.dumps(json.loads(world.command().encode()) | {"totalMinor": 9})
    world.aws.put_message("payments.fifo", body, "o-1")
    await world.drain()
    assert "450" in parked(world)[0][1]
    assert world.entry().amount_minor == 450


async def test_a_result_that_cannot_be_sent_keeps_its_message(world):
    world.ask()
    world.ask(order="o-2")
    lost = iter([True, True, True, True, True])

    def refuse(_parameters):
        if next(lost, False):
            raise UnavailableError("SQS does not answer.")

    world.aws.rules["send_message_batch"] = refuse
    await world.live(*world.process())
    assert len(world.aws.queue("payments.fifo")) == 2
    assert world.results() == []
    await world.drain()
    assert world.complaints() == []
    assert world.provider.calls.count("authorise") == 2


async def test_while_the_provider_is_away_nothing_is_claimed_and_messages_stay(world):
    world.provider.held_off = 7.0
    world.ask()
    consumer, life = world.process()
    await world.live(consumer, life)
    assert world.entry() is None
    assert len(world.aws.queue("payments.fifo")) == 1
    assert not [name for name in life.boundaries if "transact" in name]
    world.provider.held_off = 0.0
    await world.drain()
    assert world.complaints() == []


async def test_while_the_provider_is_away_what_is_settled_is_still_told(world):
    world.ask()
    await world.drain()
    world.provider.held_off = 7.0
    world.ask()
    await world.drain()
    assert len(world.aws.messages) == 2


async def test_the_handler_rests_while_the_provider_is_away(world):
    rested = []

    async def rest(seconds):
        rested.append(seconds)

    handler = PaymentHandler(
        None, SqsResults(world.aws, "results.fifo"), hold_off_seconds=lambda: 90.0, rest=rest
    )
    verdicts = await handler.handle([Message("m", "{", "g", 1, "r")])
    assert rested == [5.0]
    assert isinstance(verdicts[0], Poison)


async def test_a_ledger_that_is_away_lets_the_message_come_again(world):
    def away(_parameters):
        raise UnavailableError("DynamoDB does not answer.")

    world.aws.rules["transact_write_items"] = away
    world.ask()
    await world.live(*world.process())
    assert world.provider.calls == []
    del world.aws.rules["transact_write_items"]
    await world.drain()
    assert world.complaints() == []


async def test_after_a_wait_the_later_ones_of_an_order_are_not_touched(world):
    world.provider.trouble = lambda _call: "unreached"
    handler = world.process()[0]._handle
    messages = [
        Message("m-1", world.command().encode(), "o-1", 1, "r"),
        Message("m-2", world.command("cancel-requested").encode(), "o-1", 1, "r"),
    ]
    first, second = await handler(messages)
    assert isinstance(first, Again)
    assert isinstance(second, Again)
    assert not world.entry().cancel_requested
    assert Done() not in (first, second)


async def test_many_declines_in_a_minute_look_like_card_testing(new_world):
    world = new_world(declines=True)
    for number in range(3):
        world.ask(order=f"o-{number}")
    await world.drain()
    assert world.told == []
    for number in range(3, 9):
        world.ask(order=f"o-{number}")
    await world.drain()
    assert world.told == ["CardTestingSuspected"]
    world.advance(120)
    world.ask(order="o-9")
    await world.drain()
    assert world.told == ["CardTestingSuspected"]
