"""CafeStore end to end over fakes: what is made, what is told, what it costs, how it goes."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cloudcafe_operator.effects.aws_errors import Refusal, error_for
from cloudcafe_operator.errors import AccessDenied, OperatorError, Unavailable, UserError
from cloudcafe_operator.kinds import SECRETS
from cloudcafe_operator.ports import Ref
from cloudcafe_operator.resources.reasons import REASONS
from cloudcafe_operator.resources.store import FINALIZER, FORCE_DELETE

from tests.fakes import Died
from tests.fakes.stores import CLUSTER, DEAD_LETTERS, HOSTS, ID, QUEUE, REF, SECRET, StoreWorld


@pytest.fixture
def world():
    return StoreWorld()


async def test_the_shortest_store_becomes_ready_because_a_coffee_was_bought(world):
    await world.apply()
    await world.settle()
    assert world.condition("Ready") == ("True", "Ready", "A coffee was bought.")
    (order,) = world.cafe.orders.values()
    assert order["synthetic"]
    status = world.store["status"]
    assert status["storeId"] == ID
    assert status["acceptingOrders"]
    assert status["orderPath"]["orderId"] == order["id"]
    assert [hop["name"] for hop in status["orderPath"]["hops"]] == ["accept", "confirmed"]
    assert {row["state"] for row in status["resources"]} == {"Ready"}
    assert world.store["metadata"]["finalizers"] == [FINALIZER]


async def test_everything_of_a_store_is_made_with_its_owners_tag(world):
    made = await world.apply()
    await world.settle()
    owner = f"default/corner/{made['metadata']['uid']}"
    redrive = json.loads(world.aws.queues[QUEUE]["attributes"]["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(DEAD_LETTERS)
    for tags in (
        world.aws.queues[QUEUE]["tags"],
        world.aws.queues[DEAD_LETTERS]["tags"],
        world.aws.secrets[SECRET]["Tags"],
    ):
        assert tags == {
            "cloudcafe.dev/owner": owner,
            "cloudcafe.dev/cluster": CLUSTER,
            "cloudcafe.dev/part-of": "cloudcafe",
        }


async def test_till_and_secret_and_service_agree_on_the_key(world):
    await world.apply()
    await world.settle()
    till = world.kubernetes.find("Secret", "corner-till", "default")
    key = base64.b64decode(till["data"]["key"]).decode()
    assert key == world.aws.secrets[SECRET]["SecretString"]
    assert len(key) > 32
    assert len(world.cafe.stores[ID]["tillKeySha256"]) == 64
    config = world.kubernetes.find("ConfigMap", "corner-store", "default")
    assert config["data"]["CAFE_STORE_ID"] == ID
    assert config["data"]["CAFE_ORDER_QUEUE_URL"].endswith(QUEUE)


async def test_a_converged_store_costs_one_status_write_and_one_per_child(world):
    await world.apply()
    world.recorder.forget()
    await world.settle()
    writes = [(call.api, call.verb) for call in world.recorder.writes]
    assert writes.count(("kubernetes", "patch_status")) == 1
    assert writes.count(("kubernetes", "create")) == 2
    assert writes.count(("kubernetes", "patch")) == 1  # the finalizer, where no policy adds it


async def test_nothing_is_written_and_aws_is_not_called_when_nothing_changes(world):
    await world.apply()
    await world.settle()
    world.recorder.forget()
    for _ in range(50):
        await world.reconcile()
        world.clock.advance(10)
    assert world.recorder.writes == []
    assert {call.api for call in world.recorder.calls} == {"kubernetes"}


async def test_a_resync_only_reads_and_a_restart_only_reads(world):
    await world.apply()
    await world.settle()
    world.recorder.forget()
    world.restart()
    await world.reconcile()
    assert world.recorder.writes == []
    assert world.fake_aws.count("resourcegroupstaggingapi", "get_resources") == 2
    assert world.fake_aws.count("cloudwatch", "describe_alarms") == 1
    assert world.fake_aws.count("cloudwatch", "list_dashboards") == 1
    assert world.fake_aws.count("sqs", "list_queue_tags") == 0
    assert world.fake_aws.count("cloudwatch", "list_tags_for_resource") == 0


async def test_without_the_tag_listing_tags_are_read_one_by_one(world):
    world.aws.listed = False
    await world.apply()
    await world.settle()
    assert world.condition("Ready")[0] == "True"
    assert world.fake_aws.count("sqs", "list_queue_tags") > 0


async def test_a_coffee_is_bought_again_after_the_interval_and_not_before(world):
    await world.apply()
    await world.settle()
    world.clock.advance(590)
    await world.reconcile()
    assert len(world.cafe.orders) == 1
    world.clock.advance(200)
    await world.settle()
    assert len(world.cafe.orders) == 2


async def test_what_was_deleted_by_hand_is_made_again_at_the_next_resync(world):
    await world.apply()
    await world.settle()
    world.aws.queues.clear()
    world.cafe.menus.clear()
    world.kubernetes.objects.pop(("", "ConfigMap", "default", "corner-store"))
    world.clock.advance(601)
    await world.settle()
    assert set(world.aws.queues) == {QUEUE, DEAD_LETTERS}
    assert ID in world.cafe.menus
    assert world.kubernetes.find("ConfigMap", "corner-store", "default")
    assert world.condition("Ready")[0] == "True"


async def test_a_rotated_secret_reaches_till_and_service(world):
    await world.apply()
    await world.settle()
    before = world.cafe.stores[ID]["tillKeySha256"]
    world.aws.rotate(SECRET, "a-new-key")
    world.clock.advance(601)
    await world.settle()
    till = world.kubernetes.find("Secret", "corner-till", "default")
    assert base64.b64decode(till["data"]["key"]) == b"a-new-key"
    assert world.cafe.stores[ID]["tillKeySha256"] != before


async def test_a_key_that_is_no_text_is_replaced_by_the_stores_own(world):
    await world.apply()
    await world.settle()
    till = Ref(SECRETS, "corner-till", "default")
    key = world.kubernetes.find("Secret", till.name, till.namespace)["data"]["key"]
    await world.kubernetes.patch(till, {"data": {"key": base64.b64encode(b"\xff\xfe").decode()}})
    world.restart()
    await world.settle()
    assert world.condition("Drifted")[0] == "True"
    assert world.store["status"]["drift"][0]["resource"] == "corner-till"
    await world.kubernetes.patch(REF, {"spec": {"driftPolicy": "Correct"}})
    await world.settle()
    assert world.kubernetes.find("Secret", till.name, till.namespace)["data"]["key"] == key


async def test_a_lost_secret_gets_the_key_that_the_till_still_has(world):
    await world.apply()
    await world.settle()
    key = world.aws.secrets[SECRET]["SecretString"]
    world.aws.secrets.clear()
    world.clock.advance(601)
    await world.settle()
    assert world.aws.secrets[SECRET]["SecretString"] == key


async def test_drift_is_reported_and_left_alone_by_default(world):
    await world.apply()
    await world.settle()
    world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] = "5"
    world.clock.advance(601)
    await world.settle()
    status, reason, message = world.condition("Drifted")
    assert (status, reason) == ("True", "Drifted")
    assert "VisibilityTimeout: 5, not 30" in message
    assert world.store["status"]["drift"][0]["got"] == "5"
    assert world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] == "5"
    assert world.condition("Ready")[0] == "True"


async def test_drift_is_corrected_where_the_policy_says_so(world):
    await world.apply(driftPolicy="Correct")
    await world.settle()
    world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] = "5"
    world.clock.advance(601)
    await world.settle()
    assert world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] == "30"
    assert world.condition("Drifted") == ("False", "NoDrift", "")


async def test_a_queue_of_someone_else_is_refused_and_not_touched(world):
    await world.apply()
    taken = {"attributes": {"QueueArn": "arn:x"}, "tags": {"cloudcafe.dev/owner": "them"}}
    world.aws.queues[QUEUE] = taken
    await world.settle_for(60)
    status, reason, message = world.condition("Ready")
    assert (status, reason) == ("False", "OwnedBySomeoneElse")
    assert QUEUE in message
    assert taken["tags"] == {"cloudcafe.dev/owner": "them"}
    await world.kubernetes.delete(REF)
    await world.settle()
    assert world.store is None
    assert QUEUE in world.aws.queues


async def test_a_resource_of_someone_else_that_goes_away_is_made_soon_after(world):
    await world.apply()
    world.aws.queues[QUEUE] = {
        "attributes": {"QueueArn": "arn:x"},
        "tags": {"cloudcafe.dev/owner": "them"},
    }
    await world.settle_for(120)
    del world.aws.queues[QUEUE]
    await world.settle_for(30)
    assert world.condition("Ready")[0] == "True"


async def test_a_store_made_again_under_its_old_name_is_not_taken_for_someone_elses(world):
    await world.apply()
    await world.settle()
    # a neighbour's resync reads the listing of all tags just before the store is made anew
    await world.reconciler.converger.observer.listing.tags("arn:any")
    await world.kubernetes.delete(REF)
    await world.settle()
    await world.apply()
    await world.settle_for(30)
    assert world.condition("Ready")[0] == "True"


async def test_stock_that_vanished_is_put_back_as_soon_as_an_order_is_rejected(world):
    world.reconciler.converger.resync_seconds = 10_000  # long after the next coffee
    await world.apply()
    await world.settle()
    world.cafe.stocks.clear()
    world.cafe.ending = "rejected"
    await world.settle_for(1000, until=lambda: world.condition("Ready")[0] == "False")
    world.cafe.ending = "confirmed"
    await world.settle_for(30)
    assert ID in world.cafe.stocks
    assert world.condition("Ready")[0] == "True"


async def test_consent_to_chaos_is_a_tag_that_comes_and_goes(world):
    await world.apply(chaos={"allowed": True})
    await world.settle()
    assert world.aws.queues[QUEUE]["tags"]["cloudcafe.dev/chaos"] == "allowed"
    await world.kubernetes.patch(REF, {"spec": {"chaos": {"allowed": False}}})
    await world.settle()
    assert "cloudcafe.dev/chaos" not in world.aws.queues[QUEUE]["tags"]
    assert "cloudcafe.dev/chaos" not in world.aws.secrets[SECRET]["Tags"]


async def test_a_service_that_is_down_is_named_and_the_rest_is_made(world):
    world.http.unmount("menu:8080")
    await world.apply()
    with pytest.raises(Unavailable):
        await world.reconcile()
    assert world.condition("DataTierReady")[0] == "True"
    status, reason, message = world.condition("MenuSynced")
    assert (status, reason) == ("False", "Unavailable")
    assert "http://menu:8080/stores/default.corner/menu: connection refused" in message
    world.open_services()
    await world.settle()
    assert world.condition("Ready")[0] == "True"


@pytest.mark.parametrize(
    ("code", "reason", "remedy"),
    [
        ("AccessDenied", "AccessDenied", "grant sqs:CreateQueue to the operator's IAM role"),
        ("RequestThrottled", "ThrottledByAWS", "it is tried again, more and more slowly"),
        ("LimitExceeded", "QuotaExceeded", "aws service-quotas list-service-quotas"),
        ("InvalidAddress", "InvalidSpec", "sqs:CreateQueue: said AWS (InvalidAddress)"),
        ("InternalError", "Unavailable", "sqs:CreateQueue: said AWS (InternalError)"),
    ],
)
async def test_what_aws_refuses_is_told_apart_with_its_remedy(world, code, reason, remedy):
    status = 500 if code == "InternalError" else 400
    refusal = Refusal("sqs", "create_queue", code, "said AWS", status)
    for _ in range(2):  # as below
        world.fake_aws.fail_next("sqs", "create_queue", error_for(refusal))
    await world.apply()
    with pytest.raises(OperatorError):
        await world.reconcile()
    found, why, message = world.condition("DataTierReady")
    assert (found, why) == ("False", reason)
    assert remedy in message
    assert REASONS[reason].remedy


async def test_a_missing_permission_is_a_condition_with_its_name(world):
    for _ in range(2):  # a new store is not looked at first: the first failure is one reason to
        world.fake_aws.fail_next("sqs", "create_queue", AccessDenied("grant sqs:CreateQueue"))
    await world.apply()
    with pytest.raises(AccessDenied):
        await world.reconcile()
    assert world.condition("DataTierReady")[1:] == ("AccessDenied", "grant sqs:CreateQueue")


@pytest.mark.parametrize(
    ("ending", "reason"), [("rejected", "Rejected"), ("placed", "NotConfirmed")]
)
async def test_a_coffee_that_does_not_come_makes_the_store_not_ready(world, ending, reason):
    world.cafe.ending = ending
    await world.apply()
    for _ in range(50):
        world.clock.advance(await world.reconcile())
        if "status" in world.store and world.condition("Ready")[0] == "False":
            break
    assert world.condition("Ready")[:2] == ("False", reason)
    world.cafe.ending = "confirmed"
    await world.settle()
    assert world.condition("Ready")[0] == "True"


async def test_waiting_for_the_confirmation_never_holds_a_worker_and_buys_only_once(world):
    world.cafe.ending = "placed"
    await world.apply()
    for _ in range(10):
        world.clock.advance(await world.reconcile())
    assert len(world.cafe.orders) == 1
    assert world.condition("OrderPathVerified")[:2] == ("Unknown", "Verifying")
    world.restart()
    await world.reconcile()
    assert len(world.cafe.orders) == 1


async def test_a_store_that_is_closed_buys_nothing_and_says_so(world):
    await world.apply(acceptingOrders=False)
    await world.settle()
    assert world.condition("Ready")[:2] == ("False", "NotAcceptingOrders")
    assert world.cafe.orders == {}
    await world.kubernetes.patch(REF, {"spec": {"acceptingOrders": True}})
    await world.settle()
    assert world.condition("Ready")[0] == "True"


async def test_a_changed_menu_is_sold_and_proved_anew(world):
    await world.apply()
    await world.settle()
    menu = [{"sku": "latte", "name": "Latte", "priceMinor": 410}]
    await world.kubernetes.patch(REF, {"spec": {"menu": menu}})
    await world.settle()
    assert [item["sku"] for item in world.cafe.menus[ID]["items"]] == ["latte"]
    assert len(world.cafe.orders) == 2
    assert world.store["status"]["observedGeneration"] == 2


async def test_a_paused_store_is_looked_at_and_left_alone(world):
    await world.apply(paused=True)
    world.recorder.forget()
    await world.settle()
    apis = {(call.api, call.verb) for call in world.recorder.writes}
    assert apis == {("kubernetes", "patch"), ("kubernetes", "patch_status")}
    assert world.condition("Paused")[0] == "True"


async def test_a_spec_that_cannot_be_served_is_a_condition_with_the_remedy(world):
    await world.apply(stock=[{"sku": "unicorn", "quantity": 1}])
    with pytest.raises(UserError):
        await world.reconcile()
    status, reason, message = world.condition("Ready")
    assert (status, reason) == ("False", "InvalidSpec")
    assert "unicorn is not on the house menu" in message


async def test_deleting_takes_everything_apart_in_order(world):
    await world.apply()
    await world.settle()
    world.recorder.forget()
    await world.kubernetes.delete(REF)
    await world.reconcile()
    assert world.kubernetes.objects == {}
    assert world.aws.queues == world.aws.secrets == {}
    assert world.cafe.stores == world.cafe.menus == world.cafe.stocks == {}
    did = [f"{call.verb} {call.target}" for call in world.recorder.writes]
    assert did[1:-1] == [
        "PUT http://order:8080/stores/default.corner",
        "DELETE http://order:8080/stores/default.corner",
        "DELETE http://menu:8080/stores/default.corner/menu",
        "DELETE http://inventory:8080/stores/default.corner/stock",
        "cloudwatch.delete_alarms ",
        f"sqs.delete_queue http://sqs/000000000000/{QUEUE}",
        f"sqs.delete_queue http://sqs/000000000000/{DEAD_LETTERS}",
        f"secretsmanager.delete_secret {SECRET}",
    ]


async def test_deleting_a_store_whose_parts_are_gone_already_is_done_at_once(world):
    await world.apply()
    await world.settle()
    world.aws.queues.clear()
    world.aws.secrets.clear()
    world.cafe.stores.clear()
    world.cafe.menus.clear()
    world.cafe.stocks.clear()
    await world.kubernetes.delete(REF)
    assert await world.reconcile() is None
    assert world.store is None


async def test_deleting_works_while_paused_and_with_an_unreadable_spec(world):
    await world.apply()
    await world.settle()
    await world.kubernetes.patch(REF, {"spec": {"paused": True, "stock": [{"sku": "unicorn"}]}})
    await world.kubernetes.delete(REF)
    await world.reconcile()
    assert world.store is None
    assert world.aws.queues == {}


async def test_retained_things_stay_and_a_namesake_may_have_them(world):
    await world.apply(deletionPolicy="Retain")
    await world.settle()
    key = world.aws.secrets[SECRET]["SecretString"]
    await world.kubernetes.delete(REF)
    await world.reconcile()
    assert world.store is None
    assert not world.cafe.stores[ID]["acceptingOrders"]
    assert world.aws.queues[QUEUE]["tags"]["cloudcafe.dev/owner"] == "default/corner/retained"
    again = await world.apply()
    world.clock.advance(61)
    await world.settle()
    assert world.condition("Ready")[0] == "True"
    assert world.aws.secrets[SECRET]["SecretString"] == key
    owner = world.aws.queues[QUEUE]["tags"]["cloudcafe.dev/owner"]
    assert owner == f"default/corner/{again['metadata']['uid']}"


async def test_what_blocks_deleting_is_said_and_can_be_overruled(world):
    await world.apply()
    await world.settle()
    for host in HOSTS:
        world.http.unmount(host)
    await world.kubernetes.delete(REF)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await world.reconcile()
    deletion = world.store["status"]["deletion"]
    assert deletion["next"] == "orders stopped"
    assert "connection refused" in deletion["blockedBy"]
    assert (
        f"kubectl annotate cafestore -n default corner {FORCE_DELETE}=true"
        in (deletion["blockedBy"])
    )
    assert world.events.reasons.count("DeletionBlocked") == 1
    await world.kubernetes.patch(REF, {"metadata": {"annotations": {FORCE_DELETE: "true"}}})
    await world.reconcile()
    assert world.store is None
    assert world.aws.queues == {}


async def test_events_tell_the_way_to_ready_once(world):
    await world.apply()
    await world.settle()
    world.restart()
    await world.reconcile()
    assert world.events.reasons == [
        "DataTierReady",
        "MenuSynced",
        "OrderPathVerified",
        "Watched",
        "Ready",
    ]


async def test_every_reason_is_a_documented_one(world):
    await world.apply()
    world.http.unmount("order:8080")
    with pytest.raises(Unavailable):
        await world.reconcile()
    assert {c["reason"] for c in world.store["status"]["conditions"]} <= REASONS.keys()


async def live(world):
    """Let a store become Ready and be deleted, restarting the operator where it dies."""
    deaths = 0
    for deed in ("open", "delete"):
        if deed == "delete":
            hook, world.recorder.hook = (
                world.recorder.hook,
                None,
            )  # not ours
            await world.kubernetes.delete(REF)
            world.recorder.hook = hook
        try:
            await world.settle()
        except Died:
            deaths += 1
            world.restart()
            await world.settle()
        if deed == "open":
            assert world.condition("Ready")[0] == "True"
            till = world.kubernetes.find("Secret", "corner-till", "default")
            key = base64.b64decode(till["data"]["key"]).decode()
            assert key == world.aws.secrets[SECRET]["SecretString"]
    return deaths


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_dying_at_any_write_of_a_stores_life_leaves_nothing_behind(moment):
    number, deaths = 0, 1
    while deaths:
        number += 1
        world = StoreWorld()
        await world.apply()
        world.recorder.die_at(number, moment)
        deaths = await live(world)
        assert world.kubernetes.objects == {}, (number, moment)
        assert world.aws.queues == world.aws.secrets == {}
        assert world.cafe.stores == world.cafe.menus == world.cafe.stocks == {}
    assert number > 15


async def test_a_queue_limit_reaches_the_order_service_and_goes_again(world):
    await world.apply(queueLimit=40)
    await world.settle()
    assert world.cafe.stores[ID]["queueLimit"] == 40
    await world.kubernetes.patch(REF, {"spec": {"queueLimit": None}})
    await world.settle()
    assert world.cafe.stores[ID]["queueLimit"] is None


async def test_a_store_opens_and_closes_by_its_hours_and_stays_proved(world):
    await world.apply(hours=[{"open": "08:00", "close": "18:00"}])  # it is nine o'clock
    await world.settle()
    assert world.cafe.stores[ID]["acceptingOrders"]
    assert world.store["status"]["nextChange"] == "2026-03-01T18:00:00Z"
    await world.settle_for(9.5 * 3600, until=lambda: not world.store["status"]["open"])
    assert world.cafe.stores[ID]["acceptingOrders"] is False
    assert world.cafe.stores[ID]["closedReason"] == "opens Mon 08:00 Europe/Lisbon"
    assert world.condition("Ready")[:2] == ("True", "Closed")
    assert world.clock.now().hour == 18
    await world.settle_for(15 * 3600, until=lambda: world.store["status"]["open"])
    assert world.cafe.stores[ID]["acceptingOrders"]
    assert world.condition("Ready")[:2] == ("True", "Ready")
    assert world.clock.now().hour == 8


async def test_a_store_closes_in_time_while_its_coffee_fails_and_many_wait_to_buy_one(world):
    await world.apply(hours=[{"open": "07:00", "close": "09:16"}])
    await world.settle()
    world.cafe.ending = "rejected"
    world.clock.advance(700)
    await world.settle_for(60, until=lambda: world.condition("OrderPathVerified")[0] == "False")
    for number in range(3000):
        world.reconciler.verifier.turns.seconds(f"default.other-{number}")
    closed = datetime(2026, 3, 1, 9, 16, 2, tzinfo=UTC)
    await world.settle_for((closed - world.clock.now()).total_seconds())
    assert world.condition("OrderPathVerified")[0] == "False"
    assert world.cafe.stores[ID]["acceptingOrders"] is False


async def test_a_store_that_is_off_promises_no_opening_and_is_not_registered_at_each(
    world,
):
    rush = {"name": "lunch", "start": "12:00", "end": "13:00", "ordersPerMinute": 40}
    hours = [{"open": "10:00", "close": "18:00"}]  # it is nine o'clock
    await world.apply(acceptingOrders=False, hours=hours, rushes=[rush])
    await world.settle()
    status = world.store["status"]
    assert world.cafe.stores[ID]["closedReason"] is None
    assert not {"nextChange", "nextRush"} & status.keys()

    def registered():
        return len([one for one in world.recorder.writes if f"/stores/{ID}" in str(one)])

    before = registered()
    assert before
    await world.settle_for(2 * 3600, until=lambda: world.store["status"]["open"])
    assert world.store["status"]["open"]
    assert registered() == before


async def test_opening_asks_aws_nothing(world):
    await world.apply(hours=[{"open": "09:05", "close": "18:00"}])
    await world.settle()
    assert not world.store["status"]["open"]

    def asked():
        return len([call for call in world.recorder.calls if call.api == "aws"])

    before = asked()
    world.clock.advance(300)
    await world.reconcile()
    assert world.cafe.stores[ID]["acceptingOrders"]
    assert asked() == before
