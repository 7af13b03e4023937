"""AWS capacity ahead of a rush and back after it: nothing is lost, whoever dies on the way."""

import asyncio
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cloudcafe_operator.effects.capacity import FIELD, JOURNAL, CapacityKeeper
from cloudcafe_operator.effects.rush import PLAN, RushKeeper
from cloudcafe_operator.errors import AccessDenied, Conflict, UserError
from cloudcafe_operator.kinds import CHAOS_RUNS, CONFIG_MAPS
from cloudcafe_operator.planning.capacity import (
    Dial,
    Entry,
    Keep,
    Policy,
    See,
    Turn,
    plan_capacity,
)
from cloudcafe_operator.ports import Ref
from cloudcafe_operator.resources.store import CafeStoreSpec
from cloudcafe_operator.settings import Settings
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes import FakeAws, FakeClock, FakeKubernetes, RecordedEvents
from tests.fakes.capacity import CLUSTER, FUNCTION, INDEX, TABLE, serve
from tests.fakes.recorder import Died, Recorder

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)  # a Monday; the rush is from 07:30 to 09:30
POLICIES = {
    "aurora": Policy(orders_per_minute_per_unit=1000, headroom_percent=0, lead_minutes=15, most=6),
    "lambda": Policy(orders_per_minute_per_unit=100, headroom_percent=0, lead_minutes=5, most=100),
    "lambdaPoller": Policy(
        orders_per_minute_per_unit=100, headroom_percent=0, lead_minutes=5, most=100
    ),
    "dynamodbWrite": Policy(
        orders_per_minute_per_unit=30, headroom_percent=50, lead_minutes=20, most=4000
    ),
}

UNPOLLED = {kind: policy for kind, policy in POLICIES.items() if kind != "lambdaPoller"}
NEVER = Policy(orders_per_minute_per_unit=1e9, lead_minutes=5, most=1)


def store(rate, start="07:30", end="09:30"):
    rush = {"name": "morning", "start": start, "end": end, "ordersPerMinute": rate}
    return CafeStoreSpec.model_validate(
        {"city": "Lisbon", "timezone": "Europe/Lisbon", "currency": "EUR", "rushes": [rush]}
    )


class Fleet:
    """The keeper of a fleet's rushes, with AWS; `restart` is a new operator on the same world."""

    def __init__(self, rate=4000, policies=POLICIES):
        self.recorder = Recorder()
        self.kubernetes, self.aws = FakeKubernetes(self.recorder), FakeAws(self.recorder)
        self.clock, self.events = FakeClock(NOW), RecordedEvents()
        self.have = serve(self.aws)
        self.rate, self.policies = rate, policies
        self.restart()

    def restart(self):
        world = (self.kubernetes, self.aws, self.events, self.clock, "cloudcafe", self.policies)
        self.keeper = RushKeeper(
            self.kubernetes, self.events, self.clock, "cloudcafe", CapacityKeeper(*world)
        )
        self.keeper.note("lisbon.corner", store(self.rate))

    async def at(self, clock):
        """Let time pass, a look every half minute."""
        while f"{self.clock.now():%H:%M}" != clock:
            await self.keeper.round()
            self.clock.advance(30)
        for _ in range(4):
            await self.keeper.round()
            self.clock.advance(1)
        self.clock.advance(-4)

    async def until_the_next_rush(self):
        """Let the night pass, a look every five minutes."""
        while self.clock.now() < NOW + timedelta(days=1, hours=1, minutes=30):
            await self.keeper.round()
            self.clock.advance(300)

    async def journal(self):
        found = await self.kubernetes.get(Ref(CONFIG_MAPS, JOURNAL, "cloudcafe"))
        return json.loads(found["data"][FIELD]) if found else {}

    async def shown(self):
        found = await self.kubernetes.get(Ref(CONFIG_MAPS, PLAN, "cloudcafe"))
        return json.loads(found["data"]["capacity.json"])

    async def run_holds(self, arn, state="Injected"):
        entry = {"step": 0, "slot": 0, "fault": "f", "target": {"id": arn, "name": "x"}}
        entry |= {"state": state, "claimedBy": "me", "claimedAt": "2026-03-02T06:00:00Z"}
        meta = {"name": "broken-1", "namespace": "cloudcafe"}
        run = {"apiVersion": CHAOS_RUNS.api_version, "kind": "ChaosRun", "metadata": meta}
        self.kubernetes.seed(run | {"spec": {}, "status": {"journal": [entry]}})


async def test_each_resource_is_turned_up_by_its_own_lead_and_back_at_the_end():
    fleet, seen = Fleet(), []
    for _ in range(8 * 60):
        await fleet.keeper.round()
        seen.append((f"{fleet.clock.now():%H:%M}", fleet.have.floor, fleet.have.reserved))
        fleet.clock.advance(60)
    changes = [one for one, before in zip(seen[1:], seen, strict=False) if one[1:] != before[1:]]
    assert changes == [
        ("07:15", 4.0, 20),
        ("07:25", 4.0, 40),
        ("09:30", 0.5, 20),
    ]
    assert await fleet.journal() == {}


async def test_the_queue_may_never_use_more_of_a_function_than_is_reserved():
    fleet = Fleet()  # its AWS refuses that in either direction
    await fleet.at("07:40")
    assert (fleet.have.reserved, fleet.have.values[FUNCTION, "MaximumConcurrency"]) == (40, 40)
    await fleet.at("10:00")
    assert (fleet.have.reserved, fleet.have.values[FUNCTION, "MaximumConcurrency"]) == (20, 10)


async def test_warm_throughput_is_raised_once_and_stays():
    fleet = Fleet()
    await fleet.at("07:10")
    assert fleet.have.values[TABLE, "WriteUnitsPerSecond"] == 200
    await fleet.at("10:00")
    assert [one for one in fleet.have.history if one[0] == TABLE] == [
        (TABLE, "WriteUnitsPerSecond", 200)
    ]


async def test_an_index_is_warmed_with_its_table_and_left_where_it_is_warmer():
    fleet = Fleet(rate=1000)  # 50 writes a second: more than the table has, less than the index
    await fleet.at("07:10")
    assert fleet.have.values[INDEX, "WriteUnitsPerSecond"] == 60
    fleet = Fleet()
    await fleet.at("07:10")
    assert fleet.have.values[INDEX, "WriteUnitsPerSecond"] == 200


async def test_what_was_found_is_stored_before_anything_is_changed():
    fleet = Fleet()

    def hook(write, moment):
        if moment == "before" and write.verb == "rds.modify_db_cluster":
            held = fleet.kubernetes.find("ConfigMap", JOURNAL, "cloudcafe")
            entry = json.loads(held["data"][FIELD])[f"aurora {CLUSTER}"]
            assert (entry["was"], entry["ours"]) == (0.5, [0.5, 4.0])

    fleet.recorder.hook = hook
    await fleet.at("07:20")
    assert fleet.have.floor == 4


async def test_a_ceiling_is_the_policys_and_the_owners():
    policies = {"aurora": POLICIES["aurora"].model_copy(update={"most": 100})}
    fleet = Fleet(rate=10_000, policies=policies)
    await fleet.at("07:20")
    assert fleet.have.floor == 8
    assert fleet.have.values[CLUSTER, "MaxCapacity"] == 8


async def test_somebodys_own_value_is_kept_and_no_longer_put_back():
    fleet = Fleet()
    await fleet.at("07:20")
    fleet.have.values[CLUSTER, "MinCapacity"] = 5
    await fleet.at("10:00")
    assert fleet.have.floor == 5
    assert await fleet.journal() == {}


async def test_what_somebody_lowers_in_a_rush_stays_so_until_it_is_over_and_not_for_the_next():
    fleet = Fleet()
    await fleet.at("07:20")
    assert fleet.have.floor == 4
    fleet.have.values[CLUSTER, "MinCapacity"] = 1
    await fleet.at("09:00")
    assert fleet.have.floor == 1
    await fleet.at("10:00")
    assert fleet.have.floor == 1
    assert await fleet.journal() == {}
    await fleet.until_the_next_rush()
    assert fleet.have.floor == 4


async def test_what_somebody_puts_back_in_a_rush_stays_so_until_it_is_over():
    fleet = Fleet()
    await fleet.at("07:20")
    assert fleet.have.floor == 4
    fleet.have.values[CLUSTER, "MinCapacity"] = 0.5
    await fleet.at("09:00")
    assert fleet.have.floor == 0.5
    fleet.restart()
    await fleet.at("10:00")
    assert fleet.have.floor == 0.5
    assert await fleet.journal() == {}
    await fleet.until_the_next_rush()
    assert fleet.have.floor == 4


async def test_what_aws_still_says_after_our_own_change_is_nobodys():
    fleet = Fleet()
    modify = fleet.aws._handlers["rds", "modify_db_cluster"]
    fleet.aws.on("rds", "modify_db_cluster", lambda **_: {})  # it takes it, and takes its time
    await fleet.at("07:20")
    assert fleet.have.floor == 0.5
    fleet.aws.on("rds", "modify_db_cluster", modify)
    await fleet.at("07:25")
    assert fleet.have.floor == 4
    fleet.aws.on("rds", "modify_db_cluster", lambda **_: {})
    await fleet.at("09:40")
    assert fleet.have.floor == 4
    fleet.aws.on("rds", "modify_db_cluster", modify)
    await fleet.at("09:45")
    assert fleet.have.floor == 0.5
    assert await fleet.journal() == {}


async def test_an_old_answer_of_aws_costs_no_more_than_the_next_look():
    fleet = Fleet()
    await fleet.at("07:21")
    fleet.have.values[CLUSTER, "MinCapacity"] = 0.5  # as an older replica of its API says
    fleet.clock.advance(600)
    await fleet.keeper.round()
    fleet.have.values[CLUSTER, "MinCapacity"] = 4.0
    await fleet.at("08:00")
    assert fleet.have.floor == 4
    await fleet.at("10:00")
    assert fleet.have.floor == 0.5
    assert await fleet.journal() == {}


@pytest.mark.parametrize("entries", ["as they were", "of a new operator"])
async def test_an_old_answer_of_aws_holds_no_dial_down_when_the_rush_grows(entries):
    fleet = Fleet()
    fleet.keeper.note("lisbon.second", store(1000, "08:30"))
    await fleet.at("07:21")
    fleet.have.values[CLUSTER, "MinCapacity"] = 0.5  # as an older replica of its API says
    fleet.clock.advance(600)
    await fleet.keeper.round()
    fleet.have.values[CLUSTER, "MinCapacity"] = 4.0
    await fleet.at("08:00")
    if entries == "of a new operator":
        fleet.restart()
        fleet.keeper.note("lisbon.second", store(1000, "08:30"))
    await fleet.at("08:40")
    assert fleet.have.floor == 5
    await fleet.at("10:00")
    assert fleet.have.floor == 0.5
    assert await fleet.journal() == {}


@pytest.mark.parametrize("tags", [["2"], ["2", "3"], ["2", "1"], ["4", "2"]])
async def test_what_somebody_puts_back_stays_so_also_where_its_owner_moves_the_floor(tags):
    fleet = Fleet()
    fleet.keeper.note("lisbon.second", store(1000, "08:00"))
    await fleet.at("08:05")
    assert fleet.have.floor == 5  # and 4 before
    fleet.have.values[CLUSTER, "MinCapacity"] = 0.5
    for clock, tag in zip(("08:20", "08:40"), tags, strict=False):
        await fleet.at(clock)
        fleet.have.tags[CLUSTER] = tag
    await fleet.at("09:00")
    assert fleet.have.floor == max(float(tag) for tag in tags)
    await fleet.at("10:00")
    assert fleet.have.floor == float(tags[-1])
    assert await fleet.journal() == {}


async def test_a_rush_that_follows_while_we_put_back_is_not_taken_for_somebodys_word():
    dial = Dial("arn", "n", "aurora", 4, least=0.5, most=8)
    entry = Entry(name="n", was=0.5, ours=(0.5, 4), seen=True)
    [back] = plan_capacity([dial], {dial.key: entry}, {}, {})
    assert back.to == 0.5
    dial = replace(dial, now=0.5)  # and before that is seen, the next rush is near
    [up] = plan_capacity([dial], {dial.key: back.entry}, {"aurora": 3}, {})
    assert up.to == 3


async def test_an_owner_who_raises_the_floor_by_the_tag_gets_it_also_in_a_rush():
    fleet = Fleet()
    await fleet.at("07:20")
    fleet.have.tags[CLUSTER] = "2"
    await fleet.at("10:00")
    assert fleet.have.floor == 2


async def test_an_owner_who_raises_the_floor_to_what_is_in_force_holds_no_rush_down():
    fleet = Fleet()
    fleet.keeper.note("lisbon.second", store(1000, "08:15"))
    await fleet.at("07:58")
    fleet.have.tags[CLUSTER] = "4"
    await fleet.at("08:10")  # the next level is due before anything else is looked at
    assert fleet.have.floor == 5
    await fleet.at("10:00")
    assert fleet.have.floor == 4
    assert await fleet.journal() == {}


@pytest.mark.parametrize("when", ["06:10", "07:40", "09:40"])
async def test_an_owner_who_lowers_the_floor_by_the_tag_gets_it_whenever_that_is(when):
    fleet = Fleet()
    fleet.have.tags |= {CLUSTER: "2", FUNCTION: "30"}
    await fleet.at("06:05")
    assert (fleet.have.floor, fleet.have.reserved) == (2, 30)
    await fleet.at(when)
    fleet.have.tags |= {CLUSTER: "0.5", FUNCTION: "12"}
    fleet.restart()
    if when == "07:40":
        await fleet.at("09:00")
        assert (fleet.have.floor, fleet.have.reserved) == (4, 40)  # the rush goes on
    await fleet.at("10:00")
    assert (fleet.have.floor, fleet.have.reserved) == (0.5, 12)
    assert await fleet.journal() == {}


async def test_a_lower_floor_by_the_tag_leaves_what_somebody_set_above_it():
    fleet = Fleet()
    fleet.have.tags[CLUSTER] = "2"
    await fleet.at("06:05")
    fleet.have.values[CLUSTER, "MinCapacity"] = 3.0
    fleet.have.tags[CLUSTER] = "1"
    await fleet.at("10:00")
    assert fleet.have.floor == 3
    fleet.have.tags[CLUSTER] = "0.5"
    await fleet.at("10:30")
    assert fleet.have.floor == 3


@pytest.mark.parametrize("tag", ["", "two", "inf", "-1", "0"])
async def test_a_tag_that_tells_no_floor_lowers_none(tag):
    fleet = Fleet()
    await fleet.at("06:05")
    fleet.have.tags[FUNCTION] = tag
    await fleet.at("06:30")
    assert fleet.have.reserved == 20
    fleet.have.tags[FUNCTION] = "15"
    await fleet.at("07:00")
    assert fleet.have.reserved == 15


@pytest.mark.parametrize("policies", [POLICIES, UNPOLLED], ids=["planned", "left out"])
async def test_a_reservation_is_not_lowered_below_what_its_queue_may_use(policies):
    fleet = Fleet(policies=policies)
    await fleet.at("06:05")
    fleet.have.tags[FUNCTION] = "5"
    await fleet.at("06:30")
    assert fleet.have.reserved == 10
    fleet.have.values[FUNCTION, "MaximumConcurrency"] = 4
    await fleet.at("07:00")
    assert fleet.have.reserved == 5


async def test_a_queue_that_no_policy_tells_of_is_left_alone_and_not_told_of():
    fleet = Fleet(policies=UNPOLLED)
    await fleet.keeper.round()
    assert "batches at once" not in [one["what"] for one in await fleet.shown()]
    await fleet.at("07:40")
    fleet.have.values[FUNCTION, "MaximumConcurrency"] = 15
    await fleet.at("10:00")
    assert fleet.have.values[FUNCTION, "MaximumConcurrency"] == 15
    assert [one for one in fleet.have.history if "Concurr" in one[1]] == [
        (FUNCTION, "ReservedConcurrentExecutions", 40),
        (FUNCTION, "ReservedConcurrentExecutions", 20),
    ]


async def test_a_floor_that_is_lowered_while_a_run_stops_the_function_comes_when_it_is_undone():
    fleet = Fleet()
    await fleet.at("06:05")
    await fleet.run_holds(FUNCTION)
    fleet.have.values[FUNCTION, "ReservedConcurrentExecutions"] = 0
    fleet.have.tags[FUNCTION] = "15"
    await fleet.at("06:30")
    assert fleet.have.reserved == 0
    fleet.have.values[FUNCTION, "ReservedConcurrentExecutions"] = 20
    fleet.kubernetes.set_status("ChaosRun", "broken-1", "cloudcafe", {})
    await fleet.at("07:00")
    assert fleet.have.reserved == 15


async def test_a_lowered_floor_of_what_cannot_be_read_comes_once_it_can():
    fleet = Fleet()
    await fleet.at("06:05")
    readable = fleet.aws._handlers["lambda", "get_function_concurrency"]

    def denied(**_):
        raise AccessDenied("lambda:GetFunctionConcurrency is not allowed")

    fleet.aws.on("lambda", "get_function_concurrency", denied)
    fleet.have.tags[FUNCTION] = "15"
    await fleet.at("06:30")
    fleet.aws.on("lambda", "get_function_concurrency", readable)
    await fleet.at("06:45")
    assert fleet.have.reserved == 15


async def test_what_lost_its_tag_goes_back_at_once():
    fleet = Fleet()
    await fleet.at("07:20")
    del fleet.have.tags[CLUSTER]
    fleet.restart()
    await fleet.at("07:40")
    assert fleet.have.floor == 0.5


async def test_an_operator_without_the_setting_puts_back_what_an_earlier_one_changed():
    fleet = Fleet()
    await fleet.at("07:40")
    assert (fleet.have.floor, fleet.have.reserved) == (4, 40)
    fleet.policies = {}
    fleet.restart()
    await fleet.at("07:45")
    assert (fleet.have.floor, fleet.have.reserved) == (0.5, 20)
    assert await fleet.journal() == {}


async def test_without_the_setting_aws_is_never_asked():
    fleet = Fleet(policies={})
    await fleet.at("07:40")
    assert not [call for call in fleet.recorder.calls if call.api == "aws"]


async def test_what_a_fleet_needs_is_worked_out_once_an_hour_and_off_the_event_loop():
    threads = []

    class Asked(dict):
        def items(self):
            threads.append(threading.get_ident())
            return super().items()

    fleet = Fleet(policies=Asked(POLICIES))
    await fleet.at("07:59")
    assert fleet.have.floor == 4
    assert len(threads) == 2
    assert threading.get_ident() not in threads


async def test_aws_is_not_asked_while_nothing_changes():
    fleet = Fleet()
    await fleet.at("08:00")
    before = len(fleet.recorder.calls)
    await fleet.at("08:30")
    calls = [call for call in fleet.recorder.calls[before:] if call.api == "aws"]
    assert (
        len(calls) <= 3 * 5
    )  # three looks in half an hour, each of one listing and four resources' reads


@pytest.mark.parametrize("state", ["Injecting", "Injected"])
async def test_capacity_yields_to_a_run_that_holds_the_resource(state):
    fleet = Fleet()
    await fleet.run_holds(FUNCTION, state)
    await fleet.at("07:40")
    assert (fleet.have.floor, fleet.have.reserved) == (4, 20)


async def test_a_function_that_a_run_stopped_in_a_rush_stays_stopped_and_goes_back_afterwards():
    fleet = Fleet()
    await fleet.at("07:40")
    await fleet.run_holds(FUNCTION)
    fleet.have.values[FUNCTION, "ReservedConcurrentExecutions"] = 0  # as lambdaConcurrencyZero
    await fleet.at("10:00")
    assert fleet.have.reserved == 0
    assert f"lambda {FUNCTION}" in await fleet.journal()
    fleet.have.values[FUNCTION, "ReservedConcurrentExecutions"] = 40  # the run's undo
    fleet.kubernetes.set_status("ChaosRun", "broken-1", "cloudcafe", {})
    await fleet.at("10:10")
    assert fleet.have.reserved == 20


async def test_a_function_that_is_stopped_or_not_limited_is_left_alone_and_its_queue_never_beyond():
    for value in (None, 0, 15):
        fleet = Fleet()
        fleet.have.values[FUNCTION, "ReservedConcurrentExecutions"] = value
        fleet.have.tags[FUNCTION] = "0"
        fleet.policies = POLICIES | ({"lambda": NEVER} if value == 15 else {})
        fleet.restart()
        await fleet.at("07:40")
        assert fleet.have.reserved == value
        assert fleet.have.values[FUNCTION, "MaximumConcurrency"] == (15 if value == 15 else 10)


async def test_a_failover_is_waited_for():
    fleet = Fleet()
    fleet.have.cluster_status = "failing-over"
    await fleet.at("07:20")
    assert fleet.have.floor == 0.5
    fleet.have.cluster_status = "available"
    await fleet.at("07:21")
    assert fleet.have.floor == 4


async def test_a_refusal_is_told_and_holds_up_nobody_else():
    fleet = Fleet()
    denied = AccessDenied("rds:ModifyDBCluster is not allowed: add it to the operator's role")
    fleet.aws.fail_next("rds", "modify_db_cluster", denied)
    await fleet.at("07:29")
    told = [one for one in fleet.events.published if one.kind == "Warning"]
    assert [one.reason for one in told] == ["RushCapacityRefused"]
    assert "cloudcafe: ACU at least 0.5 → 4: rds:ModifyDBCluster is not" in told[0].message
    assert (fleet.have.floor, fleet.have.reserved) == (4, 40)


async def test_what_cannot_be_read_holds_up_nobody_else_and_is_not_forgotten():
    fleet = Fleet()
    await fleet.at("07:29")
    entries = await fleet.journal()
    assert (fleet.have.floor, fleet.have.reserved) == (4, 40)

    def denied(**_):
        raise AccessDenied("lambda:GetFunctionConcurrency is not allowed")

    readable = fleet.aws._handlers["lambda", "get_function_concurrency"]
    fleet.aws.on("lambda", "get_function_concurrency", denied)
    await fleet.at("10:00")
    assert (fleet.have.floor, fleet.have.reserved) == (0.5, 40)
    kept = await fleet.journal()
    assert kept == {key: entry for key, entry in entries.items() if key.startswith("lambda")}
    assert "RushCapacityRefused" in [one.reason for one in fleet.events.published]
    fleet.aws.on("lambda", "get_function_concurrency", readable)
    await fleet.at("10:05")
    assert fleet.have.reserved == 20
    assert await fleet.journal() == {}


async def test_an_owners_number_that_is_none_takes_part_without_a_floor():
    fleet = Fleet()
    fleet.have.tags[CLUSTER] = "inf"
    await fleet.at("07:20")
    assert fleet.have.floor == 4


async def test_what_the_plan_said_of_aws_stays_until_aws_was_read():
    fleet = Fleet()
    await fleet.at("06:01")
    before = await fleet.shown()
    assert before
    fleet.restart()
    fleet.aws.fail_next("resourcegroupstaggingapi", "get_resources", AccessDenied("tag:Get"))
    with pytest.raises(AccessDenied):
        await fleet.keeper.round()
    assert await fleet.shown() == before


async def test_an_operator_that_leads_no_longer_changes_nothing():
    fleet = Fleet()
    await fleet.at("07:00")
    fleet.kubernetes.fail_next("patch", Conflict("somebody else wrote"))
    fleet.clock.advance(16 * 60)
    fleet.have.history.clear()
    with pytest.raises(Conflict):
        await fleet.keeper.round()
    assert [one for one in fleet.have.history if one[0] == CLUSTER] == []


@pytest.mark.parametrize("text", ["", "[1]", "{", "7", '{"aurora x": 7}'])
async def test_a_journal_that_somebody_spoilt_stops_capacity_and_says_what_to_do(text):
    fleet = Fleet()
    await fleet.at("07:20")
    ref = Ref(CONFIG_MAPS, JOURNAL, "cloudcafe")
    await fleet.kubernetes.patch(ref, {"data": {FIELD: text}})
    fleet.restart()
    with pytest.raises(UserError, match=r"restore its journal.json|aurora x"):
        await fleet.keeper.round()
    assert fleet.have.floor == 4


async def test_the_plan_names_each_change_with_its_time_and_what_stays():
    fleet = Fleet()
    await fleet.keeper.round()
    assert await fleet.shown() == [
        {
            "at": "2026-03-02T07:10:00Z",
            "resource": "cloudcafe-orders",
            "what": "warm writes a second",
            "from": 25,
            "to": 200,
            "note": "stays: AWS never lowers warm throughput; paid once",
        },
        {
            "at": "2026-03-02T07:15:00Z",
            "resource": "cloudcafe",
            "what": "ACU at least",
            "from": 0.5,
            "to": 4,
            "note": "",
        },
        {
            "at": "2026-03-02T07:25:00Z",
            "resource": "cloudcafe-payment-processor",
            "what": "batches at once",
            "from": 10,
            "to": 40,
            "note": "",
        },
        {
            "at": "2026-03-02T07:25:00Z",
            "resource": "cloudcafe-payment-processor",
            "what": "reserved concurrency",
            "from": 20,
            "to": 40,
            "note": "",
        },
        {
            "at": "2026-03-02T09:30:00Z",
            "resource": "cloudcafe",
            "what": "ACU at least",
            "from": 4,
            "to": 0.5,
            "note": "",
        },
        {
            "at": "2026-03-02T09:30:00Z",
            "resource": "cloudcafe-payment-processor",
            "what": "batches at once",
            "from": 40,
            "to": 10,
            "note": "",
        },
        {
            "at": "2026-03-02T09:30:00Z",
            "resource": "cloudcafe-payment-processor",
            "what": "reserved concurrency",
            "from": 40,
            "to": 20,
            "note": "",
        },
    ]


async def test_the_plan_tells_of_no_more_batches_at_once_than_are_reserved():
    policies = POLICIES | {"lambda": POLICIES["lambda"].model_copy(update={"most": 30})}
    fleet = Fleet(policies=policies)
    await fleet.keeper.round()
    told = {one["what"]: one["to"] for one in reversed(await fleet.shown())}
    assert (told["reserved concurrency"], told["batches at once"]) == (30, 30)
    await fleet.at("07:40")
    assert fleet.have.values[FUNCTION, "MaximumConcurrency"] == 30


async def test_the_plan_tells_of_no_raise_of_what_somebody_set_in_the_rush_that_is_on():
    fleet = Fleet()
    await fleet.at("07:20")
    fleet.have.values[CLUSTER, "MinCapacity"] = 1
    for clock in ("07:40", "09:00"):
        await fleet.at(clock)
        told = [one for one in await fleet.shown() if one["resource"] == "cloudcafe"]
        changes = [(one["at"], one["from"], one["to"]) for one in told]
        tomorrow = [("2026-03-03T07:15:00Z", 1, 4), ("2026-03-03T09:30:00Z", 4, 1)]
        assert changes == [one for one in tomorrow if clock == "09:00" or "07:15" in one[0]]


async def test_trouble_with_aws_does_not_hide_the_plan():
    fleet = Fleet()
    fleet.aws.fail_next("resourcegroupstaggingapi", "get_resources", AccessDenied("tag:Get"))
    with pytest.raises(AccessDenied):
        await fleet.keeper.round()
    assert await fleet.kubernetes.get(Ref(CONFIG_MAPS, PLAN, "cloudcafe"))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.sampled_from(["before", "after"])), max_size=4),
    st.integers(1, 9_000),
)
def test_whenever_the_operator_dies_the_floor_comes_back_and_is_never_undercut(deaths, rate):
    async def story():
        fleet = Fleet(rate=rate)
        pending = list(deaths)
        while fleet.clock.now() < NOW + timedelta(hours=5):
            if fleet.recorder.hook is None and pending:
                fleet.recorder.die_at(*pending.pop(0))
            try:
                await fleet.keeper.round()
            except Died:
                fleet.restart()
            fleet.clock.advance(600)
        assert (fleet.have.floor, fleet.have.reserved) == (0.5, 20)
        assert fleet.have.values[FUNCTION, "MaximumConcurrency"] == 10
        assert await fleet.journal() == {}
        put = [value for arn, name, value in fleet.have.history if name == "MinCapacity"]
        assert all(0.5 <= value <= 6 for value in put)

    asyncio.run(story())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.sampled_from(["before", "after"])), max_size=3),
    st.dictionaries(st.integers(0, 29), st.sampled_from(["0.5", "1", "2", "5"]), max_size=5),
)
@example(deaths=[], tags={23: "2", 24: "0.5", 0: "1"})  # up and down between two looks
@example(deaths=[(22, "before"), (10, "before")], tags={17: "2", 22: "0.5", 5: "1"})
def test_whenever_the_operator_dies_the_floor_ends_where_its_owner_wants_it(deaths, tags):
    async def story():
        fleet = Fleet()
        pending = list(deaths)
        for number in range(36):
            fleet.have.tags[CLUSTER] = tags.get(number, fleet.have.tags[CLUSTER])
            if fleet.recorder.hook is None and pending:
                fleet.recorder.die_at(*pending.pop(0))
            try:
                await fleet.keeper.round()
            except Died:
                fleet.restart()
            fleet.clock.advance(600)
        assert fleet.have.floor == float(fleet.have.tags[CLUSTER]), (deaths, tags)
        assert await fleet.journal() == {}

    asyncio.run(story())


dials = st.builds(
    Dial,
    arn=st.just("arn"),
    name=st.just("n"),
    kind=st.sampled_from(["aurora", "dynamodbRead"]),
    now=st.integers(1, 9).map(float),
    least=st.integers(0, 9).map(float),
    most=st.integers(1, 9).map(float),
    takes_part=st.booleans(),
)
entries = st.none() | st.builds(
    lambda was, put, seen, kept: Entry(
        name="n", was=was, ours=(was, put), seen=seen, kept=bool(kept), doubted=(put,) * (kept == 2)
    ),
    st.integers(1, 9).map(float),
    st.integers(1, 9).map(float),
    st.booleans(),
    st.integers(0, 2),  # not kept, kept, kept where it may have been an old answer
)


@given(dials, entries, st.integers(0, 12))
def test_one_step_after_another_comes_to_rest_and_nothing_is_repeated(dial, entry, needed):
    journal = {dial.key: entry} if entry and dial.kind == "aurora" else {}
    for _ in range(6):
        entry = journal.get(dial.key)
        steps = plan_capacity([dial], journal, {dial.kind: needed}, {})
        if not steps:
            return
        for step in steps:
            if isinstance(step, Turn):
                assert step.to != dial.now
                assert step.to >= max(dial.least, step.entry.was if step.entry else dial.now)
                journal = {dial.key: step.entry} if step.entry else {}
                dial = Dial("arn", "n", dial.kind, step.to, dial.least, dial.most, dial.takes_part)
            elif isinstance(step, See):
                assert (step.entry.was, step.entry.seen) == (entry.was, True)
                journal = {dial.key: step.entry}
            elif isinstance(step, Keep):
                assert step.entry.was == dial.now
                journal = {dial.key: step.entry}
            else:
                journal = {}
    raise AssertionError("it never came to rest")


def test_the_setting_is_json_and_a_misspelt_kind_is_refused(monkeypatch):
    monkeypatch.setenv(
        "CAFE_CAPACITY",
        '{"aurora": {"ordersPerMinutePerUnit": 1000, "leadMinutes": 10, "most": 8}}',
    )
    assert Settings().capacity["aurora"].needs("aurora", 900) == 1.5
    poller = '{"lambdaPoller": {"ordersPerMinutePerUnit": 1, "leadMinutes": 1, "most": 8}}'
    monkeypatch.setenv("CAFE_CAPACITY", poller)
    with pytest.raises(ValueError, match="needs lambda"):
        Settings()
    monkeypatch.setenv("CAFE_CAPACITY", '{"auroraa": {}}')
    with pytest.raises(ValueError, match="auroraa"):
        Settings()
