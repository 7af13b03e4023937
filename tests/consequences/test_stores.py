"""What guests see of faults before the stores: failovers, lockdowns, a lost zone, a flush."""

import uuid

import pytest

from tests.consequences.guests import Watch, notices, says_try_again, within

# the first of them starts the whole cafe
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def served(answer):
    return answer is not None and answer.is_success


def locked(name):
    """The lockdown's selector of another store's group."""
    return {
        "names": [f"cloudcafe-{name}"],
        "tags": {"cloudcafe.dev/part-of": "cloudcafe"},
    }


async def test_while_aurora_fails_over_orders_are_refused_with_a_time_to_retry(guest, broken):
    placed = await guest.ordered()
    orders, menus = Watch(guest.order), Watch(guest.menu)
    async with orders, menus, broken("03-aurora-failover"):
        await within(guest.is_served, "coffee after the failover")
    assert any(map(says_try_again, orders.seen))
    assert all(map(served, menus.seen))
    await within(lambda: guest.is_("completed", placed), "the order from before")


async def test_while_memorydb_fails_over_points_cannot_be_told_and_none_is_lost(guest, broken):
    customer = f"guest-{uuid.uuid4()}"
    await guest.ordered(customer)
    had = await within(lambda: guest.points(customer), "points")
    balances = Watch(lambda: guest.balance(customer))
    async with balances, broken("08-memorydb-restart"):
        during = await guest.ordered(customer)
        await within(lambda: guest.is_("completed", during), "the order of the outage")
        await within(lambda: has_points(guest, customer, 2 * had), "its points")
    assert any(map(says_try_again, balances.seen))


async def has_points(guest, customer, points):
    return await guest.points(customer) == points


async def test_behind_a_lockdown_of_aurora_orders_are_refused_until_it_is_undone(guest, broken):
    async with broken("10-security-group-lockdown"):
        assert says_try_again(await within(guest.order, "an answer"))
        assert served(await guest.menu())
    await within(guest.is_served, "coffee after the lockdown")


async def test_behind_a_lockdown_of_the_documents_menus_are_served_from_old_copies(guest, broken):
    async def stale():
        answer = await guest.menu()
        return answer if answer.headers.get("warning", "").startswith("110") else None

    async with broken("10-security-group-lockdown", selector=locked("documentdb")):
        assert (await within(stale, "an old copy")).status_code == 200
        unknown = await guest.get("menu", "/stores/cloudcafe.never-asked-for/menu")
        assert says_try_again(unknown)
        await guest.ordered()
    await within(lambda: fresh(guest), "a fresh menu")


async def fresh(guest):
    answer = await guest.menu()
    return answer.status_code == 200 and "warning" not in answer.headers


async def test_a_flushed_cache_has_no_copy_left_when_the_documents_are_away_too(guest, broken):
    async with Watch(guest.menu) as menus, broken("05-elasticache-flush") as flush:
        await within(flush.is_healthy, "the cache to be warm again")
    assert all(map(served, menus.seen))
    async with broken("10-security-group-lockdown", selector=locked("documentdb")):
        assert served(await guest.menu())
        async with broken("05-elasticache-flush"):
            assert says_try_again(await guest.menu())
    await within(lambda: fresh(guest), "a menu of the database")


@pytest.fixture
async def zone(stage, guest, broken):
    """The zone in which all primaries stand: earlier failovers may have moved the writer."""
    moved = stage.aws.state()["consequences"]["network_reachability"]["moved"]
    found = moved.get("documentdb", "a")
    if moved.get("aurora", "a") != found:
        async with broken("03-aurora-failover"):
            await within(guest.is_served, "coffee after the failover")
    return f"eu-west-1{found}"


async def test_when_a_zone_is_lost_guests_are_served_from_another_while_it_is_away(
    guest, broken, zone
):
    orders, menus = Watch(guest.order), Watch(guest.menu)
    balances = Watch(lambda: guest.balance("ada"))
    async with orders, menus, balances, broken("02-az-network-partition", zones=[zone]):
        await within(guest.is_served, "coffee by the other zones")
        assert await guest.sold() is None  # the warehouse has no replica
    met = {"orders": orders, "menus": menus, "balances": balances}
    assert [name for name, watch in met.items() if not any(map(notices, watch.seen))] == []
    await within(guest.sold, "sales after the zone is back")
