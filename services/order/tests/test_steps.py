"""Every step of the way on a real PostgreSQL, with a death before and after each effect.

The parts run by hand here, one batch at a time, so that each can die where we want it to.
"""

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import get_args

import httpx
import pytest
from cafe_inventory.models import BatchInput, BatchStatus
from cafe_kit.database import Database
from cafe_kit.errors import UnavailableError
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import SqsConsumer
from cafe_kit.wire import utc_now
from cafe_order import saga
from cafe_order.destinations import KinesisDestination, PaymentsDestination
from cafe_order.events import placed_records
from cafe_order.fake_neighbours import CafeAws, FakeInventory
from cafe_order.history import HistoryDestination
from cafe_order.models import LineView, new_order_id
from cafe_order.outbox import PostgresOutbox
from cafe_order.relay import Bell, Relay, RelayMetrics
from cafe_order.results import PaymentResults
from cafe_order.saga import OrderState
from cafe_order.stock import FITTING, StockDestination
from cafe_order.tickets import TicketsDestination
from cafe_order.transitions import PostgresSaga, Wish

from services.order.tests.conftest import payment_result

RESULTS, TABLE = "results.fifo", "orders-table"
QUEUE = "http://sqs/0/cloudcafe-default_corner-orders.fifo"
SENDS = {
    "kinesis": ["put_records"],
    "payments": ["send_message_batch"],
    "history": ["put_item", "batch_write_item"],
    "tickets": ["send_message_batch"],
}


class Died(BaseException):
    """The process is gone."""


def die(*_):
    raise Died


class MortalDatabase(Database):
    """Dies around the next commit if told so."""

    dies = ""

    @asynccontextmanager
    async def transaction(self):
        dies, self.dies = self.dies, ""
        async with super().transaction() as connection:
            yield connection
            if dies == "before commit":
                raise Died
        if dies == "after commit":
            raise Died


class Workshop:
    """The relay and the consumer of results on one database."""

    def __init__(self, dsn):
        self.database = MortalDatabase(dsn, connections=4, name="test")
        self.stock = FakeInventory(available={("corner", "espresso"): 10})
        self.aws = CafeAws()
        self.client = httpx.AsyncClient(transport=self.stock.transport, base_url="http://stock")
        metrics = RelayMetrics(Metrics("test").registry)
        outbox = PostgresOutbox(self.database)
        self.relays = {
            to.name: Relay(to, outbox, metrics, bell=Bell(), clock=utc_now)
            for to in (
                KinesisDestination(self.aws, "orders"),
                PaymentsDestination(self.aws, "payments.fifo"),
                StockDestination(self.client),
                HistoryDestination(self.aws, TABLE, linger_seconds=0.0),
                TicketsDestination(self.aws, linger_seconds=0.0),
            )
        }
        self.saga = PostgresSaga(self.database, clock=utc_now)
        self.consumer = SqsConsumer(
            self.aws,
            RESULTS,
            PaymentResults(self.saga, wake_relay=lambda: None).handle,
            service="order",
            metrics=Metrics("test"),
        )

    async def rows(self, sql, *arguments):
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]

    async def place(self, **changes):
        order = OrderState(
            id=new_order_id(),
            store_id="corner",
            customer_id="ada",
            status="placed",
            currency="EUR",
            total_minor=180,
            lines=(LineView(sku="espresso", name="Espresso", quantity=1, unit_price_minor=180),),
            placed_at=utc_now(),
            synthetic=False,
            trace_id="",
        )
        order = replace(order, **changes)
        await self.rows(
            "INSERT INTO orders (id, store_id, customer_id, status, currency, total_minor, "
            "synthetic, trace_id, placed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8)",
            order.id,
            order.store_id,
            order.customer_id,
            order.status,
            order.currency,
            order.total_minor,
            order.synthetic,
            order.placed_at,
        )
        await self.rows(
            "INSERT INTO order_lines (order_id, line, sku, name, quantity, unit_price_minor) "
            "VALUES ($1, 1, 'espresso', 'Espresso', 1, 180)",
            order.id,
        )
        for record in placed_records(order, order.customer_id, ""):
            await self.rows(
                "INSERT INTO outbox (order_id, destination, kind, payload, trace_id) "
                "VALUES ($1, $2, $3, $4, '')",
                order.id,
                record.destination,
                record.kind,
                record.payload,
            )
        return order

    async def relay(self, name):
        await self.rows("UPDATE outbox SET due_at = now()")
        return await self.relays[name].run_once()

    async def drain(self):
        """Deliver all there is, and what follows from it."""
        handled = 1
        while handled:
            handled = sum([await self.relay(name) for name in self.relays])
            while self.aws.queue(RESULTS):
                handled += await self.consume()

    def answer(self, order, kind="payment.captured", **changes):
        facts = {
            "id": str(order.id),
            "storeId": order.store_id,
            "currency": order.currency,
            "totalMinor": order.total_minor,
            "placedAt": order.placed_at.isoformat(),
        }
        return self.aws.put_message(
            RESULTS, payment_result(facts, kind, **changes).encode(), str(order.id)
        )

    async def consume(self):
        self.aws.redeliver(RESULTS)
        return await self.consumer.run_once()

    async def path(self, order):
        rows = await self.rows(
            "SELECT status FROM order_history WHERE order_id = $1 ORDER BY id", order.id
        )
        [now] = await self.rows("SELECT status FROM orders WHERE id = $1", order.id)
        path = [row["status"] for row in rows]
        assert now["status"] == (path[-1] if path else order.status)
        return path

    async def waiting(self):
        rows = await self.rows("SELECT destination, kind FROM outbox ORDER BY id")
        return sorted(f"{row['destination']} {row['kind']}" for row in rows)

    def tickets(self):
        """The orders that the store's queue has a ticket for."""
        return [json.loads(body)["orderId"] for body in self.aws.bodies(QUEUE.rpartition("/")[2])]

    def commands(self):
        """What the payment processor was told."""
        sent = [json.loads(entry["MessageBody"])["type"] for entry in self.aws.messages]
        return [kind for kind in sent if kind.startswith("payment.")]

    def told(self):
        return [json.loads(record["Data"])["type"] for record in self.aws.records]


@pytest.fixture
async def shop(postgres, database):
    workshop = Workshop(postgres.dsn(database))
    await workshop.rows(
        "INSERT INTO stores (id, name, city, timezone, currency, tier, accepting_orders, "
        "tickets_queue) VALUES ('corner', 'Corner', 'Porto', 'UTC', 'EUR', 'kiosk', true, $1)",
        QUEUE,
    )
    yield workshop
    await workshop.client.aclose()
    await workshop.database.close()


async def bring(shop, status):
    """An order that has just come this far: what that entails is not delivered yet."""
    order = await shop.place()
    if status == "placed":
        return order
    await shop.relay("kinesis")
    await shop.relay("history")
    await shop.relay("stock")
    if status == "confirmed":
        return order
    await shop.drain()
    shop.answer(order)
    await shop.consume()
    if status == "completed":
        await shop.relay("kinesis")
        await shop.relay("stock")
    return order


async def test_an_order_goes_all_the_way(shop):
    order = await bring(shop, "completed")
    await shop.drain()
    assert await shop.path(order) == ["confirmed", "paid", "completed"]
    assert shop.told() == ["order.placed", "order.confirmed", "order.paid", "order.completed"]
    assert shop.stock.holds[str(order.id)].status == "committed"
    assert await shop.waiting() == []


@pytest.mark.parametrize("dies", ["before", "after", "before commit", "after commit"])
@pytest.mark.parametrize(
    ("status", "name"),
    [
        ("placed", "kinesis"),
        ("placed", "stock"),
        ("placed", "history"),
        ("confirmed", "kinesis"),
        ("confirmed", "payments"),
        ("confirmed", "history"),
        ("paid", "kinesis"),
        ("paid", "stock"),
        ("paid", "history"),
        ("completed", "kinesis"),
        ("completed", "history"),
        ("completed", "tickets"),
    ],
)
async def test_a_relay_may_die_at_any_step_of_any_status(shop, name, status, dies):
    order = await bring(shop, status)
    if "commit" in dies:
        shop.database.dies = dies
    elif name == "stock":
        setattr(shop.stock, dies, die)
    else:
        rules = shop.aws.rules if dies == "before" else shop.aws.after
        rules |= dict.fromkeys(SENDS[name], die)
    with pytest.raises(Died):
        await shop.relays[name].run_once()
    shop.stock.before = shop.stock.after = lambda: None
    shop.aws.rules.clear()
    shop.aws.after.clear()
    await shop.drain()
    if status in {"placed", "confirmed"}:
        assert await shop.path(order) == ["confirmed"]
        shop.answer(order)
        await shop.drain()
    assert await shop.path(order) == ["confirmed", "paid", "completed"]
    assert sorted(set(shop.told())) == [
        "order.completed",
        "order.confirmed",
        "order.paid",
        "order.placed",
    ]
    assert shop.stock.available == {("corner", "espresso"): 9}
    assert await shop.waiting() == []
    [item] = shop.aws.items(TABLE)
    assert item["status"]["S"] == "completed"
    assert shop.tickets() == [str(order.id)], "one ticket, whatever died"


@pytest.mark.parametrize("dies", ["before commit", "after commit", "before delete", "after delete"])
@pytest.mark.parametrize("kind", ["payment.captured", "payment.declined"])
async def test_the_consumer_of_results_may_die_at_any_step(shop, kind, dies):
    order = await bring(shop, "confirmed")
    shop.answer(order, kind)
    if "commit" in dies:
        shop.database.dies = dies
    else:
        rules = shop.aws.rules if dies == "before delete" else shop.aws.after
        rules["delete_message_batch"] = die
    with pytest.raises(Died):
        await shop.consume()
    shop.aws.rules.clear()
    shop.aws.after.clear()
    await shop.drain()
    captured = kind == "payment.captured"
    assert await shop.path(order) == (
        ["confirmed", "paid", "completed"] if captured else ["confirmed", "rejected"]
    )
    assert shop.stock.available == {("corner", "espresso"): 9 if captured else 10}
    assert len(shop.told()) == (4 if captured else 3), "nothing is told twice"
    assert shop.tickets() == ([str(order.id)] if captured else [])


async def test_a_result_that_comes_twice_in_one_batch_and_once_more_counts_once(shop):
    order = await bring(shop, "confirmed")
    shop.answer(order)
    shop.answer(order)
    await shop.consume()
    await shop.drain()
    shop.answer(order)
    await shop.drain()
    assert await shop.path(order) == ["confirmed", "paid", "completed"]
    assert shop.aws.queue("results-dlq.fifo") == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "not JSON"),
        ('{"type": "payment.captured", "version": 7}', "newer"),
        ('{"type": "payment.captured", "version": 1}', "id"),
        ('{"type": "stock.vanished", "version": 1}', "Nobody knows"),
    ],
)
async def test_a_message_nobody_can_read_is_parked_and_harms_no_other(shop, body, reason):
    order = await bring(shop, "confirmed")
    shop.aws.put_message(RESULTS, body, "another-group")
    shop.answer(order)
    await shop.consume()
    assert await shop.path(order) == ["confirmed", "paid"]
    [parked] = shop.aws.queue("results-dlq.fifo")
    assert parked.body == body
    assert reason in parked.attributes["reason"]["StringValue"]
    assert shop.aws.queue(RESULTS) == []


async def test_results_that_cannot_be_true_are_parked(shop):
    order = await bring(shop, "confirmed")
    shop.answer(replace(order, id=new_order_id()))
    shop.answer(order, total_minor=1)
    placed = await shop.place()
    shop.answer(placed)
    await shop.consume()
    await shop.consume()
    assert await shop.path(order) == ["confirmed"]
    assert await shop.path(placed) == []
    assert len(shop.aws.queue("results-dlq.fifo")) == 3


async def test_while_the_database_is_away_results_wait_on_their_queue(shop, monkeypatch):
    order = await bring(shop, "confirmed")
    message = shop.answer(order)

    async def away(wishes):
        raise UnavailableError("The database is not available.")

    with monkeypatch.context() as patched:
        patched.setattr(shop.saga, "advance", away)
        await shop.consume()
    assert shop.aws.queue(RESULTS) == [message]
    assert await shop.path(order) == ["confirmed"]
    await shop.drain()
    assert await shop.path(order) == ["confirmed", "paid", "completed"]


@pytest.mark.parametrize("status", ["placed", "confirmed"])
async def test_an_order_cancelled_at_any_status_gives_everything_back(shop, status):
    order = await bring(shop, status)
    await shop.saga.advance([Wish(order.id, saga.cancel)])
    shop.answer(order)  # it was charged before the processor heard
    await shop.drain()
    assert (await shop.path(order))[-1] == "cancelled"
    assert shop.told()[-1] == "order.cancelled"
    assert shop.stock.available == {("corner", "espresso"): 10}
    assert shop.commands()[-1] == "payment.cancel-requested"
    assert shop.tickets() == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_order_cancelled_while_the_stock_is_asked_releases_what_it_got(shop, when):
    order = await shop.place()
    other = Database(shop.database._dsn, connections=1, name="other")
    cancelled = []

    async def cancel_meanwhile(send, rows):
        if when == "after":
            outcomes = await send(rows)
        await PostgresSaga(other, clock=utc_now).advance([Wish(order.id, saga.cancel)])
        cancelled.append(order.id)
        return outcomes if when == "after" else await send(rows)

    stock = shop.relays["stock"].destination
    stock.deliver = partial(cancel_meanwhile, stock.deliver)
    assert await shop.relay("stock") == 1
    del stock.deliver
    await other.close()
    assert cancelled == [order.id]
    assert await shop.path(order) == ["cancelled"]
    assert shop.stock.available == {("corner", "espresso"): 9}
    await shop.drain()
    assert shop.stock.available == {("corner", "espresso"): 10}
    assert "payment.requested" not in str(shop.aws.messages)


async def test_a_hold_that_lapsed_is_made_again_while_there_is_stock(shop):
    order = await bring(shop, "paid")
    shop.stock.lapse(str(order.id))
    await shop.drain()
    assert await shop.path(order) == ["confirmed", "paid", "completed"]
    assert shop.stock.available == {("corner", "espresso"): 9}


async def test_a_hold_that_lapsed_and_was_sold_to_others_is_paid_back(shop):
    order = await bring(shop, "paid")
    shop.stock.lapse(str(order.id))
    shop.stock.available["corner", "espresso"] = 0
    await shop.drain()
    assert await shop.path(order) == ["confirmed", "paid", "cancelled"]
    assert shop.commands() == ["payment.requested", "payment.cancel-requested"]
    assert shop.tickets() == []
    [last] = await shop.rows("SELECT reason FROM order_history ORDER BY id DESC LIMIT 1")
    assert "espresso" in last["reason"]


async def test_a_batch_of_orders_is_one_call_to_the_stock(shop):
    for _ in range(5):
        await shop.place()
    await shop.relay("stock")
    [call] = shop.stock.calls
    assert len(call) == 5


async def test_what_is_sent_to_the_stock_is_what_the_inventory_takes(shop):
    await bring(shop, "completed")
    order = await bring(shop, "confirmed")
    await shop.saga.advance([Wish(order.id, saga.cancel)])
    await shop.drain()
    actions = []
    for call in shop.stock.calls:
        taken = BatchInput.model_validate_json(json.dumps({"requests": call}))
        actions += [each.action for each in taken.requests]
        assert all(each.placed_at is not None for each in taken.requests)
    assert sorted(actions) == ["commit", "release", "reserve", "reserve"]
    assert {status for statuses in FITTING.values() for status in statuses} | {
        "unavailable"
    } == set(get_args(BatchStatus))


async def test_a_command_that_cannot_be_read_is_parked_and_the_others_go(shop):
    await shop.place()
    bad = await shop.place()
    await shop.rows(
        "UPDATE outbox SET payload = '{}' WHERE order_id = $1 AND destination = 'stock'", bad.id
    )
    await shop.relay("stock")
    [parked] = await shop.rows(
        "SELECT order_id, parked_reason FROM outbox WHERE parked_at IS NOT NULL"
    )
    assert parked["order_id"] == bad.id
    assert "storeId" in parked["parked_reason"]
    assert len(shop.stock.holds) == 1


async def test_history_is_written_once_for_all_that_happened_since(shop):
    order = await shop.place()
    await shop.relay("stock")
    shop.answer(order)
    await shop.consume()
    await shop.relay("stock")
    assert len(await shop.rows("SELECT 1 FROM outbox WHERE destination = 'history'")) == 4
    assert await shop.relay("history") == 1
    assert await shop.rows("SELECT 1 FROM outbox WHERE destination = 'history'") == []
    writes = [call for call in shop.aws.calls if call[0] == "batch_write_item"]
    assert len(writes) == 1
    [item] = shop.aws.items(TABLE)
    assert item["status"]["S"] == "completed"


async def test_history_that_is_left_unprocessed_is_written_later(shop):
    shop.stock.available.clear()
    for _ in range(3):
        await shop.place()
    await shop.relay("stock")
    shop.aws.leave_unprocessed = 2
    await shop.relay("history")
    assert len(shop.aws.items(TABLE)) == 1
    await shop.relay("history")
    assert len(shop.aws.items(TABLE)) == 3
    assert await shop.rows("SELECT 1 FROM outbox WHERE destination = 'history'") == []
