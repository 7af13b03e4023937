"""The end of a store: in order, seen to be gone, and what blocks it said with since when."""

import pytest
from cloudcafe_operator.errors import (
    AccessDenied,
    Conflict,
    Retry,
    Throttled,
    Unavailable,
    UserError,
)
from cloudcafe_operator.planning.backoff import retry_after
from cloudcafe_operator.planning.store_deletion import plan_deletion
from cloudcafe_operator.resources.store import FORCE_DELETE

from tests.fakes.stores import HOSTS, ID, QUEUE, REF, SECRET, StoreWorld

NO_CREDENTIALS = "Unable to locate credentials; give the operator an AWS identity"
TABLE = f"cloudcafe-store-{ID}"
KEY = f"CafeStore/{REF.namespace}/{REF.name}"


@pytest.fixture
async def world():
    made = StoreWorld()
    await made.apply(finalBackup=True)
    await made.settle()
    return made


async def deleted(world):
    """Ask for the end; return whether it came at once."""
    await world.kubernetes.delete(REF)
    return await again(world)


async def again(world):
    try:
        await world.reconcile()
    except (Retry, AccessDenied):
        return False
    return world.store is None


async def force(world):
    await world.kubernetes.patch(REF, {"metadata": {"annotations": {FORCE_DELETE: "true"}}})


def deletion(world):
    return world.store["status"]["deletion"]


async def test_since_says_when_it_began_to_wait_and_stays_while_it_waits_for_the_same(world):
    world.http.unmount("menu:8080")
    began = world.clock.now()
    assert not await deleted(world)
    assert deletion(world)["done"] == ["orders stopped", "store"]
    assert deletion(world)["next"] == "menu"
    world.clock.advance(300)
    assert not await again(world)
    assert deletion(world)["since"] == began.isoformat().replace("+00:00", "Z")
    world.open_services()
    world.fake_aws.fail_next("sqs", "delete_queue", Unavailable("away"))
    assert not await again(world)
    assert deletion(world)["next"] == "order queue"
    assert deletion(world)["since"] == world.clock.now().isoformat().replace("+00:00", "Z")
    assert world.events.reasons.count("DeletionBlocked") == 2


async def test_orders_under_way_are_waited_for_before_anything_else_of_the_store_goes(world):
    world.cafe.under_way[ID] = 2
    began = world.clock.now()
    await world.kubernetes.patch(REF, {"spec": {"paused": True}})
    await world.kubernetes.delete(REF)
    for _ in range(2):
        with pytest.raises(Conflict):
            await world.reconcile()
        world.clock.advance(5)
    assert not world.cafe.stores[ID]["acceptingOrders"]
    assert deletion(world)["done"] == ["orders stopped"]
    assert deletion(world)["next"] == "store"
    assert "2 orders are under way" in deletion(world)["blockedBy"]
    assert deletion(world)["since"] == began.isoformat().replace("+00:00", "Z")
    assert world.cafe.menus
    assert world.cafe.stocks
    assert QUEUE in world.aws.queues
    world.cafe.under_way.clear()
    assert await again(world)
    assert made(world) == ()


async def test_a_store_whose_orders_never_end_can_be_let_go(world):
    world.cafe.under_way[ID] = 1
    await world.kubernetes.delete(REF)
    with pytest.raises(Conflict):
        await world.reconcile()
    assert f"{FORCE_DELETE}=true" in deletion(world)["blockedBy"]
    await force(world)
    assert await again(world)
    assert QUEUE not in world.aws.queues


async def test_stock_that_orders_hold_is_waited_for_and_seconds_later_tried_again(world):
    world.cafe.held[ID] = "espresso"
    await world.kubernetes.delete(REF)
    with pytest.raises(Conflict) as blocked:
        await world.reconcile()
    assert deletion(world)["next"] == "stock"
    assert "Orders hold 2 of 'espresso'" in deletion(world)["blockedBy"]
    assert world.cafe.stocks[ID]
    assert retry_after(blocked.value, failures=1000, jitter=1) < 10
    world.cafe.held.clear()
    assert await again(world)
    assert world.cafe.stocks == {}


async def test_a_refusal_is_no_fault_of_a_spec_that_goes_and_is_soon_tried_again(world):
    await world.kubernetes.delete(REF)
    world.fake_aws.fail_next("sqs", "delete_queue", UserError("InvalidAddress"))
    with pytest.raises(Unavailable, match="InvalidAddress"):
        await world.reconcile()
    assert deletion(world)["next"] == "order queue"
    assert await again(world)


async def test_an_end_that_comes_on_between_refusals_is_not_tried_ever_more_rarely(world):
    await world.kubernetes.delete(REF)
    world.fake_aws.fail_next("sqs", "delete_queue", Throttled("slow down"))
    with pytest.raises(Retry) as first:
        await world.reconcile()
    assert type(first.value) is Retry  # the work queue takes it for a wait, not for a failure
    world.fake_aws.fail_next("sqs", "delete_queue", Throttled("slow down"))
    with pytest.raises(Throttled):  # the same one again
        await world.reconcile()
    world.fake_aws.fail_next("secretsmanager", "delete_secret", Throttled("slow down"))
    with pytest.raises(Retry) as third:
        await world.reconcile()
    assert type(third.value) is Retry
    assert await again(world)


async def test_a_blocked_store_is_not_called_ready(world):
    world.http.unmount("menu:8080")
    assert not await deleted(world)
    status, reason, message = world.condition("Ready")
    assert (status, reason) == ("False", "Deleting")
    assert message.startswith("menu: ")
    assert not world.store["status"]["acceptingOrders"]


async def test_asking_again_while_it_is_blocked_writes_nothing_new(world):
    world.http.unmount("menu:8080")
    assert not await deleted(world)
    world.recorder.forget()
    assert not await again(world)
    assert [write.verb for write in world.recorder.writes if write.api == "kubernetes"] == []


async def test_without_credentials_it_says_so_and_can_be_let_go(world):
    async def denied(*_, **__):
        raise AccessDenied(NO_CREDENTIALS)

    world.fake_aws.call = denied
    world.fake_aws.pages = denied
    assert not await deleted(world)
    assert deletion(world)["next"] == "final backup"
    assert NO_CREDENTIALS in deletion(world)["blockedBy"]
    assert f"{FORCE_DELETE}=true" in deletion(world)["blockedBy"]
    await force(world)
    assert await again(world)
    assert QUEUE in world.aws.queues  # `cafectl orphans` finds it


async def test_what_blocks_it_is_said_in_a_namespace_that_is_going(world):
    def no_new_objects(operation, manifest):
        assert operation != "CREATE", manifest

    world.kubernetes.admission.append(no_new_objects)
    for host in HOSTS:
        world.http.unmount(host)
    assert not await deleted(world)
    assert deletion(world)["next"] == "orders stopped"
    world.open_services()
    assert await again(world)


async def test_a_store_that_vanished_meanwhile_is_the_end_too(world):
    def gone(write, moment):
        if write.verb == "patch" and moment == "before":
            world.recorder.hook = None
            world.kubernetes.objects.clear()

    await world.kubernetes.delete(REF)
    world.recorder.hook = gone
    assert await again(world)


async def test_an_order_taker_that_does_not_stop_is_not_believed(world, monkeypatch):
    put = world.reconciler.deleter.remover.cafe.http.request

    async def deaf(method, url, **options):
        if method == "PUT":
            options["body"] = {**options["body"], "acceptingOrders": True}
        return await put(method, url, **options)

    monkeypatch.setattr(world.http, "request", deaf)
    assert not await deleted(world)
    assert "still takes orders" in deletion(world)["blockedBy"]


async def test_a_table_is_backed_up_once_and_seen_complete_before_anything_on_aws_goes(world):
    world.aws.extras.create_table(TableName=TABLE, Tags=[], DeletionProtectionEnabled=False)
    world.aws.backup_status = "CREATING"
    assert not await deleted(world)
    assert deletion(world)["next"] == "final backup"
    assert QUEUE in world.aws.queues
    world.clock.advance(5)
    assert not await again(world)
    assert len(world.aws.backups) == 1
    world.aws.backup_status = "AVAILABLE"
    assert await again(world)
    (backup,) = world.aws.backups.values()
    assert backup["TableName"] == TABLE


async def test_a_table_whose_backup_was_given_up_is_left(world):
    world.aws.extras.create_table(TableName=TABLE, Tags=[], DeletionProtectionEnabled=False)
    world.aws.backup_status = "CREATING"
    assert not await deleted(world)
    await force(world)
    assert await again(world)
    assert TABLE in world.aws.extras.tables
    assert QUEUE not in world.aws.queues
    told = [one.message for one in world.events.published if one.reason == "DeletionForced"]
    assert any("table is left, it has no final backup" in one for one in told)


async def test_tickets_that_no_till_took_are_counted_before_their_queue_goes(world):
    waiting = {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "1"}
    world.aws.queues[QUEUE]["attributes"] |= waiting
    assert await deleted(world)
    assert QUEUE not in world.aws.queues
    [lost] = [one.message for one in world.events.published if one.reason == "TicketsLost"]
    assert f"about 4 tickets in {QUEUE}" in lost


async def test_an_empty_queue_goes_without_a_word(world):
    assert await deleted(world)
    assert "TicketsLost" not in world.events.reasons


async def test_without_a_table_there_is_nothing_to_back_up(world):
    assert await deleted(world)
    assert world.aws.backups == {}


@pytest.mark.parametrize(
    ("spec", "last"),
    [
        ({}, "secret"),
        ({"deletionPolicy": "Retain", "finalBackup": True}, "left for its owner"),
        ({"managementPolicy": "Observe", "deletionPolicy": "Delete"}, "left untouched"),
        ({"finalBackup": "yes", "deletionPolicy": 7}, "secret"),
    ],
)
def test_the_spec_says_what_goes_also_where_it_cannot_be_read(spec, last):
    assert plan_deletion(spec)[-1] == last
    assert "final backup" not in plan_deletion(spec)


async def test_a_restarted_operator_begins_again_and_undoes_nothing(world):
    world.fake_aws.fail_next("secretsmanager", "delete_secret", Unavailable("away"))
    assert not await deleted(world)
    world.restart()
    world.recorder.forget()
    assert await again(world)
    aws = [write.verb for write in world.recorder.writes if write.api == "aws"]
    assert aws == ["secretsmanager.delete_secret"]
    assert SECRET not in world.aws.secrets


@pytest.fixture
async def before(world):
    """The store as a watch that lags still tells of it after its end."""
    return dict(world.store)


def made(world):
    """Return what the store has outside the cluster."""
    return (*world.aws.queues, *world.cafe.stores, *world.cafe.menus)


async def test_old_news_of_a_store_that_is_gone_makes_nothing_of_it_again(world, before):
    assert await deleted(world)
    world.reconciler.news.put(KEY, before)
    await world.reconcile()
    assert made(world) == ()


async def test_news_that_came_while_the_end_went_on_is_old_too(world, before):
    write = world.kubernetes.patch

    async def told_late(ref, patch, **how):
        world.reconciler.news.put(KEY, before)
        return await write(ref, patch, **how)

    world.kubernetes.patch = told_late
    assert await deleted(world)
    await world.reconcile()
    assert made(world) == ()


async def test_old_news_of_a_store_whose_end_is_blocked_makes_nothing_of_it_again(world, before):
    world.fake_aws.fail_next("sqs", "delete_queue", Unavailable("away"))
    assert not await deleted(world)
    assert not world.cafe.stores
    world.reconciler.news.put(KEY, before)
    assert await again(world)
    assert made(world) == ()


async def test_a_new_store_of_the_same_name_is_made_in_spite_of_old_news(world, before):
    assert await deleted(world)
    new = await world.apply()
    world.reconciler.news.put(KEY, before)
    world.reconciler.news.put(KEY, new)
    await world.settle()
    assert world.condition("Ready")[0] == "True"
    assert QUEUE in world.aws.queues
