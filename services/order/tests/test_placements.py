"""Merged commits on a real PostgreSQL: each order of a batch has its own fate, and keeps it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest
from cafe_kit.database import Database, DatabaseUnavailableError
from cafe_order.events import placed_records
from cafe_order.intake import NewOrder, SoldLine, encoded
from cafe_order.merging import MergedPlacements
from cafe_order.models import Placed, Placement, new_order_id
from cafe_order.placements import PostgresPlacements
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.order.tests.conftest import ORDER, STORE, TOKEN, furnish

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
CHANGED_AT = datetime(2026, 11, 1, tzinfo=UTC)
STORES = """
INSERT INTO stores (id, name, city, timezone, currency, tier, accepting_orders, updated_at)
SELECT id, id, 'Porto', 'Europe/Lisbon', 'EUR', 'kiosk', id <> 'closed', $1
FROM unnest('{corner,closed,other}'::text[]) AS s (id)
"""


def placement(  # noqa: PLR0913 - each test varies one
    key, store_id="corner", *, quantity=1, name="Cake", total=None, synthetic=False
):
    order = NewOrder(
        id=new_order_id(),
        store_id=store_id,
        status="placed",
        currency="EUR",
        total_minor=420 * quantity + 180 if total is None else total,
        lines=[SoldLine("cake", name, quantity, 420), SoldLine("espresso", "Espresso", 1, 180)],
        placed_at=NOW,
        synthetic=synthetic,
    )
    return Placement(
        key=key,
        request_hash=key.encode(),
        response=encoded(order),
        order=order,
        store_changed_at=CHANGED_AT,
        customer_id=f"customer of {key}",
        trace_id="t" * 32,
        records=placed_records(order, f"customer of {key}", "t" * 32),
    )


@pytest.fixture
async def connection(postgres, database):
    connection = await asyncpg.connect(postgres.dsn(database))
    await connection.execute(STORES, CHANGED_AT)
    yield connection
    await connection.close()


@pytest.fixture
async def placements(connection, postgres, database):
    pool = Database(postgres.dsn(database), connections=4, name="test")
    yield PostgresPlacements(pool, keep_key_hours=48)
    await pool.close()


@pytest.fixture
def merged(placements):
    return MergedPlacements(placements.write, written=lambda: None, writers=1)


async def stored(connection):
    """The keys that are stored whole: with order, both lines, and all three messages."""
    rows = await connection.fetch("""
        SELECT k.key, o.customer_id, o.total_minor,
               (SELECT sum(l.quantity * l.unit_price_minor) FROM order_lines l
                WHERE l.order_id = o.id) AS of_lines,
               (SELECT array_agg(r.destination ORDER BY r.id) FROM outbox r
                WHERE r.order_id = o.id AND r.payload LIKE '%' || o.id || '%') AS told
        FROM idempotency_keys k
        JOIN orders o ON o.id = (convert_from(k.response, 'UTF8')::json ->> 'id')::uuid
        ORDER BY k.key
    """)
    for row in rows:
        assert row["customer_id"] == f"customer of {row['key']}"
        assert row["of_lines"] == row["total_minor"]
        assert row["told"] == ["kinesis", "stock", "history"]
    for table, each in (("orders", 1), ("order_lines", 2), ("outbox", 3), ("idempotency_keys", 1)):
        count = await connection.fetchval(f"SELECT count(*) FROM {table}")
        assert count == each * len(rows)
    return [row["key"] for row in rows]


async def test_a_batch_is_stored_whole_and_order_by_order(placements, connection):
    batch = [placement(f"key-{number:02}", quantity=number + 1) for number in range(40)]
    assert await placements.write(batch) == [Placed.ACCEPTED] * 40
    assert await stored(connection) == [f"key-{number:02}" for number in range(40)]


async def test_a_closed_store_takes_what_only_proves_its_way(placements):
    proof = placement("proof", "closed", synthetic=True)
    assert await placements.write([placement("sale", "closed"), proof]) == [
        Placed.STORE_CHANGED,
        Placed.ACCEPTED,
    ]


async def test_each_order_of_a_batch_has_its_own_outcome(
    placements, connection, postgres, database
):
    await placements.write([placement("taken")])
    holder = await asyncpg.connect(postgres.dsn(database))
    async with holder.transaction():
        await holder.execute("SELECT pg_advisory_xact_lock(hashtextextended('in-flight', 0))")
        batch = {
            "good-1": placement("good-1"),
            "closed": placement("closed", "closed"),
            "taken": placement("taken"),
            "unknown": placement("unknown", "nowhere"),
            "good-2": placement("good-2", "other", quantity=3),
            "in-flight": placement("in-flight"),
            "changed": replace(placement("changed"), store_changed_at=NOW),
            "good-3": placement("good-3"),
        }
        outcomes = await placements.write(list(batch.values()))
    await holder.close()
    assert dict(zip(batch, outcomes, strict=True)) == {
        "good-1": Placed.ACCEPTED,
        "closed": Placed.STORE_CHANGED,
        "taken": Placed.KEY_TAKEN,
        "unknown": Placed.STORE_CHANGED,
        "good-2": Placed.ACCEPTED,
        "in-flight": Placed.KEY_TAKEN,
        "changed": Placed.STORE_CHANGED,
        "good-3": Placed.ACCEPTED,
    }
    assert await stored(connection) == ["good-1", "good-2", "good-3", "taken"]


@pytest.mark.parametrize(
    "culprit",
    [
        {"total": 0},  # a CHECK of the table
        {"name": "nul\x00"},  # what PostgreSQL cannot store
        {"quantity": 2**31},  # what cannot even be sent
    ],
)
async def test_an_order_that_cannot_be_written_harms_no_neighbour(merged, connection, culprit):
    batch = [placement("good-1"), placement("bad", **culprit), placement("good-2")]
    results = await asyncio.gather(*map(merged.place, batch), return_exceptions=True)
    assert results[0] is results[2] is Placed.ACCEPTED
    assert isinstance(results[1], Exception)
    assert not isinstance(results[1], DatabaseUnavailableError)
    assert await stored(connection) == ["good-1", "good-2"]


async def test_a_server_that_dies_in_a_merged_commit_leaves_all_or_nothing(
    placements, merged, connection
):
    await placements.write([placement("warm-up")])
    await connection.execute("""
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION die();
    """)
    try:
        batch = [placement(f"key-{number}") for number in range(5)]
        results = await asyncio.gather(*map(merged.place, batch), return_exceptions=True)
        assert {type(result) for result in results} == {DatabaseUnavailableError}
    finally:
        await connection.execute("DROP TRIGGER dies ON outbox; DROP FUNCTION die")
    assert await stored(connection) == ["warm-up"]
    again = await asyncio.gather(*map(merged.place, batch))
    assert again == [Placed.ACCEPTED] * 5
    assert len(await stored(connection)) == 6


async def test_a_merged_commit_whose_answer_is_lost_is_found_by_each_retry(
    open_cafe, database, proxy
):
    async with open_cafe(database, port=proxy.port, placing_writers=1) as cafe:
        await furnish(cafe)
        assert (await cafe.place("key-warm-up")).status_code == 201
        accepted_row = b"\x00\x02" + b"\x00\x00\x00\x01\x01" * 2
        proxy.on_answer = lambda data: accepted_row not in data
        keys = [f"key-lost-{number}" for number in range(12)]
        lost = await asyncio.gather(*map(cafe.place, keys))
        assert {answer.status_code for answer in lost} == {503}
        assert {answer.headers["retry-after"] for answer in lost} == {"1"}
        proxy.on_answer = lambda _data: True
        written = {
            row["key"].removeprefix("corner:"): bytes(row["response"])
            for row in await cafe.rows("SELECT key, response FROM idempotency_keys")
        }
        assert len(written) > 1, "nothing had been committed, so nothing was tried"
        for key in keys:
            retried = await cafe.place(key)
            assert retried.status_code == 201
            assert retried.content == written.get(key, retried.content)
            assert ("idempotent-replayed" in retried.headers) == (key in written)
        assert await cafe.count("orders") == len(keys) + 1


async def test_a_store_that_closes_takes_nothing_from_then_on_by_any_memory(cafe):
    assert (await cafe.place("key-00000001")).status_code == 201
    headers = {"Authorization": f"Bearer {TOKEN}"}
    await cafe.client.put(
        "/stores/corner", json={**STORE, "acceptingOrders": False}, headers=headers
    )
    refused = await cafe.place("key-00000002")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("store-closed")
    await cafe.client.put("/stores/corner", json=STORE, headers=headers)
    assert (await cafe.place("key-00000002")).status_code == 201
    await cafe.client.put(
        "/stores/corner", json={**STORE, "tillKeySha256": "0" * 64}, headers=headers
    )
    assert (await cafe.place("key-00000003")).status_code == 403


async def test_the_ordinary_way_answers_as_the_hot_one(cafe):
    hot = await cafe.place("key-00000001")
    other_type = {"Content-Type": "application/vnd.cafe+json"}
    ordinary = await cafe.place("key-00000001", **other_type)
    assert ordinary.content == hot.content
    assert ordinary.headers["idempotent-replayed"] == "true"
    first = await cafe.place("key-00000002", **other_type)
    again = await cafe.place("key-00000002")
    assert again.content == first.content
    skipped = {"x-request-id", "idempotent-replayed"}
    assert {k: v for k, v in again.headers.items() if k not in skipped} == {
        k: v for k, v in first.headers.items() if k not in skipped
    }


async def test_a_changed_price_is_told_over_http(cafe):
    problem = await cafe.place("key-00000001", {**ORDER, "expectedTotalMinor": 350})
    assert problem.status_code == 409
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["type"].endswith("price-changed")
    assert problem.json()["totalMinor"] == 360
    assert problem.json()["prices"] == [
        {"sku": "espresso", "name": "Espresso", "unitPriceMinor": 180}
    ]
    shown = await cafe.place("key-00000001", {**ORDER, "expectedTotalMinor": 360})
    assert shown.status_code == 201


async def test_the_hot_route_is_documented_where_all_routes_are(cafe):
    document = (await cafe.client.get("/openapi.json")).json()
    operation = document["paths"]["/orders"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/OrderInput"}
    assert "expectedTotalMinor" in document["components"]["schemas"]["OrderInput"]["properties"]
    assert {"201", "400", "404", "409", "422", "503"} <= operation["responses"].keys()


REQUESTS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 2)), min_size=1, max_size=24)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(REQUESTS)
async def test_any_mixture_of_keys_at_once_makes_one_order_a_key(cafe, requests):
    run = new_order_id().hex  # keys of its own: the database is not emptied between examples

    async def place(number, quantity):
        body = {**ORDER, "lines": [{"sku": "espresso", "quantity": quantity}]}
        return number, quantity, await cafe.place(f"{run}-{number}", body)

    at_once = await asyncio.gather(*(place(*request) for request in requests))
    later = [await place(*request) for request in requests]
    accepted = {}
    for number, quantity, answer in at_once + later:
        assert answer.status_code in {201, 409, 422}, answer.text
        if answer.status_code == 201:
            found = (quantity, answer.content)
            assert accepted.setdefault(number, found) == found
    for number, quantity, answer in later:
        assert answer.status_code == (201 if accepted[number][0] == quantity else 422)
    [stored] = await cafe.rows(
        "SELECT count(*) AS keys, count(o.id) AS orders FROM idempotency_keys k "
        "LEFT JOIN orders o ON o.id = (convert_from(k.response, 'UTF8')::json ->> 'id')::uuid "
        "WHERE k.key LIKE $1",
        f"corner:{run}-%",
    )
    wanted = len({number for number, _ in requests})
    assert stored == {"keys": wanted, "orders": wanted}
