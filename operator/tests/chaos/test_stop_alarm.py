"""An alarm as a stop condition: it ends a run, and is no measure of recovery."""

import pytest
from cloudcafe_operator.errors import AccessDenied, Unavailable

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import World, experiment

STOP = [{"probe": "slo", "failingFor": "1s"}]


class Alarmed:
    """A run with an alarm that is not measured."""

    def __init__(self, state="OK", **changes):
        self.world, self.state = World(), state
        self.world.aws.on("cloudwatch", "describe_alarms", self._describe)
        item = experiment("auroraFailover", **{"stopWhen": STOP, **changes})
        alarm = {"name": "slo", "every": "5s", "measured": False, "cloudwatch": {"alarm": "slo"}}
        item["spec"]["steadyState"]["probes"].append(alarm)
        item["spec"]["steps"][0]["hold"] = "20s"
        self.world.kubernetes.seed(item)

    def _describe(self, **_):
        if isinstance(self.state, Exception):
            raise self.state
        if self.state is None:
            return {"MetricAlarms": []}
        return {"MetricAlarms": [{"StateValue": self.state, "StateReason": "burning"}]}

    @property
    def status(self):
        return self.world.runs()[0].get("status", {})


@pytest.mark.parametrize(
    ("state", "met"),
    [("ALARM", "alarm slo: burning"), (None, "there is no alarm slo: create it")],
)
async def test_an_alarm_that_rings_or_is_gone_while_the_fault_is_in_force_undoes_it(state, met):
    run = Alarmed()
    engine = Engine(run.world)
    for _ in range(60):
        await engine.tick()
        if run.world.runs() and run.status.get("phase") == "Holding":
            run.state = state
        if all_finished(run.world):
            break
        run.world.clock.advance(1.0)
    assert (run.status["verdict"], run.status["stop"]["reason"]) == ("Aborted", "StopCondition")
    assert run.status["message"].startswith(f"probe slo had no good sample for 1s: {met}")


async def test_an_alarm_that_rings_already_begins_nothing():
    run = Alarmed("ALARM")
    await drive(run.world, until=all_finished)
    assert run.status["stop"]["reason"] == "StopConditionUnsafe"
    assert "probe slo, which is not good now: alarm slo: burning" in run.status["message"]
    assert run.world.injections()["auroraFailover"] == 0


@pytest.mark.parametrize("failing_for", ["1s", "0s"])  # 0s: admitted before it was refused
async def test_an_alarm_that_is_quiet_changes_nothing(failing_for):
    run = Alarmed(stopWhen=[{"probe": "slo", "failingFor": failing_for}])
    await drive(run.world, until=all_finished)
    assert run.status["verdict"] == "Passed", run.status["message"]


SILENT = Unavailable("CloudWatch is silent")
DENIED = AccessDenied("not authorized to perform cloudwatch:DescribeAlarms")


@pytest.mark.parametrize(
    ("state", "met"),
    [
        (SILENT, "CloudWatch is silent"),
        (DENIED, "cloudwatch:DescribeAlarms"),
        ("INSUFFICIENT_DATA", "alarm slo has no data to judge by"),
    ],
)
async def test_an_alarm_that_nobody_can_read_any_more_undoes_the_fault(state, met):
    run = Alarmed()
    engine = Engine(run.world)
    for _ in range(60):
        await engine.tick()
        if run.world.runs() and run.status.get("phase") == "Holding":
            run.state = state
        if all_finished(run.world):
            break
        run.world.clock.advance(1.0)
    assert (run.status["verdict"], run.status["stop"]["reason"]) == ("Aborted", "StopCondition")
    # two samples of 5 s and a timeout of 5 s, though failingFor is 1s: the first is no answer
    assert "probe slo of stopWhen had no answer for 15" in run.status["message"]
    assert met in run.status["message"]


@pytest.mark.parametrize(
    ("state", "reason", "met"),
    [
        (
            Unavailable("it is silent"),
            "BaselineNotSteady",
            "probe slo of stopWhen was not seen yet",
        ),
        (Unavailable("it is silent"), "BaselineNotSteady", "it is silent"),
        (DENIED, "StopConditionUnsafe", "cloudwatch:DescribeAlarms"),
        ("INSUFFICIENT_DATA", "StopConditionUnsafe", "alarm slo has no data to judge by"),
        (None, "StopConditionUnsafe", "there is no alarm slo: create it"),
    ],
)
async def test_an_alarm_that_cannot_be_read_at_the_start_begins_nothing(state, reason, met):
    run = Alarmed(state)
    await drive(run.world, until=all_finished)
    assert run.status["stop"]["reason"] == reason
    assert met in run.status["message"]
    assert run.world.injections()["auroraFailover"] == 0


async def test_an_alarm_that_turns_bad_before_anything_is_broken_begins_nothing():
    run = Alarmed()
    engine = Engine(run.world)
    while (run.world.runs() or [{}])[0].get("status", {}).get("phase") != "Baseline":
        await engine.tick()
    run.state = "ALARM"
    run.world.clock.advance(1.0)
    engine.bury()
    await drive(run.world, until=all_finished)
    assert run.status["stop"]["reason"] == "BaselineNotSteady"
    assert "probe slo of stopWhen is bad already" in run.status["message"]


async def test_a_preview_says_that_a_stop_condition_would_never_hold():
    run = Alarmed(None, mode="Preview")
    await drive(run.world, until=all_finished)
    assert "there is no alarm slo" in run.status["preview"]["refusals"][0]


async def test_a_new_operator_asks_an_alarm_before_it_holds_the_silence_against_a_run():
    run = Alarmed()
    engine = Engine(run.world)
    for _ in range(60):
        await engine.tick()
        if run.world.runs() and run.status.get("phase") == "Holding":
            break
        run.world.clock.advance(1.0)
    engine.bury()
    run.world.clock.advance(16.0)  # longer than the silence that ends a run
    await drive(run.world, until=all_finished)
    assert "stop" not in run.status
    assert "nobody can say whether users noticed" in run.status["message"]  # and nothing else
