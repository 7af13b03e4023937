"""Two consumers have the same message: at every boundary of one, the other gets it too."""

import pytest

LEASE_OVER = 21
LONG_AFTER = 61


@pytest.mark.parametrize("seconds", [0, LEASE_OVER, LONG_AFTER])
@pytest.mark.parametrize(
    "kinds",
    [["requested"], ["requested", "cancel-requested"], ["cancel-requested", "requested"]],
    ids="+".join,
)
async def test_an_order_that_two_work_on_is_charged_once(new_world, kinds, seconds):
    reached = 0
    for at in range(40):
        world = new_world(remembers_keys=False)
        world.ask_all(kinds)
        if await world.overtake(at, seconds=seconds) is None:
            break
        reached += 1
        await world.drain()
        # a result that was held up is older news, which a cancelled order does not listen to
        assert world.complaints(in_order=False) == [], f"paused at {at} for {seconds} s"
    assert reached > 8


async def test_while_one_works_on_it_the_other_waits_and_asks_nothing(new_world):
    world = new_world()
    world.ask()
    consumer, life = world.process()

    async def look(_boundary, name):
        if name == "before authorise":
            world.aws.redeliver("payments.fifo")
            other, others_life = world.process()
            assert await other.run_once() == 1
            assert [b for b in others_life.boundaries if "authorise" in b or "find" in b] == []
            assert len(world.aws.queue("payments.fifo")) == 1

    life.at_boundary = look
    await consumer.run_once()
    await world.drain()
    assert world.complaints() == []
    assert world.provider.calls == ["authorise", "capture"]


async def test_a_charge_made_long_after_its_turn_is_given_back(new_world):
    world = new_world(remembers_keys=False)
    world.ask()
    consumer, life = world.process()

    async def sleep_over(_boundary, name):
        if name == "before authorise":
            life.at_boundary = None
            world.advance(LONG_AFTER)
            world.aws.redeliver("payments.fifo")
            await world.drain()

    life.at_boundary = sleep_over
    await consumer.run_once()
    await world.drain()
    assert world.complaints() == []
    states = sorted(charge.state for charge in world.provider.charges["o-1"])
    assert states == ["captured", "voided"]
    assert world.metrics.counts["ChargesSurplus"] == 1
