"""What somebody changed by hand: told field by field, and put right only where that is wished."""

import base64

import pytest
from cloudcafe_operator.errors import Conflict, Throttled, Unavailable
from cloudcafe_operator.planning import store_memory
from cloudcafe_operator.planning.store_dashboards import store_body
from cloudcafe_operator.planning.store_drift import KIND_OF
from cloudcafe_operator.planning.store_world import Identity

from tests.fakes.stores import ID, QUEUE, REF, SECRET, StoreWorld

CHAOS = "cloudcafe.dev/chaos"
ALARM = "cloudcafe/default/corner/order-failures"
DASHBOARD = "cloudcafe-store-default_corner"
TABLE = "cloudcafe-store-default.corner"
BODY = store_body(Identity("default", "corner", ""), "eu-west-1")[:100] + "…"


@pytest.fixture
async def world():
    made = StoreWorld()
    await made.apply(tier="flagship")
    await made.settle()
    return made


def queue(world):
    world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] = "5"


def queue_tag(world):
    world.aws.queues[QUEUE]["tags"][CHAOS] = "allowed"


def secret(world):
    world.aws.secrets[SECRET]["Tags"]["cloudcafe.dev/part-of"] = "theirs"


def till(world):
    world.kubernetes.objects["", "Secret", "default", "corner-till"]["data"]["key"] = (
        base64.b64encode(b"guessed").decode()
    )


def config(world):
    found = world.kubernetes.objects["", "ConfigMap", "default", "corner-store"]
    found["data"]["CAFE_ORDER_URL"] = "http://elsewhere"


def registration(world):
    world.cafe.stores[ID]["city"] = "Porto"


def menu(world):
    world.cafe.menus[ID]["items"][0]["priceMinor"] = 1


def alarm(world):
    world.aws.extras.alarms[ALARM]["Threshold"] = 0.5


def alarm_tag(world):
    arn = world.aws.extras.alarms[ALARM]["AlarmArn"]
    world.aws.extras.tags[arn]["cloudcafe.dev/part-of"] = "theirs"


def dashboard(world):
    world.aws.extras.put_dashboard(DashboardName=DASHBOARD, DashboardBody="{}", Tags=[])


def table(world):
    world.aws.extras.tables[TABLE]["DeletionProtectionEnabled"] = False
    world.clock.advance(3600)  # tables are described once an hour


# what is changed by hand: kind, resource, field, want, got
CASES = {
    queue: ("SQSQueue", QUEUE, "VisibilityTimeout", "30", "5"),
    queue_tag: ("SQSQueue", QUEUE, f"tags.{CHAOS}", "", "allowed"),
    secret: ("SecretsManagerSecret", SECRET, "tags.cloudcafe.dev/part-of", "cloudcafe", "theirs"),
    till: ("Secret", "corner-till", "data.key", "the key in Secrets Manager", "another key"),
    config: ("ConfigMap", "corner-store", "data.CAFE_ORDER_URL", "http://order:8080",
             "http://elsewhere"),
    registration: ("Registration", ID, "city", "Lisbon", "Porto"),
    menu: ("Menu", ID, "items.espresso.priceMinor", "220", "1"),
    alarm: ("CloudWatchAlarm", ALARM, "Threshold", "0.001", "0.5"),
    alarm_tag: ("CloudWatchAlarm", ALARM, "tags.cloudcafe.dev/part-of", "cloudcafe", "theirs"),
    dashboard: ("CloudWatchDashboard", DASHBOARD, "DashboardBody", BODY, "{}"),
    table: ("DynamoDBTable", TABLE, "DeletionProtectionEnabled", "True", "False"),
}  # fmt: skip


def drift(world):
    names = ("kind", "resource", "field", "want", "got")
    return [tuple(one[name] for name in names) for one in world.store["status"].get("drift", ())]


def change(world, by_hand):
    by_hand(world)
    world.recorder.forget()
    world.cafe.writes.clear()
    world.clock.advance(601)


def written(world):
    """Return the writes but for status and coffees."""
    orders = ("http://order:8080/orders",)
    return [
        write
        for write in world.recorder.writes
        if write.verb != "patch_status" and write.target not in orders
    ]


def test_every_kind_has_a_case():
    assert {case[0] for case in CASES.values()} == set(KIND_OF.values())


@pytest.mark.parametrize("by_hand", CASES)
async def test_reported_drift_is_told_since_when_and_nothing_is_written(world, by_hand):
    change(world, by_hand)
    seen = world.clock.now()
    await world.settle()
    assert drift(world) == [CASES[by_hand]]
    assert written(world) == []
    assert world.condition("Drifted")[:2] == ("True", "Drifted")
    assert world.condition("Ready")[0] == "True"
    world.clock.advance(601)
    world.restart()
    await world.settle()
    (entry,) = world.store["status"]["drift"]
    assert entry["since"] == seen.isoformat().replace("+00:00", "Z")
    assert written(world) == []


@pytest.mark.parametrize("by_hand", CASES)
async def test_drift_is_put_right_where_the_store_says_so(by_hand):
    world = StoreWorld()
    await world.apply(tier="flagship", driftPolicy="Correct")
    await world.settle()
    before = world.kubernetes.find("Secret", "corner-till", "default")["data"]
    change(world, by_hand)
    await world.settle()
    assert drift(world) == []
    assert written(world)
    assert world.kubernetes.find("Secret", "corner-till", "default")["data"] == before
    world.clock.advance(601)
    world.recorder.forget()
    await world.settle()
    assert written(world) == []


@pytest.mark.parametrize("by_hand", CASES)
async def test_a_kind_may_have_its_own_policy(by_hand):
    world = StoreWorld()
    kind = CASES[by_hand][0]
    await world.apply(tier="flagship", driftPolicies=[{"kind": kind, "policy": "Correct"}])
    await world.settle()
    for other in CASES:
        if CASES[other][0] != kind:
            other(world)
    change(world, by_hand)
    await world.settle()
    assert {one[0] for one in drift(world)} == set(KIND_OF.values()) - {kind}


@pytest.mark.parametrize("by_hand", CASES)
async def test_ignored_drift_is_neither_told_nor_corrected(by_hand):
    world = StoreWorld()
    await world.apply(tier="flagship", driftPolicy="Ignore")
    await world.settle()
    change(world, by_hand)
    await world.settle()
    assert drift(world) == []
    assert written(world) == []
    assert world.condition("Drifted")[:2] == ("False", "Ignored")


async def test_a_new_wish_is_work_and_no_drift(world):
    world.recorder.forget()
    await world.kubernetes.patch(REF, {"spec": {"city": "Porto", "chaos": {"allowed": True}}})
    await world.settle()
    assert world.cafe.stores[ID]["city"] == "Porto"
    assert world.aws.queues[QUEUE]["tags"][CHAOS] == "allowed"
    assert drift(world) == []


async def test_a_wish_that_could_not_be_done_stays_work_after_a_restart(world):
    world.fake_aws.fail_next("sqs", "tag_queue", *[Unavailable("away") for _ in range(4)])
    await world.kubernetes.patch(REF, {"spec": {"chaos": {"allowed": True}}})
    with pytest.raises(Unavailable):
        await world.reconcile()
    world.restart()
    await world.settle()
    assert world.aws.queues[QUEUE]["tags"][CHAOS] == "allowed"


async def test_a_wish_elsewhere_does_not_correct_what_is_only_reported(world):
    change(world, queue)
    await world.settle()
    await world.kubernetes.patch(REF, {"spec": {"chaos": {"allowed": True}, "city": "Porto"}})
    await world.settle()
    assert world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] == "5"
    assert world.aws.queues[QUEUE]["tags"][CHAOS] == "allowed"


async def test_a_key_put_in_by_hand_is_not_made_known_to_the_order_service(world):
    digest = world.cafe.stores[ID]["tillKeySha256"]
    change(world, till)
    await world.settle()
    assert world.cafe.stores[ID]["tillKeySha256"] == digest


async def test_what_an_older_operator_reported_is_not_corrected_by_the_first_new_one(world):
    status = world.store["status"]
    for name in ("applied", "history"):
        status.pop(name)
    world.kubernetes.set_status("CafeStore", "corner", "default", status)
    world.restart()
    change(world, queue)
    await world.settle()
    assert drift(world) == [CASES[queue]]
    assert written(world) == []


@pytest.mark.parametrize("by_hand", [None, till])
async def test_the_first_look_after_an_upgrade_finds_no_new_wish_for_the_till(by_hand, monkeypatch):
    world, now = StoreWorld(), store_memory.WISHES["till"]
    # as operators noted it that told nothing of its owner's version
    monkeypatch.setitem(store_memory.WISHES, "till", lambda *both: now(*both)[:2])
    await world.apply(tier="flagship")
    await world.settle()
    if by_hand:
        change(world, by_hand)
        await world.settle()
    applied = world.store["status"]["applied"]
    monkeypatch.undo()
    world.restart()
    world.recorder.forget()
    world.clock.advance(601)
    await world.settle()
    assert world.store["status"]["applied"] == applied
    assert drift(world) == ([CASES[by_hand]] if by_hand else [])
    assert written(world) == []


async def test_drift_of_a_paused_store_is_told(world):
    await world.kubernetes.patch(REF, {"spec": {"paused": True, "driftPolicy": "Correct"}})
    change(world, menu)
    await world.settle()
    assert drift(world) == [CASES[menu]]
    assert written(world) == []


async def test_a_change_of_our_own_that_the_status_never_told_is_no_drift(world):
    before = world.cafe.stores[ID]["city"]
    await world.kubernetes.patch(REF, {"spec": {"city": "Porto"}})
    world.kubernetes.fail_next("patch_status", Conflict("the next edit was first"))
    with pytest.raises(Conflict):
        await until_told(world)
    assert world.cafe.stores[ID]["city"] == "Porto"
    await world.kubernetes.patch(REF, {"spec": {"city": before}})
    await world.settle()
    assert world.cafe.stores[ID]["city"] == before
    assert world.condition("Drifted")[0] == "False"


async def test_an_alarm_of_our_own_that_was_set_beside_a_throttled_one_is_no_drift(world):
    calm = world.aws.extras.alarms[ALARM]["Threshold"]
    slo = {"availability": 99.0, "latencyP99": "900ms"}
    world.fake_aws.on("cloudwatch", "put_metric_alarm", only(world, ALARM))
    await world.kubernetes.patch(REF, {"spec": {"slo": slo}})
    with pytest.raises(Throttled):
        await until_told(world)
    assert world.aws.extras.alarms[ALARM]["Threshold"] != calm
    world.fake_aws.on("cloudwatch", "put_metric_alarm", world.aws.extras.put_metric_alarm)
    await world.kubernetes.patch(REF, {"spec": {"slo": None}})
    await world.settle_for(600)
    assert world.aws.extras.alarms[ALARM]["Threshold"] == calm
    assert world.condition("Drifted")[0] == "False"


def only(world, name):
    """CloudWatch lets one alarm be set, and throttles the others."""

    def put(**asked):
        if asked["AlarmName"] != name:
            raise Throttled("slow down")
        return world.aws.extras.put_metric_alarm(**asked)

    return put


async def until_told(world):
    while True:
        world.clock.advance(await world.reconcile())
