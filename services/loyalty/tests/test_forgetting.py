"""Old grants end: memory holds some weeks of orders. Balances stay, and nothing is given twice."""

import asyncio
from datetime import timedelta

import pytest
from cafe_kit.errors import UnavailableError
from cafe_kit.kinesis import EventRefusedError
from cafe_loyalty.forgetting import BATCH, REST_SECONDS, ROUND_SECONDS, Forgetting
from cafe_loyalty.ledger import Window
from cafe_loyalty.models import KEEP, RedemptionInput, RedemptionView
from cafe_loyalty.scripts import FORGET
from redis.crc import key_slot

from services.loyalty.tests.conftest import Replica
from services.loyalty.tests.orders import EIGHT, batch, order

PAST = KEEP + timedelta(hours=3)


class Time:
    """A clock that is turned by hand."""

    def __init__(self):
        self.now = EIGHT + timedelta(hours=1)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def replica(store, clock):
    return Replica(store, clock)


async def forget(replica):
    """Until nothing old is left."""
    forgetting = Forgetting(replica.store, clock=replica.clock)
    while await forgetting.step():
        continue


async def redeem(replica, key, points, at):
    asked = RedemptionInput(points=points)
    wanted = RedemptionView(
        redemption_id=key, customer_id="ada", points=points, balance=0, at=at, note=None
    )
    return await replica.points.redeem(wanted, key, asked.digest)


async def sizes(store, customer="ada"):
    client, name = store.client, f"loyalty:{{{customer}}}:"
    return (
        await client.hlen(f"{name}grants"),
        await client.hlen(f"{name}redemptions"),
        await client.llen(f"{name}history"),
    )


async def book(replica):
    window = Window(EIGHT - timedelta(days=1), EIGHT + timedelta(days=99), None)
    return await replica.ledger.page(window, None, 1000)


async def test_only_the_balance_is_left_of_a_customer_who_does_not_come_again(
    replica, store, clock
):
    await replica.sink.absorb(batch(order(1), order(2), order(3, customer_id="b/ö}")))
    await redeem(replica, 'key "1"', 3, EIGHT + timedelta(minutes=30))
    clock.now += PAST
    await forget(replica)
    view = await replica.points.balance("ada")
    assert (view.balance, view.granted, view.redeemed) == (5, 8, 3)
    left = {key for key in await store.client.keys() if "positions" not in key}
    assert left == {"loyalty:{ada}:account", "loyalty:{b%2F%C3%B6%7D}:account"}
    assert await replica.points.history("ada", None, 10) == ([], 0)


async def test_nothing_ends_that_the_audit_compares_or_a_stream_may_bring_again(replica, clock):
    events = batch(order(1), order(2, customer_id="bob"))
    await replica.sink.absorb(events)
    clock.now = EIGHT + KEEP
    await forget(replica)
    page = await book(replica)
    assert [entry.order_id for entry in page.entries] == ["order-1", "order-2"]
    assert page.kept_from == EIGHT
    await replica.sink.absorb(events)
    assert (await replica.balance("ada"), await replica.balance("bob")) == (4, 4)


async def test_what_is_older_than_the_book_is_refused_since_nobody_knows_whether_it_was_given(
    replica, clock
):
    old = order(1)
    await replica.sink.absorb(batch(old))
    clock.now = EIGHT + KEEP + timedelta(seconds=1)
    for _ in range(2):
        with pytest.raises(EventRefusedError, match="35 days"):
            await replica.sink.absorb(batch(order(2), old, before="1", after="2"))
        await forget(replica)
        clock.now += PAST
    assert await replica.balance() == 4
    await replica.sink.absorb(batch(order(1, customer_id=None), before="1", after="2"))


async def test_an_active_customer_keeps_the_young_part(replica, store, clock):
    await replica.sink.absorb(batch(order(1)))
    await redeem(replica, "key-0001", 1, EIGHT)
    clock.now += PAST
    young = order(2, placed_at=EIGHT + PAST, at=EIGHT + PAST)
    await replica.sink.absorb(batch(young, before="1", after="2"))
    answer = await redeem(replica, "key-0002", 2, EIGHT + PAST)
    await forget(replica)
    assert await sizes(store) == (1, 1, 2)
    assert await redeem(replica, "key-0002", 2, EIGHT + PAST) == type(answer)(
        answer.view, answer.digest, replayed=True
    )
    entries, start = await replica.points.history("ada", None, 10)
    assert ([entry.points for entry in entries], start) == ([2, 4], 0)


async def test_a_page_of_the_history_goes_on_where_it_was_though_older_entries_ended(
    replica, store, clock
):
    later = [
        order(number, placed_at=EIGHT + PAST, at=EIGHT + PAST, total_minor=number * 100)
        for number in range(2, 6)
    ]
    await replica.sink.absorb(batch(order(1)))
    clock.now += PAST
    await replica.sink.absorb(batch(*later, before="1", after="2"))
    entries, start = await replica.points.history("ada", None, 2)
    await forget(replica)
    more, last = await replica.points.history("ada", start, 2)
    assert [entry.order_id for entry in [*entries, *more]] == [f"order-{n}" for n in (5, 4, 3, 2)]
    assert (start, last) == (3, 0)


async def test_a_step_is_bounded_and_a_crash_within_it_is_made_good(replica, store, monkeypatch):
    await replica.sink.absorb(
        batch(*(order(n, customer_id=f"c-{n % 7}") for n in range(BATCH + 5)))
    )
    replica.clock.now += PAST
    forgetting = Forgetting(replica.store, clock=replica.clock)
    zrem = store.client.zrem

    async def dies(*_arguments):
        raise ConnectionError

    monkeypatch.setattr(store.client, "zrem", dies)
    with pytest.raises(UnavailableError):
        await forgetting.step()
    assert sum([(await sizes(store, f"c-{n}"))[0] for n in range(7)]) == 5
    monkeypatch.setattr(store.client, "zrem", zrem)
    assert [await forgetting.step() for _ in range(4)] == [True, True, True, False]
    assert sum([(await sizes(store, f"c-{n}"))[0] for n in range(7)]) == 0


async def test_a_full_store_takes_no_grant_and_can_still_forget(replica, store, clock):
    await replica.sink.absorb(batch(order(1)))
    clock.now += PAST
    await store.client.config_set("maxmemory", "1")
    try:
        young = order(2, placed_at=clock.now, at=clock.now)
        with pytest.raises(UnavailableError, match="OutOfMemory"):
            await replica.sink.absorb(batch(young, before="1", after="2"))
        await forget(replica)
    finally:
        await store.client.config_set("maxmemory", "0")
    assert await sizes(store) == (0, 0, 0)
    await replica.sink.absorb(batch(young, before="1", after="2"))
    assert (await sizes(store), await replica.balance()) == ((1, 0, 1), 8)


async def test_all_keys_of_a_script_lie_in_one_slot(replica, store, monkeypatch):
    await replica.sink.absorb(batch(order(1), order(2, customer_id="{b}")))
    replica.clock.now += PAST
    pipeline = store.client.pipeline(transaction=False)
    asked = []
    monkeypatch.setattr(pipeline, "eval", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(store.client, "pipeline", lambda **_options: pipeline)
    await Forgetting(store, clock=replica.clock).step()
    assert [script for script, *_ in asked] == [FORGET, FORGET]
    for _, number, *rest in asked:
        assert len({key_slot(key.encode()) for key in rest[:number]}) == 1


async def test_steps_follow_after_a_rest_and_rounds_after_a_minute(store, clock, monkeypatch):
    pauses, stopping = [], asyncio.Event()
    answers = [True, UnavailableError("away"), False]

    async def wait(event, seconds):
        pauses.append(seconds)
        if not answers:
            event.set()

    async def step():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("cafe_loyalty.forgetting.wait_or_stop", wait)
    forgetting = Forgetting(store, clock=clock)
    monkeypatch.setattr(forgetting, "step", step)
    await forgetting.run(stopping)
    assert pauses == [REST_SECONDS, ROUND_SECONDS, ROUND_SECONDS]
