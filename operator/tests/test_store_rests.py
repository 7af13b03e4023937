"""A store that needs nothing is left alone, whatever woke it; all else is looked at."""

import pytest
from cloudcafe_operator.planning.ledger import Look
from cloudcafe_operator.resources.store import ADOPT

from tests.fakes.stores import ID, REF, StoreWorld


@pytest.fixture
async def world(monkeypatch):
    """A store at rest; `judged` counts how often it is judged anew."""
    found = StoreWorld()
    await found.apply()
    await found.settle()
    found.judged = 0
    find = type(found.reconciler.converger).find

    async def counted(self, *arguments, **more):
        found.judged += 1
        return await find(self, *arguments, **more)

    monkeypatch.setattr(type(found.reconciler.converger), "find", counted)
    found.recorder.forget()
    return found


async def annotate(world, name, value):
    await world.kubernetes.patch(REF, {"metadata": {"annotations": {name: value}}})


async def test_a_note_of_somebodys_changes_nothing(world):
    due = await world.reconcile()
    await annotate(world, "team/oncall", "amelie")
    world.clock.advance(7)
    assert await world.reconcile() == pytest.approx(due - 7, abs=1)
    assert world.judged == 0


async def test_it_is_looked_at_when_it_is_due(world):
    world.clock.advance(await world.reconcile())
    await world.reconcile()
    assert world.judged == 1


async def test_a_new_wish_ends_the_rest(world):
    await world.kubernetes.patch(REF, {"spec": {"city": "Porto"}})
    await world.settle()
    assert world.cafe.stores[ID]["city"] == "Porto"


async def test_the_owners_word_to_an_adoption_ends_the_rest(world):
    await annotate(world, ADOPT, "abc")
    await world.reconcile()
    assert world.judged == 1


async def test_a_status_that_somebody_wrote_is_put_right(world):
    await world.kubernetes.patch_status(REF, {"acceptingOrders": False})
    await world.reconcile()
    assert world.store["status"]["acceptingOrders"] is True


async def test_news_of_the_books_ends_the_rest(world):
    until = world.clock.now()
    world.reconciler.ledger._look = Look(until, until, problem="the books are closed")
    await world.reconcile()
    assert world.judged == 1
    assert world.condition("LedgerBalanced")[2].count("the books are closed") == 1


async def test_a_finalizer_that_somebody_took_off_is_put_back(world):
    await world.kubernetes.patch(REF, {"metadata": {"finalizers": []}})
    await world.reconcile()
    assert world.store["metadata"]["finalizers"]


async def test_a_store_that_is_made_again_under_the_same_name_is_another(world):
    store = world.store
    await world.kubernetes.delete(REF)
    await world.settle()
    await world.apply()
    await world.settle()
    assert world.store["metadata"]["uid"] != store["metadata"]["uid"]
    assert world.condition("Ready")[0] == "True"


async def test_deleting_does_not_wait_for_the_end_of_the_rest(world):
    await world.kubernetes.delete(REF)
    await world.settle()
    assert world.kubernetes.find("CafeStore", "corner", "default") is None


@pytest.mark.parametrize("policy", ["Observe"])
async def test_a_store_that_is_only_observed_has_no_rest(policy):
    found = StoreWorld()
    await found.apply(managementPolicy=policy)
    await found.reconcile()
    assert found.reconciler.rests._rests == {}
