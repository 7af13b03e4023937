"""Experiments by the clock, by repetition, and how many runs are kept."""

from datetime import UTC, datetime, timedelta

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.kinds import CHAOS_RUNS
from cloudcafe_operator.planning.schedule import due
from cloudcafe_operator.ports import Ref
from cloudcafe_operator.resources.common import parse
from cloudcafe_operator.resources.schedule import Schedule
from hypothesis import given
from hypothesis import strategies as st

from tests.crash.engines import Engine, all_finished
from tests.crash.sweep import sweep
from tests.crash.worlds import World, experiment

EVERY_FIVE = {"cron": "*/5 * * * *"}
NINE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def schedule(**fields):
    return parse(Schedule, {**EVERY_FIVE, **fields})


def at(text):
    return datetime.fromisoformat(text)


@given(st.integers(0, 400_000), st.integers(0, 400_000))
def test_a_start_is_the_latest_one_that_has_come_and_the_next_is_after_now(since, now):
    since, now = (NINE + timedelta(seconds=seconds) for seconds in (since, now))
    found = due(schedule(), since=since, now=now)
    came = found.start or found.missed
    latest = now.replace(minute=now.minute - now.minute % 5, second=0)
    assert came == (latest if latest > since else None)
    assert found.next == latest + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("seconds", "starts"), [(0, True), (1, True), (59, True), (60, True), (61, False), (299, False)]
)
def test_a_start_is_made_up_for_until_the_deadline(seconds, starts):
    now = NINE + timedelta(minutes=5, seconds=seconds)
    found = due(schedule(startingDeadline="1m"), since=NINE, now=now)
    assert (found.start is not None) == starts
    assert (found.missed is not None) != starts


def test_years_of_missed_starts_are_one_look_at_the_calendar():
    found = due(schedule(), since=NINE - timedelta(days=3650), now=NINE + timedelta(seconds=5))
    assert found.start == NINE


def test_the_clock_is_the_zones_also_when_it_is_put_forward_and_back():
    daily = schedule(cron="30 1 * * *", timeZone="Europe/Lisbon", startingDeadline="2h")
    winter = due(daily, since=at("2026-03-20T00:00Z"), now=at("2026-03-20T01:31Z"))
    assert winter.start == at("2026-03-20T01:30Z")
    summer = due(daily, since=at("2026-04-20T00:00Z"), now=at("2026-04-20T00:31Z"))
    assert summer.start == at("2026-04-20T00:30Z")
    gone = due(daily, since=at("2026-03-29T00:00Z"), now=at("2026-03-29T01:05Z"))
    assert gone.start == at("2026-03-29T01:00Z")  # 01:30 is not on the clock that day
    twice = due(daily, since=at("2026-10-25T00:31Z"), now=at("2026-10-25T01:40Z"))
    assert twice.start is None  # 01:30 comes twice that day and is begun once


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cron": "61 * * * *"}, "Bad minute in '61 \\* \\* \\* \\*'"),
        ({"cron": "* * * * * *"}, "should match pattern"),
        ({"timeZone": "Europe/Atlantis"}, "IANA time zone database"),
    ],
)
def test_what_is_no_schedule_is_refused(fields, said):
    with pytest.raises(UserError, match=said):
        schedule(**fields)


class Calendar:
    """An experiment over minutes; a tick is ten seconds."""

    def __init__(self, **changes):
        self.world = World()
        self.world.kubernetes.seed(experiment("podKill", **changes))
        self.engine = Engine(self.world)

    @property
    def status(self):
        return self.world.kubernetes.find("ChaosExperiment", "try", "shop").get("status", {})

    @property
    def names(self):
        return [run["metadata"]["name"] for run in self.world.runs()]

    async def go(self, seconds, step=1.0):
        end = self.world.clock.now() + timedelta(seconds=seconds)
        while self.world.clock.now() < end:
            await self.engine.tick()
            self.world.clock.advance(step)
        await self.engine.tick()

    def change(self, **fields):
        item = self.world.kubernetes.find("ChaosExperiment", "try", "shop")
        self.world.kubernetes._store({**item, "spec": {**item["spec"], **fields}}, "MODIFIED")


def named(*minutes):
    return [f"try-1-t{int(NINE.timestamp() // 60) + minute}" for minute in minutes]


async def test_a_scheduled_experiment_starts_by_the_clock_and_not_when_it_is_applied():
    calendar = Calendar(schedule=EVERY_FIVE)
    await calendar.go(290)
    assert calendar.names == []
    assert calendar.status["nextRun"] == "2026-03-01T09:05:00Z"
    await calendar.go(60)
    assert calendar.names == named(5)
    (run,) = calendar.world.runs()
    assert run["spec"]["scheduledFor"] == "2026-03-01T09:05:00Z"
    assert run["status"]["verdict"] == "Passed"
    await calendar.go(300)
    assert calendar.names == named(5, 10)
    assert calendar.status["lastScheduled"] == "2026-03-01T09:10:00Z"


async def test_a_pause_skips_starts_and_a_missed_one_is_said_and_hurts_nobody():
    calendar = Calendar(schedule={**EVERY_FIVE, "startingDeadline": "30s"})
    await calendar.go(10)
    calendar.engine.bury()
    calendar.world.clock.advance(86_400 + 120)  # the operator was away for a day
    calendar.engine = Engine(calendar.world)
    await calendar.go(5)
    assert calendar.names == []
    (said,) = [one for one in calendar.status["conditions"] if one["type"] == "Scheduled"]
    assert "the start of 2026-03-02T09:00:00Z was missed" in said["message"]
    await calendar.go(300)
    assert len(calendar.names) == 1
    assert calendar.world.events.reasons.count("MissedStart") == 1


LONG = [
    {
        "name": "break",
        "faults": [{"podKill": {"selector": {"labels": {"app.kubernetes.io/name": "order"}}}}],
        "hold": "90s",
        "recovery": {"within": "60s"},
    }
]
EACH_MINUTE = {"cron": "* * * * *", "startingDeadline": "50s"}


@pytest.mark.parametrize("policy", ["Forbid", "Allow", "Replace"])
async def test_what_happens_when_the_run_before_is_not_over(policy):
    calendar = Calendar(schedule={**EACH_MINUTE, "concurrencyPolicy": policy}, steps=LONG)
    await calendar.go(125)
    phases = {
        run["metadata"]["name"]: run.get("status", {}).get("phase") for run in calendar.world.runs()
    }
    if policy == "Forbid":
        assert list(phases) == named(1)
    elif policy == "Allow":
        assert list(phases) == named(1, 2)
        assert phases[named(1)[0]] == "Holding"
    else:
        assert list(phases) == named(2)
    assert not calendar.world.pods.stress


async def test_only_so_many_finished_runs_are_kept():
    calendar = Calendar(schedule=EVERY_FIVE, history=2)
    await calendar.go(1260)
    assert calendar.names == named(15, 20)


async def test_three_runs_give_recovery_an_interval():
    calendar = Calendar(repeat=3)
    await calendar.go(120)
    assert calendar.names == ["try-1", "try-1-2", "try-1-3"]
    assert all_finished(calendar.world)
    recovery = calendar.status["recovery"]
    assert recovery["runs"] == 3
    assert recovery["low"] <= recovery["median"] <= recovery["high"]
    await calendar.world.kubernetes.delete(Ref(CHAOS_RUNS, "try-1-3", "shop"))
    await calendar.go(30)
    assert calendar.names == ["try-1", "try-1-2"]  # it was run: removing it does not repeat it


async def test_an_aborted_run_ends_the_repetitions():
    calendar = Calendar(repeat=3)
    await calendar.go(8)
    halt = {"metadata": {"name": "cloudcafe-halt", "namespace": "cloudcafe"}}
    calendar.world.kubernetes.seed(
        {"apiVersion": "v1", "kind": "ConfigMap", **halt, "data": {"halted": "true"}}
    )
    await calendar.go(60)
    assert calendar.names == ["try-1"]


async def test_a_kill_at_any_write_of_a_repeated_experiment_makes_no_run_twice():
    def until(world):
        done = all_finished(world) and len(world.runs()) == 2
        if done:
            assert [run["metadata"]["name"] for run in world.runs()] == ["try-1", "try-1-2"]
            assert world.injections()["podKill"] == 2
        return done

    swept = await sweep("podKill", meanwhile=lambda _: until, repeat=2)
    assert [one for one in swept.failures if "injected 2 times" not in one] == []
    assert swept.plans > 40


class TestRunAgain:
    """The annotation cloudcafe.dev/run-again."""

    @staticmethod
    def wish(calendar, value, **fields):
        item = calendar.world.kubernetes.find("ChaosExperiment", "try", "shop")
        notes = {**item["metadata"]["annotations"], "cloudcafe.dev/run-again": value}
        item = {**item, "metadata": {**item["metadata"], "annotations": notes}}
        item["spec"] = {**item["spec"], **fields}
        calendar.world.kubernetes._store(item, "MODIFIED")

    async def test_each_new_value_makes_one_more_run_of_the_same_spec(self):
        calendar = Calendar()
        await calendar.go(40)
        self.wish(calendar, "please")
        await calendar.go(40)
        self.wish(calendar, "once more")
        await calendar.go(40)
        names = calendar.names
        assert len(names) == 3
        assert all(name.startswith("try-1-a") for name in names[1:])
        for name in names[1:]:
            await calendar.world.kubernetes.delete(Ref(CHAOS_RUNS, name, "shop"))
        await calendar.go(20)
        assert calendar.names == ["try-1"]

    async def test_together_with_a_new_spec_it_is_one_run_in_all(self):
        calendar = Calendar()
        await calendar.go(40)
        self.wish(calendar, "please", hypothesis="Something else holds.")
        await calendar.go(60)
        assert calendar.names == ["try-1", "try-2"]

    async def test_it_waits_for_the_run_that_goes_on(self):
        calendar = Calendar()
        await calendar.go(2)
        self.wish(calendar, "please")
        await calendar.go(2)
        assert calendar.names == ["try-1"]
        await calendar.go(60)
        assert len(calendar.names) == 2

    async def test_a_scheduled_experiment_may_be_run_now(self):
        calendar = Calendar(schedule=EVERY_FIVE)
        await calendar.go(5)
        self.wish(calendar, "now")
        await calendar.go(40)
        assert len(calendar.names) == 1
        assert calendar.names[0].startswith("try-1-a")
        await calendar.go(300)
        assert len(calendar.names) == 2

    async def test_after_repetitions_it_is_one_run(self):
        calendar = Calendar(repeat=2)
        await calendar.go(80)
        self.wish(calendar, "please")
        await calendar.go(80)
        assert len(calendar.names) == 3
