"""Stores' tables that throttle, are closed or do not answer: nobody else waits for them."""

import asyncio

import pytest
from botocore.exceptions import ClientError
from cafe_kit.database import Database
from cafe_kit.errors import ThrottledError
from cafe_kit.metrics import Metrics
from cafe_kit.wire import utc_now
from cafe_order.awaited import PostgresAwaited, Redelivery
from cafe_order.destinations import Delivered, Park, Retry
from cafe_order.events import Facts
from cafe_order.fake_neighbours import CafeAws
from cafe_order.outbox import OutboxRow, PostgresOutbox
from cafe_order.relay import Bell, Relay, RelayMetrics
from cafe_order.resting import REST_SECONDS, TRIES
from cafe_order.store_history import StoreHistoryDestination

from services.order.tests.test_saga import NOON
from services.order.tests.test_saga import ORDER as STATE

CORNER, PLAZA = "cloudcafe-store-default.corner", "cloudcafe-store-default.plaza"
SLOW = ThrottledError("DynamoDB", "Too fast.")
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutItem")
STATES = ("placed", "confirmed", "paid", "completed")


def message(table, status="placed"):
    return Facts(STATE, "ada", "").store_history(table, status, NOON)


def row_of(number, table, status="placed", attempts=0):
    record = message(table, status)
    return OutboxRow(number, number, STATE.id, record.kind, record.payload, "", attempts)


def refusing(table, error):
    """A rule that refuses one table's items."""

    def rule(parameters):
        if table in {parameters.get("TableName"), *parameters.get("RequestItems", {})}:
            raise error

    return rule


class Lists:
    """The ways to stores' lists, with a clock that is turned by hand."""

    def __init__(self):
        self.aws = CafeAws()
        self.now = 0.0
        self.to = StoreHistoryDestination(self.aws, linger_seconds=0.0, clock=lambda: self.now)

    async def send(self, *tables, attempts=0):
        rows = [row_of(n, table, attempts=attempts) for n, table in enumerate(tables, 1)]
        return await self.to.deliver(rows)

    def refuse(self, table, error):
        for operation in ("put_item", "batch_write_item"):
            self.aws.rules[operation] = refusing(table, error)

    def calls(self, table):
        return [one for _, one in self.aws.calls if table in str(one)]


@pytest.mark.parametrize(
    ("error", "said"), [(SLOW, "Too fast."), (DENIED, f"AccessDeniedException: {DENIED}")]
)
async def test_a_table_that_takes_nothing_rests_and_the_others_are_served(error, said):
    lists = Lists()
    lists.refuse(CORNER, error)
    for _ in range(2):
        assert await lists.send(CORNER, PLAZA) == [Retry(said), Delivered()]
    assert len(lists.calls(CORNER)) == 1
    lists.aws.rules.clear()
    lists.now += REST_SECONDS
    assert await lists.send(CORNER) == [Delivered()]


async def test_a_table_that_never_answers_holds_the_others_up_for_a_bounded_time(monkeypatch):
    monkeypatch.setattr("cafe_order.resting.PATIENCE_SECONDS", 0.01)
    lists = Lists()
    call = lists.aws.call

    async def silent(service, operation, **parameters):
        if parameters["TableName"] == CORNER:
            await asyncio.Event().wait()
        return await call(service, operation, **parameters)

    lists.aws.call = silent
    said = Retry("DynamoDB does not answer in time.")
    assert await lists.send(CORNER, PLAZA) == [said, Delivered()]


async def test_what_was_tried_often_enough_waits_for_its_table():
    lists = Lists()
    lists.refuse(CORNER, SLOW)
    outcomes = await lists.send(CORNER, PLAZA, attempts=TRIES - 1)
    assert outcomes == [Park("Too fast.", until=CORNER), Delivered()]


async def test_a_table_does_not_rest_for_what_is_late_or_malformed():
    lists = Lists()
    await lists.to.deliver([row_of(1, CORNER, "confirmed")])
    assert await lists.to.deliver([row_of(2, CORNER, "placed")]) == [Delivered()]
    lists.refuse(CORNER, ClientError({"Error": {"Code": "ValidationException"}}, "PutItem"))
    [outcome] = await lists.send(CORNER)
    assert isinstance(outcome, Park)
    assert outcome.until is None
    lists.aws.rules.clear()
    assert await lists.send(CORNER) == [Delivered()]


class Outbox:
    """The relay of stores' lists and what sends again, on a real PostgreSQL."""

    def __init__(self, pool):
        self.pool = pool
        self.lists = Lists()
        metrics = RelayMetrics(Metrics("test").registry)
        self.outbox = PostgresOutbox(pool)
        self.relay = Relay(self.lists.to, self.outbox, metrics, bell=Bell(), clock=utc_now)
        awaited = PostgresAwaited(pool, self.lists.to.name)
        self.awaited = awaited
        self.again = Redelivery(self.lists.to, awaited, metrics, clock=utc_now)

    async def rows(self, sql, *arguments):
        async with self.pool.connection() as connection:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]

    async def open(self, store, table):
        await self.rows(
            "INSERT INTO stores (id, name, city, timezone, currency, tier, accepting_orders, "
            "orders_table) VALUES ($1, 'x', 'x', 'UTC', 'EUR', 'flagship', true, $2)",
            store,
            table,
        )

    async def tell(self, table, *statuses):
        for status in statuses:
            record = message(table, status)
            await self.rows(
                "INSERT INTO outbox (order_id, destination, kind, payload, trace_id) "
                "VALUES ($1, $2, $3, $4, '')",
                STATE.id,
                record.destination,
                record.kind,
                record.payload,
            )

    async def give_up(self):
        """Try until nothing is left that the relay would take."""
        async with asyncio.timeout(20):
            while await self.waiting():
                await self.rows("UPDATE outbox SET due_at = now()")
                await self.relay.run_once()

    async def waiting(self):
        [state] = await self.outbox.state([self.lists.to.name])
        return state.waiting


@pytest.fixture
async def outbox(postgres, database):
    pool = Database(postgres.dsn(database), connections=4, name="test")
    made = Outbox(pool)
    await made.open("corner", CORNER)
    yield made
    await pool.close()


async def test_nothing_of_an_order_counts_as_waiting_while_its_table_takes_nothing(outbox):
    outbox.lists.refuse(CORNER, DENIED)
    await outbox.tell(CORNER, *STATES)
    await outbox.give_up()
    assert await outbox.rows("SELECT DISTINCT parked_for FROM outbox") == [{"parked_for": CORNER}]


async def test_a_table_that_takes_again_gets_what_waited_and_only_the_newest_of_it(outbox):
    outbox.lists.refuse(CORNER, DENIED)
    await outbox.tell(CORNER, *STATES)
    await outbox.give_up()
    assert await outbox.again.run_once() == 0
    outbox.lists.aws.rules.clear()
    outbox.lists.aws.calls.clear()
    outbox.lists.now += REST_SECONDS
    assert await outbox.again.run_once() == len(STATES)
    assert await outbox.rows("SELECT id FROM outbox") == []
    [item] = outbox.lists.aws.items(CORNER)
    assert item["status"]["S"] == "completed"
    assert len(outbox.lists.aws.calls) == 1


async def test_what_waits_for_a_table_does_not_hold_up_what_comes_after_it(outbox):
    outbox.lists.refuse(CORNER, DENIED)
    await outbox.tell(CORNER, "placed")
    await outbox.give_up()
    outbox.lists.aws.rules.clear()
    outbox.lists.now += REST_SECONDS
    await outbox.tell(CORNER, "confirmed", "paid")
    assert await outbox.relay.run_once() == 1
    assert await outbox.waiting() == 0
    await outbox.again.run_once()
    [item] = outbox.lists.aws.items(CORNER)
    assert item["status"]["S"] == "paid"
    assert await outbox.rows("SELECT id FROM outbox") == []


async def test_what_waits_for_the_table_of_a_store_that_is_gone_is_forgotten(outbox):
    outbox.lists.refuse(CORNER, DENIED)
    await outbox.tell(CORNER, "placed")
    await outbox.give_up()
    await outbox.rows("UPDATE outbox SET created_at = now() - interval '5 days'")
    assert await PostgresAwaited(outbox.pool, "tickets").forget() == 0
    assert await outbox.awaited.forget() == 0
    await outbox.rows("DELETE FROM stores WHERE id = 'corner'")
    assert await outbox.awaited.forget() == 1


async def test_what_waits_follows_its_store_to_another_table_and_ends_where_it_has_none(outbox):
    await outbox.rows(
        "INSERT INTO orders (id, store_id, currency, total_minor, trace_id, placed_at) "
        "VALUES ($1, 'corner', 'EUR', 1, '', now())",
        STATE.id,
    )
    outbox.lists.refuse(CORNER, DENIED)
    await outbox.tell(CORNER, "placed", "confirmed")
    await outbox.give_up()
    await outbox.rows("UPDATE stores SET orders_table = $1", PLAZA)
    assert await outbox.again.run_once() == 2
    [item] = outbox.lists.aws.items(PLAZA)
    assert item["status"]["S"] == "confirmed"
    await outbox.tell(CORNER, "paid")
    await outbox.give_up()
    await outbox.rows("UPDATE outbox SET created_at = now() - interval '5 days'")
    await outbox.rows("UPDATE stores SET orders_table = NULL")
    assert await outbox.awaited.forget() == 1
