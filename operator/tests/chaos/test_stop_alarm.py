"""An alarm as a stop condition: it ends a run, and is no measure of recovery."""

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import World, experiment


class Alarmed:
    """A run with an alarm that is not measured."""

    def __init__(self, state="OK"):
        self.world, self.state = World(), state
        self.world.aws.on("cloudwatch", "describe_alarms", self._describe)
        item = experiment("auroraFailover", stopWhen=[{"probe": "slo", "failingFor": "1s"}])
        alarm = {"name": "slo", "every": "5s", "measured": False, "cloudwatch": {"alarm": "slo"}}
        item["spec"]["steadyState"]["probes"].append(alarm)
        item["spec"]["steps"][0]["hold"] = "20s"
        self.world.kubernetes.seed(item)

    def _describe(self, **_):
        return {"MetricAlarms": [{"StateValue": self.state, "StateReason": "burning"}]}

    @property
    def status(self):
        return self.world.runs()[0].get("status", {})


async def test_an_alarm_that_rings_while_the_fault_is_in_force_undoes_it():
    run = Alarmed()
    engine = Engine(run.world)
    for _ in range(60):
        await engine.tick()
        if run.world.runs() and run.status.get("phase") == "Holding":
            run.state = "ALARM"
        if all_finished(run.world):
            break
        run.world.clock.advance(1.0)
    assert (run.status["verdict"], run.status["stop"]["reason"]) == ("Aborted", "StopCondition")
    assert run.status["message"] == "probe slo had no good sample for 1s"


async def test_an_alarm_that_rings_already_begins_nothing():
    run = Alarmed("ALARM")
    await drive(run.world, until=all_finished)
    assert run.status["stop"]["reason"] == "BaselineNotSteady"
    assert "probe slo of stopWhen is bad already" in run.status["message"]
    assert run.world.injections()["auroraFailover"] == 0


async def test_an_alarm_that_is_quiet_changes_nothing():
    run = Alarmed()
    await drive(run.world, until=all_finished)
    assert run.status["verdict"] == "Passed", run.status["message"]
