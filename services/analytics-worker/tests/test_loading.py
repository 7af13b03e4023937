"""Loading on a real PostgreSQL: whole or not at all, once however often, in any order."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from cafe_analytics.fakes import HAPPY, NOON, batch, event, life
from cafe_kit.database import Database, DatabaseUnavailableError
from cafe_kit.events import OrderedLine
from cafe_kit.kinesis import SHARD_END, EventRefusedError, PositionMovedError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


async def test_an_orders_life_becomes_one_row_with_its_times(sink, warehouse):
    await sink.absorb(batch(life()))
    (row,), lines = await warehouse.books()
    assert row["status"] == "completed"
    assert [row[f"{name}_at"] for name in HAPPY] == [e.at for e in life()]
    assert (row["rejected_at"], row["cancelled_at"], row["reason"]) == (None, None, None)
    assert [(line["sku"], line["quantity"], line["unit_price_minor"]) for line in lines] == [
        ("espresso", 2, 180),
        ("cake", 1, 420),
    ]


async def test_the_position_is_stored_with_the_rows(sink, warehouse):
    await sink.absorb(batch(life("o1"), after="17"))
    await sink.absorb(batch(life("o2"), before="17", after="18"))
    assert await sink.positions() == {"shard-0": "18"}


async def test_a_closed_shard_is_stored_as_ended_even_without_events(sink):
    await sink.absorb(batch([], closed=True))
    await sink.absorb(batch(life(), shard="shard-1", closed=True))
    assert await sink.positions() == {"shard-0": SHARD_END, "shard-1": SHARD_END}


async def test_positions_of_another_stream_are_not_ours(sink, open_sink, warehouse):
    await sink.absorb(batch(life()))
    other = open_sink(warehouse.dsn)
    other._stream = "another"
    assert await other.positions() == {}


async def test_the_same_batch_again_changes_nothing_and_is_no_error(sink, warehouse):
    await sink.absorb(batch(life()))
    before = await warehouse.books()
    await sink.absorb(batch(life()))
    assert await warehouse.books() == before


async def test_a_replay_from_the_beginning_changes_nothing(sink, warehouse):
    await sink.absorb(batch(life("o1", ("placed",)), after="1"))
    await sink.absorb(batch(life("o1"), before="1", after="2"))
    before = await warehouse.books()
    await warehouse.execute("DELETE FROM stream_positions")
    await sink.absorb(batch(life("o1", ("placed",)), after="1"))
    await sink.absorb(batch(life("o1"), before="1", after="2"))
    assert await warehouse.books() == before


@pytest.mark.parametrize("end", ["completed", "rejected", "cancelled"])
async def test_an_earlier_status_never_overwrites_a_later_one(sink, warehouse, end):
    await sink.absorb(batch([event(status=end)], after="1"))
    await sink.absorb(batch(life(statuses=("placed", "confirmed", "paid")), before="1", after="2"))
    (row,), _ = await warehouse.books()
    assert row["status"] == end
    assert row["paid_at"] is not None
    assert row["reason"] == event(status=end).reason


async def test_a_later_status_replaces_an_earlier_one(sink, warehouse):
    position = None
    for number, one in enumerate(life()):
        await sink.absorb(batch([one], before=position, after=str(number)))
        position = str(number)
        assert await warehouse.statuses() == [("o1", HAPPY[number])]


async def test_the_loser_of_two_workers_writes_nothing(sink, open_sink, warehouse):
    other = open_sink(warehouse.dsn)
    await other.absorb(batch(life("o1"), after="5"))
    with pytest.raises(PositionMovedError):
        await sink.absorb(batch(life("o2"), after="3"))
    with pytest.raises(PositionMovedError):
        await sink.absorb(batch(life("o3"), before="4", after="6"))
    assert await warehouse.statuses() == [("o1", "completed")]
    assert await sink.positions() == {"shard-0": "5"}


async def test_of_workers_at_the_same_moment_one_wins(open_sink, warehouse):
    sinks = [open_sink(warehouse.dsn) for _ in range(4)]
    # each has read one record more than the one before
    outcomes = await asyncio.gather(
        *(
            sink.absorb(batch([e for n in range(i + 1) for e in life(f"o{n}")], after=str(i)))
            for i, sink in enumerate(sinks)
        ),
        return_exceptions=True,
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, PositionMovedError) for outcome in outcomes) == 3
    won = outcomes.index(None)
    assert len(await warehouse.statuses()) == won + 1


async def test_workers_on_different_shards_never_make_an_order_twice(open_sink, warehouse):
    sinks = [open_sink(warehouse.dsn) for _ in range(4)]
    await asyncio.gather(
        *(s.absorb(batch(life("same"), shard=f"shard-{i}")) for i, s in enumerate(sinks))
    )
    orders, lines = await warehouse.books()
    assert (len(orders), len(lines)) == (1, 2)


async def test_a_load_of_more_parameters_than_a_statement_takes(sink, warehouse):
    lines = tuple(
        OrderedLine(sku=f"sku-{n}", name="x", quantity=1, unit_price_minor=1) for n in range(50)
    )
    events = [event(f"o{n}", lines=lines) for n in range(120)]  # 36,000 in the lines
    await sink.absorb(batch(events))
    orders, stored = await warehouse.books()
    assert (len(orders), len(stored)) == (120, 6_000)


async def test_what_fits_no_column_is_clipped_and_does_not_hold_up_the_shard(sink, warehouse):
    await sink.absorb(batch([event(status="rejected", reason="ö" * 2000)]))
    (row,), _ = await warehouse.books()
    assert row["reason"] == "ö" * 250


@pytest.fixture
async def narrow(warehouse):
    """A warehouse that is older than this worker: a column is too narrow."""
    await warehouse.execute("ALTER TABLE orders ALTER reason TYPE varchar(10)")
    yield warehouse
    await warehouse.empty()
    await warehouse.execute("ALTER TABLE orders ALTER reason TYPE varchar(500)")


async def test_an_event_that_can_never_be_stored_is_named(sink, narrow):
    events = [*life("good"), event("bad", "rejected", reason="much too long"), *life("fine")]
    with pytest.raises(EventRefusedError) as refused:
        await sink.absorb(batch(events))
    assert refused.value.event_id == "bad:order.rejected"
    assert await narrow.statuses() == []
    await sink.absorb(batch([e for e in events if e.order_id != "bad"]))
    assert await narrow.statuses() == [("fine", "completed"), ("good", "completed")]


class Crash(ConnectionError):
    """The worker dies."""


class Brittle:
    """A connection that dies before or after its n-th statement."""

    def __init__(self, connection, fuse):
        self._connection, self._fuse = connection, fuse

    def __getattr__(self, name):
        method = getattr(self._connection, name)
        if name not in {"execute", "fetchval", "fetch"}:
            return method

        async def call(*arguments):
            self._fuse.burn(before=True)
            answer = await method(*arguments)
            self._fuse.burn(before=False)
            return answer

        return call


class Fuse:
    """Counts both sides of every statement, and goes off once."""

    def __init__(self):
        self.at, self.count, self.blown = -1, 0, False

    def burn(self, *, before):  # the two sides are two moments
        self.count += 1
        if self.count == self.at:
            self.blown = True
            raise Crash("before" if before else "after")


class BrittleDatabase(Database):
    """Hands out brittle connections."""

    def __init__(self, *arguments, fuse, **options):
        super().__init__(*arguments, **options)
        self._fuse = fuse

    @asynccontextmanager
    async def connection(self):
        async with super().connection() as connection:
            yield Brittle(connection, self._fuse)


async def test_a_crash_at_any_step_leaves_the_world_as_it_was(open_sink, warehouse):
    fuse = Fuse()
    brittle = open_sink(warehouse.dsn, BrittleDatabase, fuse=fuse)
    await brittle.absorb(batch(life("o1", ("placed", "paid")), after="1"))
    start = await warehouse.books()
    final = batch([event("o1", "confirmed"), *life("o2")], before="1", after="2")
    moments = 0
    while True:
        moments += 1
        fuse.at, fuse.count, fuse.blown = moments, 0, False
        try:
            await brittle.absorb(final)
            break
        except DatabaseUnavailableError:
            assert fuse.blown
        assert await warehouse.books() == start, f"moment {moments}"
        assert await brittle.positions() == {"shard-0": "1"}
    fuse.at = -1
    assert moments > 24  # both sides of a dozen statements
    assert await warehouse.statuses() == [("o1", "paid"), ("o2", "completed")]
    assert await brittle.positions() == {"shard-0": "2"}


async def test_a_commit_whose_answer_is_lost_counts_once(open_sink, warehouse, proxy):
    sink = open_sink(behind(warehouse.dsn, proxy))
    proxy.on_answer = lambda data: b"COMMIT\x00" not in data
    with pytest.raises(DatabaseUnavailableError):
        await sink.absorb(batch(life()))
    proxy.on_answer = lambda _data: True
    stored = await warehouse.books()
    assert len(stored[0]) == 1, "the commit had reached the server"
    await sink.absorb(batch(life()))
    assert await warehouse.books() == stored
    # and the next one, had it read on meanwhile, is told to look again
    with pytest.raises(PositionMovedError):
        await sink.absorb(batch(life("o2"), after="2"))


async def test_a_commit_that_never_arrives_counts_not_at_all(open_sink, warehouse, proxy):
    sink = open_sink(behind(warehouse.dsn, proxy))
    # the last answer before the commit is that of the second DROP TABLE
    drops = []

    def passes(data):
        drops.extend([1] * data.count(b"DROP TABLE\x00"))
        return len(drops) < 2

    proxy.on_answer = passes
    with pytest.raises(DatabaseUnavailableError):
        await sink.absorb(batch(life()))
    assert await warehouse.statuses() == []
    proxy.on_answer = lambda _data: True
    await sink.absorb(batch(life()))
    assert await warehouse.statuses() == [("o1", "completed")]


class PeekingDatabase(Database):
    """Remembers the server's patience with a transaction that does nothing."""

    patience: str = ""

    @asynccontextmanager
    async def transaction(self):
        async with super().transaction() as connection:
            yield connection
            shown = await connection.fetchval("SHOW idle_in_transaction_session_timeout")
            PeekingDatabase.patience = shown


async def test_a_worker_that_vanishes_in_a_load_does_not_keep_its_locks(open_sink, warehouse):
    await open_sink(warehouse.dsn, PeekingDatabase).absorb(batch(life()))
    assert PeekingDatabase.patience == "15s"


def behind(dsn, proxy):
    return dsn.replace(f":{proxy.target_port}/", f":{proxy.port}/")


LIVES = [
    life("o1"),
    life("o2", ("placed", "rejected")),
    life("o3", ("placed", "confirmed", "cancelled"), placed_at=NOON.replace(hour=9)),
    life("o4", ("placed", "confirmed")),
]
EVENTS = [one for one_life in LIVES for one in one_life]


@st.composite
def deliveries(draw):
    """Some orders' events, all of them at least once, anyhow, in batches of any size."""
    known = [one for one_life in LIVES[: draw(st.integers(1, len(LIVES)))] for one in one_life]
    events = draw(st.permutations(known + draw(st.lists(st.sampled_from(known), max_size=20))))
    batches = []
    while events:
        size = draw(st.integers(1, 12))
        batches.append(events[:size])
        events = events[size:]
    return known, batches


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deliveries())
async def test_any_order_and_repetition_gives_the_same_books(sink, warehouse, delivered):
    known, batches = delivered
    await warehouse.empty()
    await sink.absorb(batch(known))
    wanted = await warehouse.books()
    await warehouse.empty()
    for number, events in enumerate(batches):
        before = str(number - 1) if number else None
        await sink.absorb(batch(events, before=before, after=str(number)))
    assert await warehouse.books() == wanted
