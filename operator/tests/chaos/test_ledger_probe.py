"""The ledger probe: a run passes only if what was bought meanwhile stands in all books."""

from datetime import timedelta

import pytest
from cafe_ledger.fakes import FakeBooks
from cloudcafe_operator.effects import audit_run
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.planning.ledger import is_final
from cloudcafe_operator.resources.common import parse
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.probe import Probe
from pydantic import ValidationError

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import World, experiment, experiment_spec
from tests.fakes import books as books_over_http

STORE = "espresso-soho"
BOOKS = {"name": "books", "ledger": {"store": STORE, "within": "60s"}}


class BooksWorld(World):
    """The small shop, with books that tests write."""

    def __init__(self, within="60s"):
        super().__init__()
        self.books = FakeBooks()
        books_over_http.mount(self.http, self.books, token="token", others=self._order)
        spec = experiment_spec("podKill")
        ledger = BOOKS | {"ledger": {"store": STORE, "within": within}}
        probes = [*spec["steadyState"]["probes"], ledger]
        self.kubernetes.seed(
            experiment("podKill", steadyState=spec["steadyState"] | {"probes": probes})
        )

    @property
    def status(self):
        (run,) = self.runs()
        return run.get("status", {})

    def sell(self):
        """Sell one coffee in the middle of the run."""
        return self.books.sell(store=STORE, at=self.clock.now())

    async def until(self, phase):
        engine = Engine(self)
        for _ in range(40):
            await engine.tick()
            if self.runs() and self.status.get("phase") == phase:
                return engine
            self.clock.advance(1.0)
        raise AssertionError(self.runs())

    async def finish(self, engine):
        for _ in range(150):
            await engine.tick()
            if all_finished(self):
                engine.bury()
                return self.status
            self.clock.advance(1.0)
        raise AssertionError(self.runs())


async def test_a_run_whose_orders_stand_in_all_books_passes():
    world = BooksWorld()
    engine = await world.until("Holding")
    world.sell()
    found = await world.finish(engine)
    assert found["verdict"] == "Passed"
    assert found["books"][0]["outcome"] == "Balanced"
    assert found["books"][0]["orders"] == 1
    assert "ComparingBooks" in world.events.reasons
    assert "BooksBalanced" in world.events.reasons


async def test_a_run_that_damaged_the_books_fails_and_names_the_order():
    world = BooksWorld()
    engine = await world.until("Holding")
    order_id = world.sell()
    world.books.repeat("payment-provider", order_id, chargeId="second")
    found = await world.finish(engine)
    assert found["verdict"] == "Failed"
    assert f"order {order_id}" in found["message"]
    assert "charged more than once" in found["message"]


async def test_no_orders_during_the_run_are_inconclusive_with_the_reason():
    world = BooksWorld()
    world.books.sell(store="another.store", at=world.clock.now() + timedelta(seconds=5))
    world.books.sell(store=STORE, at=world.clock.now() - timedelta(minutes=5))
    found = await world.finish(await world.until("Holding"))
    assert found["verdict"] == "Inconclusive"
    assert "no orders were placed at the store during the run" in found["message"]


async def test_books_that_cannot_be_read_are_inconclusive_and_name_the_book():
    world = BooksWorld()
    engine = await world.until("Holding")
    world.sell()
    world.books.away.add("analytics-worker")
    found = await world.finish(engine)
    assert found["verdict"] == "Inconclusive"
    assert "the book of analytics-worker cannot be read" in found["message"]


async def test_a_message_that_is_late_is_waited_for():
    world = BooksWorld()
    engine = await world.until("Holding")
    order_id = world.sell()
    grant = world.books.entry("loyalty", order_id)
    world.books.remove("loyalty", order_id)
    for _ in range(60):
        await engine.tick()
        world.clock.advance(1.0)
        if "ComparingBooks" in world.events.reasons:
            break
    for _ in range(40):
        await engine.tick()
        world.clock.advance(1.0)
    assert world.status["phase"] == "Recovering"
    world.books.books["loyalty"].append(grant)
    assert (await world.finish(engine))["verdict"] == "Passed"


async def test_what_is_still_under_way_when_the_time_is_over_fails():
    world = BooksWorld(within="10s")
    engine = await world.until("Holding")
    world.books.order("paid", store=STORE, at=world.clock.now())
    found = await world.finish(engine)
    assert found["verdict"] == "Failed"
    assert "1 order is still under way" in found["message"]


async def test_comparing_the_books_does_not_count_as_recovery_time():
    world = BooksWorld()
    engine = await world.until("Holding")
    world.sell()
    found = await world.finish(engine)
    assert found["steps"][0]["measures"]["recoveredAfter"] < 20
    waited = found["books"][0]["at"] > found["steps"][0]["recoveredAt"]
    assert waited


async def test_an_operator_that_dies_meanwhile_asks_about_the_same_orders():
    world = BooksWorld()
    engine = await world.until("Holding")
    world.sell()
    for _ in range(60):
        await engine.tick()
        if "ComparingBooks" in world.events.reasons:
            break
        world.clock.advance(1.0)
    engine.bury()
    world.clock.advance(20.0)
    world.books.repeat("loyalty", world.sell())  # after the run: not its concern
    found = await world.finish(Engine(world))
    assert (found["verdict"], found["books"][0]["orders"]) == ("Passed", 1)
    windows = {
        (params["from"], params["until"]) for book, params in world.books.asked if book == "order"
    }
    assert len(windows) == 1


async def test_a_run_whose_users_are_not_served_again_fails_without_looking_at_books():
    world = BooksWorld()
    engine = await world.until("Holding")
    world.http.unmount("menu:8080")
    found = await world.finish(engine)
    assert found["verdict"] == "Failed"
    assert world.books.asked == []


async def test_without_a_ledger_probe_no_book_is_read():
    world = World()
    world.kubernetes.seed(experiment("podKill"))
    await drive(world, until=all_finished)
    assert all("/ledger" not in str(call) for call in world.http.recorder.calls)


def test_a_probe_is_exactly_one_kind():
    with pytest.raises(ValidationError, match="exactly one of http, order, ledger, kubernetes"):
        Probe.model_validate(BOOKS | {"order": {"store": STORE}})


def test_the_sampled_probes_are_all_but_the_ledgers():
    spec = experiment_spec("podKill")
    probes = [*spec["steadyState"]["probes"], BOOKS]
    read = parse(ExperimentSpec, spec | {"steadyState": {"probes": probes}})
    assert [probe.name for probe in read.steady_state.sampled] == ["menu", "coffee"]
    assert [probe.name for probe in read.steady_state.ledgers] == ["books"]
    with pytest.raises(UserError):
        parse(ExperimentSpec, spec | {"steadyState": {"probes": [BOOKS | {"ledger": {}}]}})


async def test_a_bad_sample_while_the_books_are_compared_changes_no_measured_recovery(monkeypatch):
    world = BooksWorld()
    engine = await world.until("Holding")
    world.sell()
    since = []

    def later(answer, report):
        since.append(world.clock.monotonic())
        return since[-1] - since[0] > 20 and is_final(answer, report)

    monkeypatch.setattr(audit_run, "is_final", later)
    while not since:
        await engine.tick()
        world.clock.advance(1.0)
    measured = world.status["steps"][0]["measures"]
    world.http.mount("menu:8080", lambda *_: (503, {}))
    found = await world.finish(engine)
    assert (found["verdict"], found["steps"][0]["measures"]) == ("Passed", measured)
