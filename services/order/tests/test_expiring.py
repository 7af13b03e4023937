"""Synthetic orders end some days later, in bounded batches; guests' orders never do."""

import asyncio

import asyncpg
from cafe_order.expiring import BATCH, REST_SECONDS, ROUND_SECONDS, Expiring
from cafe_order.repository import EXPIRE_SYNTHETIC
from cafe_order.settings import OrderSettings

from services.order.tests.conftest import ORDER, SERVICE, TOKEN

KEPT = 49


def expiring(cafe):
    return cafe.application.workers["expire-synthetic"].__self__


async def age(cafe, hours):
    await cafe.rows("UPDATE orders SET placed_at = placed_at - make_interval(hours => $1)", hours)


async def test_an_old_synthetic_order_goes_with_its_lines_and_history_and_no_other_does(cafe):
    sold = (await cafe.place("key-of-the-sold")).json()
    await cafe.place("key-of-the-old", {**ORDER, "synthetic": True}, TOKEN)
    await cafe.drained()
    await age(cafe, KEPT)
    young = (await cafe.place("key-of-the-young", {**ORDER, "synthetic": True}, TOKEN)).json()
    await cafe.drained()
    assert await expiring(cafe).run_once() == 1
    kept = {sold["id"], young["id"]}
    for ids in ("id FROM orders", "order_id FROM order_lines", "order_id FROM order_history"):
        rows = await cafe.rows(f"SELECT DISTINCT {ids}")
        assert {str(found) for row in rows for found in row.values()} == kept, ids


async def test_a_synthetic_order_is_there_while_its_key_answers(cafe):
    body = {**ORDER, "synthetic": True}
    placed = (await cafe.place("key-00000001", body, TOKEN)).json()
    await age(cafe, OrderSettings(service_token=TOKEN).idempotency_hours)
    assert await expiring(cafe).run_once() == 0
    again = (await cafe.place("key-00000001", body, TOKEN)).json()
    found = await cafe.client.get(f"/orders/{again['id']}", headers=SERVICE)
    assert (again["id"], found.status_code) == (placed["id"], 200)


async def test_what_the_stock_says_of_an_order_that_is_gone_changes_nothing(cafe):
    cafe.stock.throttled = True
    await cafe.place("key-00000001", {**ORDER, "synthetic": True}, TOKEN)
    await age(cafe, KEPT)
    assert await expiring(cafe).run_once() == 1
    cafe.stock.throttled = False
    await cafe.drained()
    assert await cafe.count("orders") == 0


async def test_a_batch_is_bounded_and_found_by_the_index(cafe):
    for number in range(3):
        await cafe.place(f"key-{number:08}", {**ORDER, "synthetic": True}, TOKEN)
    await cafe.drained()  # a locked order is left for the next round
    await age(cafe, KEPT)
    assert [await expiring(cafe)._delete(2) for _ in range(3)] == [2, 1, 0]
    connection = await asyncpg.connect(cafe.dsn)
    try:
        await connection.execute("SET enable_seqscan = off")  # so few rows need no index
        plan = await connection.fetch(f"EXPLAIN {EXPIRE_SYNTHETIC}", KEPT, BATCH)
    finally:
        await connection.close()
    for index in ("orders_synthetic", "order_lines_pkey", "order_history_by_order"):
        assert index in str(plan)


async def test_full_batches_follow_after_a_rest_and_others_after_a_round(monkeypatch):
    pauses, left = [], [BATCH, BATCH, 3]
    stopping = asyncio.Event()

    async def wait(event, seconds):
        pauses.append(seconds)
        if not left:
            event.set()

    async def delete(limit):
        assert limit == BATCH
        return left.pop(0)

    monkeypatch.setattr("cafe_order.expiring.wait_or_stop", wait)
    await Expiring("x", delete).run(stopping)
    assert pauses == [REST_SECONDS, REST_SECONDS, ROUND_SECONDS]
