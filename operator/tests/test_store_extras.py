"""What a store has on AWS beside its queues and secret: by tier, for its price, and how it goes."""

import json
from decimal import Decimal

import pytest
from cloudcafe_operator.effects.dashboards_store import FleetDashboard
from cloudcafe_operator.errors import AccessDenied, NotFound, ThrottledByAws, Unavailable
from cloudcafe_operator.kinds import CAFE_STORES
from cloudcafe_operator.planning.store_alarms import FAILURES, SECONDS
from cloudcafe_operator.planning.store_dashboards import FLEET, fleet_body
from cloudcafe_operator.planning.store_extras import EXTRAS
from cloudcafe_operator.planning.store_parts import Live, Part, Thing, plan_part
from cloudcafe_operator.planning.store_steps import DATA_TIER, WATCH
from cloudcafe_operator.planning.store_world import CHAOS_TAG, Identity, Observed, Platform
from cloudcafe_operator.ports import Ref
from cloudcafe_operator.resources.store import CafeStoreSpec, example
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.stores import CLUSTER, ID, REF, StoreWorld

DASHBOARD = "cloudcafe-store-default_corner"
TABLE = f"cloudcafe-store-{ID}"
OF_QUEUES = {"dead-letters", "order-queue-age"}
OF_ORDERS = {"order-failures", "order-latency"}
TAGS = {"owner": "us"}
WHO = Identity("default", "corner", "uid")
PLATFORM = Platform("", "", "", "eu-west-1", CLUSTER)


@pytest.fixture
def world():
    return StoreWorld()


async def made(world, **spec):
    store = await world.apply(**spec)
    await world.settle()
    return store


async def change(world, **spec):
    await world.kubernetes.patch(REF, {"spec": spec})
    await world.settle()


def alarms(world):
    prefix = "cloudcafe/default/corner/"
    assert all(name.startswith(prefix) for name in world.aws.extras.alarms)
    return {name.removeprefix(prefix): one for name, one in world.aws.extras.alarms.items()}


def spec_of(**spec):
    return CafeStoreSpec.model_validate({**example()["spec"], **spec})


def rows(world, kind):
    return {row["name"]: row for row in world.store["status"]["resources"] if row["kind"] == kind}


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ({"tier": "kiosk"}, OF_QUEUES),
        ({"tier": "kiosk", "slo": {}}, OF_QUEUES | OF_ORDERS),
        ({}, OF_QUEUES | OF_ORDERS),
        ({"tier": "flagship"}, OF_QUEUES | OF_ORDERS),
    ],
)
async def test_a_store_has_alarms_of_its_queues_and_of_what_it_promises(world, spec, want):
    await made(world, **spec)
    assert alarms(world).keys() == want
    assert world.condition("Watched")[:2] == ("True", "Ready")
    assert {row["state"] for row in rows(world, "CloudWatchAlarm").values()} == {"Ready"}
    assert all(row["arn"] for row in rows(world, "CloudWatchAlarm").values())


@pytest.mark.parametrize(
    ("spec", "share", "seconds"),
    [
        ({}, 0.005, 1.0),
        ({"tier": "flagship"}, 0.001, 0.5),
        ({"slo": {"availability": 99.95}}, 0.0005, 1.0),
        ({"slo": {"latencyP99": "80ms"}}, 0.005, 0.08),
    ],
)
async def test_an_alarm_rings_at_what_the_slo_says_or_the_tier(world, spec, share, seconds):
    await made(world, **spec)
    found = alarms(world)
    assert found["order-failures"]["Threshold"] == share
    assert found["order-failures"]["MetricName"] == FAILURES
    assert found["order-latency"]["Threshold"] == seconds
    assert found["order-latency"]["MetricName"] == SECONDS
    assert found["order-latency"]["ExtendedStatistic"] == "p99"
    for name in OF_ORDERS:
        assert found[name]["Dimensions"] == [{"Name": "Store", "Value": ID}]


async def test_a_promise_that_changes_changes_the_alarm_whatever_the_drift_policy(world):
    await made(world, driftPolicy="Report")
    await change(world, slo={"availability": 99.9})
    assert alarms(world)["order-failures"]["Threshold"] == 0.001
    assert world.condition("Drifted")[0] == "False"


async def test_a_promise_that_is_taken_back_takes_its_alarms_and_metrics_along(world):
    await made(world, tier="kiosk", slo={})
    assert world.cafe.stores[ID]["measured"]
    await change(world, slo=None)
    assert alarms(world).keys() == OF_QUEUES
    assert not world.cafe.stores[ID]["measured"]
    assert rows(world, "CloudWatchAlarm").keys() == world.aws.extras.alarms.keys()


async def test_an_alarm_that_rings_is_told_as_such(world):
    await made(world)
    name = "cloudcafe/default/corner/dead-letters"
    world.aws.extras.alarms[name]["StateValue"] = "ALARM"
    world.clock.advance(601)
    await world.settle()
    assert rows(world, "CloudWatchAlarm")[name]["state"] == "Alarm"
    assert world.condition("Ready")[0] == "True"


async def test_what_may_be_broken_is_tagged_so_and_no_longer_when_consent_ends(world):
    await made(world, tier="flagship", chaos={"allowed": True})
    tags = world.aws.extras.tags
    assert [one[CHAOS_TAG] for one in tags.values()] == ["allowed"] * 6
    await change(world, chaos={"allowed": False})
    assert [one for one in tags.values() if CHAOS_TAG in one] == []
    assert len(tags) == 6


@pytest.mark.parametrize(
    ("spec", "has"),
    [
        ({}, False),
        ({"dashboard": True}, True),
        ({"tier": "flagship"}, True),
        ({"tier": "flagship", "dashboard": False}, False),
    ],
)
async def test_a_flagship_has_a_dashboard_and_others_where_they_ask_for_it(world, spec, has):
    await made(world, **spec)
    assert (DASHBOARD in world.aws.extras.dashboards) == has
    assert (DASHBOARD in rows(world, "CloudWatchDashboard")) == has
    await change(world, dashboard=not has)
    assert (DASHBOARD in world.aws.extras.dashboards) != has


async def test_a_table_that_is_just_going_is_no_table_that_is_gone(world):
    store = await made(world, tier="flagship")
    (name,) = world.aws.extras.tables
    known = world.fake_aws._handlers["dynamodb", "describe_continuous_backups"]
    world.fake_aws.on("dynamodb", "describe_continuous_backups", refuse_table)
    await world.kubernetes.delete(REF)
    await world.settle_for(60)
    assert name in world.aws.extras.tables
    assert world.store["metadata"]["finalizers"]
    world.fake_aws.on("dynamodb", "describe_continuous_backups", known)
    await world.settle_for(600, until=lambda: world.store is None)
    assert world.aws.extras.tables == {}
    assert store


def refuse_table(**asked):
    raise NotFound(f"Table not found: {asked['TableName']}")


async def test_a_flagship_has_a_table_that_the_order_service_is_told_of(world):
    store = await made(world, tier="flagship")
    table = world.aws.extras.tables[TABLE]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"]
    assert table["recoverable"]
    owner = f"default/corner/{store['metadata']['uid']}"
    assert world.aws.extras.tags[table["TableArn"]]["cloudcafe.dev/owner"] == owner
    assert world.cafe.stores[ID]["ordersTable"] == TABLE


async def test_a_table_is_kept_with_its_data_when_the_tier_falls_and_used_again(world):
    await made(world)
    assert world.aws.extras.tables == {}
    await change(world, tier="flagship")
    arn = world.aws.extras.tables[TABLE]["TableArn"]
    await change(world, tier="standard")
    assert world.cafe.stores[ID]["ordersTable"] is None
    assert rows(world, "DynamoDBTable")[TABLE] == {
        "kind": "DynamoDBTable", "name": TABLE, "arn": arn, "state": "Kept"
    }  # fmt: skip
    world.restart()
    await world.settle()
    assert rows(world, "DynamoDBTable")[TABLE]["state"] == "Kept"
    await change(world, tier="flagship")
    assert world.cafe.stores[ID]["ordersTable"] == TABLE
    assert world.fake_aws.count("dynamodb", "create_table") == 1


async def test_a_table_in_the_making_is_waited_for(world):
    def creating(**settings):
        answer = create(**settings)
        world.aws.extras.tables[TABLE]["TableStatus"] = "CREATING"
        return answer

    create = world.aws.extras.create_table
    world.fake_aws.on("dynamodb", "create_table", creating)
    await world.apply(tier="flagship")
    await world.settle_for(30)
    assert world.condition("DataTierReady")[:2] == ("False", "Waiting")
    assert "ordersTable" not in world.cafe.stores[ID] or not world.cafe.stores[ID]["ordersTable"]
    world.aws.extras.tables[TABLE]["TableStatus"] = "ACTIVE"
    await world.settle()
    assert world.condition("Ready")[0] == "True"
    assert world.aws.extras.tables[TABLE]["recoverable"]


async def test_deleting_removes_all_and_sees_it_gone(world):
    await made(world, tier="flagship")
    await world.kubernetes.delete(REF)
    await world.reconcile()
    extras = world.aws.extras
    assert extras.alarms == extras.dashboards == extras.tables == extras.tags == {}
    did = [call.verb for call in world.recorder.writes if "delete" in call.verb]
    assert did.index("cloudwatch.delete_alarms") < did.index("sqs.delete_queue")
    assert did.index("sqs.delete_queue") < did.index("dynamodb.delete_table")


async def test_a_kept_table_goes_with_its_store(world):
    await made(world, tier="flagship")
    await change(world, tier="kiosk")
    await world.kubernetes.delete(REF)
    await world.reconcile()
    assert world.aws.extras.tables == {}


async def test_retain_keeps_the_table_and_removes_what_would_ring_for_nobody(world):
    await made(world, tier="flagship", deletionPolicy="Retain")
    await world.kubernetes.delete(REF)
    await world.reconcile()
    extras = world.aws.extras
    assert extras.alarms == extras.dashboards == {}
    assert extras.tags[extras.tables[TABLE]["TableArn"]]["cloudcafe.dev/owner"] == (
        "default/corner/retained"
    )
    await made(world, tier="flagship")
    assert world.condition("Ready")[0] == "True"


async def test_somebody_elses_alarm_is_told_and_left_and_coffee_is_sold(world):
    name = "cloudcafe/default/corner/dead-letters"
    theirs = [{"Key": "cloudcafe.dev/owner", "Value": "somebody"}]
    world.aws.extras.put_metric_alarm(AlarmName=name, Tags=theirs, Threshold=7.0)
    await made(world)
    assert world.condition("Watched")[:2] == ("False", "OwnedBySomeoneElse")
    assert world.condition("Ready")[0] == "True"
    await world.kubernetes.delete(REF)
    await world.reconcile()
    assert world.aws.extras.alarms[name]["Threshold"] == 7.0


@pytest.mark.parametrize("error", [AccessDenied("no"), ThrottledByAws("slow"), Unavailable("away")])
async def test_coffee_is_sold_while_cloudwatch_refuses(world, error):
    refusals = [error] * 500
    world.fake_aws.fail_next("cloudwatch", "put_metric_alarm", *refusals)
    await world.apply()
    for _ in range(8):
        with pytest.raises(type(error)):
            await world.reconcile()
        world.clock.advance(5)
    assert world.condition("Watched")[:2] == ("False", error.reason)
    assert world.condition("Ready")[0] == "True"
    world.clock.advance(60)
    world.recorder.forget()
    with pytest.raises(type(error)):
        await world.reconcile()
    verbs = [call.verb for call in world.recorder.calls if call.api == "aws"]
    assert verbs == ["cloudwatch.describe_alarms", "cloudwatch.put_metric_alarm"]
    world.fake_aws._failures.clear()
    world.clock.advance(60)
    await world.settle()
    assert world.condition("Watched")[:2] == ("True", "Ready")


async def test_stores_at_rest_are_looked_at_by_lists_alone(world):
    for number in range(9):
        manifest = example()
        manifest["metadata"]["name"] = f"store-{number}"
        manifest["spec"]["tier"] = ("kiosk", "standard", "flagship")[number % 3]
        await world.kubernetes.create(CAFE_STORES, manifest)
    refs = [Ref(CAFE_STORES, f"store-{n}", "default") for n in range(9)]
    for _ in range(6):
        for ref in refs:
            await world.reconciler.reconcile(ref)
        world.clock.advance(2)
    for _ in range(2):  # what was made is looked at once more by itself
        world.clock.advance(620)
        world.recorder.forget()
        for ref in refs:
            await world.reconciler.reconcile(ref)
    verbs = [call.verb for call in world.recorder.calls]
    read = [verb for verb in verbs if verb.startswith(("cloudwatch.", "dynamodb."))]
    assert sorted(read) == ["cloudwatch.describe_alarms", "cloudwatch.list_dashboards"]
    assert world.fake_aws.count("resourcegroupstaggingapi", "get_resources") == 2


@pytest.mark.parametrize(
    ("spec", "usd"),
    [
        ({"tier": "kiosk"}, "0.60"),
        ({}, "1.40"),
        ({"tier": "flagship"}, "4.40"),
        ({"tier": "flagship", "dashboard": False}, "1.40"),
    ],
)
async def test_the_status_says_what_a_store_costs_a_month(world, spec, usd):
    await made(world, **spec)
    told = world.store["status"]["costEstimate"]
    assert told["monthlyUSD"] == usd
    assert sum(Decimal(line["monthlyUSD"]) for line in told["lines"]) == Decimal(usd)
    assert told["pricedOn"] == "2026-11-01"


def test_each_part_is_in_one_group_and_observed():
    areas = [part.area for part in EXTRAS]
    assert len(set(areas)) == len(areas)
    assert set(areas) <= {*DATA_TIER, *WATCH}
    assert all(hasattr(Observed(), area) for area in areas)
    names = {name for part in EXTRAS for name in part.names(WHO)}
    wanted = {
        thing.name
        for part in EXTRAS
        for thing in part.wanted(spec_of(tier="flagship"), WHO, PLATFORM, TAGS)
    }
    assert wanted == names


async def test_the_fleets_dashboard_is_put_once_and_when_the_fleet_changes(world):
    fleet = FleetDashboard(world.fake_aws, "eu-west-1", 60)
    for number in range(3):
        fleet.note(f"store-{number}", "kiosk")
    await fleet.round()
    await fleet.round()
    assert world.fake_aws.count("cloudwatch", "put_dashboard") == 1
    fleet.forget("store-0")
    await fleet.round()
    body = world.aws.extras.dashboards[FLEET]["DashboardBody"]
    assert "2 stores: 2 kiosk" in body
    again = FleetDashboard(world.fake_aws, "eu-west-1", 60)  # another leader
    for number in (1, 2):
        again.note(f"store-{number}", "kiosk")
    await again.round()
    await again.round()
    assert world.fake_aws.count("cloudwatch", "put_dashboard") == 2


async def test_after_a_start_the_fleets_dashboard_waits_until_all_stores_are_known(world):
    fleet = FleetDashboard(world.fake_aws, "eu-west-1", 60)
    for number in range(4):
        fleet.note(f"store-{number}", "kiosk")
        await fleet.round()
    assert world.fake_aws.count("cloudwatch", "put_dashboard") == 0
    await fleet.round()
    assert "4 stores" in world.aws.extras.dashboards[FLEET]["DashboardBody"]


@pytest.mark.parametrize(("kiosks", "flagships"), [(0, 0), (1, 0), (20_000, 5_000)])
def test_the_fleets_dashboard_does_not_grow_with_the_fleet(kiosks, flagships):
    tiers = ["kiosk"] * kiosks + ["flagship"] * flagships
    body = fleet_body(tiers, "eu-west-1")
    assert len(body) < 3000
    assert all(isinstance(one["properties"], dict) for one in json.loads(body)["widgets"])


NAMES = st.sampled_from("abc")
SETTINGS = st.dictionaries(st.sampled_from("xy"), st.integers(0, 2))
OWNERS = st.sampled_from(["us", "them"])
THINGS = st.dictionaries(NAMES, SETTINGS)
LIVES = st.dictionaries(NAMES, st.tuples(SETTINGS, OWNERS, st.booleans()))


@given(THINGS, LIVES, st.booleans())
def test_after_the_steps_all_is_as_wanted_and_nothing_of_others_was_touched(want, have, kept):
    part = Part("alarms", "Kind", None, None, None, kept=kept)
    things = [Thing(name, settings, TAGS) for name, settings in want.items()]
    lives = {
        name: Live(name, {"owner": owner} | ({"extra": "1"} if extra else {}), settings)
        for name, (settings, owner, extra) in have.items()
    }
    before = dict(lives)
    whose = {"ours": ours, "ours_before": ours, "optional_tags": ("extra",)}
    for step in list(plan_part(part, things, lives, **whose)):
        assert step.name not in before or ours(before[step.name].tags)
        do(step, lives)
    assert list(plan_part(part, things, lives, **whose)) == []
    for name, live in before.items():
        if not ours(live.tags) or (kept and name not in want):
            assert lives[name] == live


def ours(tags):
    return tags["owner"] == "us"


def do(step, lives):
    """Do a step as AWS would."""
    old = lives.get(step.name)
    match step.what:
        case "create":
            lives[step.name] = Live(step.name, step.tags, step.settings)
        case "change":
            lives[step.name] = Live(old.arn, old.tags, step.settings)
        case "tag":
            tags = {**old.tags, **step.tags}
            lives[step.name] = Live(
                old.arn, {n: v for n, v in tags.items() if n not in step.untag}, old.settings
            )
        case "remove":
            del lives[step.name]
