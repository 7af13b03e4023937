"""A query to Prometheus as a stop condition: held, or not answered, it ends a run and undoes it."""

import pytest

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import World, experiment
from tests.fakes.prometheus import (
    BAD_QUERY,
    NO_VALUE,
    NOT_PROMETHEUS,
    TOO_LONG,
    TOO_MUCH,
    FakePrometheus,
    scalar,
    success,
    vector,
)

HOST = "prometheus.cloudcafe:9090"
QUERY = 'sum(rate(refused{store="soho"}[1m]))'
SILENT = None
MATRIX = success("matrix", [{"metric": {}, "values": [[0, "0"]]}])
MET = [
    (vector("0.9"), "the query returned 0.9"),
    (vector("0.1", "0.2", "0.9"), "the query returned 0.9"),
    (vector("0.1", "NaN"), "the query returned nan"),
    (vector("+Inf"), "the query returned inf"),
    (vector("-Inf"), "the query returned -inf"),
    (vector("0.5"), "the query returned 0.5"),  # the bound itself is not below it
    (scalar("0.9"), "the query returned 0.9"),
    (scalar("NaN"), "the query returned nan"),
    (NO_VALUE, "the query returned no value"),
]
UNANSWERED = [
    (TOO_LONG, "Prometheus: 503 query timed out in expression evaluation"),
    (SILENT, "Prometheus: connection refused"),
    (NOT_PROMETHEUS, "does not speak as Prometheus"),
]
WRONG = [
    (BAD_QUERY, "Prometheus: 400 invalid parameter"),
    (TOO_MUCH, "Prometheus: 422 found duplicate series"),
    (MATRIX, "Prometheus: the query returns a matrix: ask for a vector or a scalar"),
]
QUIET = [vector("0.1"), vector("0.1", "0.499"), scalar("0"), vector("-3")]


class Watched:
    """A run of a fault that must be undone, with a query that is not measured."""

    def __init__(self, said=QUIET[0], **changes):
        self.world, self.prometheus = World(), FakePrometheus()
        self.before = self.world.table.state()
        item = experiment("dynamodbThrottle", stopWhen=[{"probe": "slo", "failingFor": "3s"}])
        item["spec"] |= changes
        query = {"url": f"http://{HOST}/", "query": QUERY, "below": 0.5}
        item["spec"]["steadyState"]["probes"].append(
            {"name": "slo", "every": "2s", "timeout": "2s", "measured": False, "prometheus": query}
        )
        item["spec"]["steps"][0]["hold"] = "30s"
        self.world.kubernetes.seed(item)
        self.say(said)

    def say(self, said):
        """Let Prometheus say this from now on; None: it is gone."""
        if said is SILENT:
            self.world.http.unmount(HOST)
        else:
            self.prometheus.says = said
            self.world.http.mount(HOST, self.prometheus)

    async def hear(self, said):
        """Drive the run until the fault is in force, then to its end with this answer."""
        engine, in_force = Engine(self.world), 0
        for _ in range(80):
            await engine.tick()
            if self.status.get("phase") == "Holding":
                in_force += 1
                self.say(said)
            if all_finished(self.world):
                break
            self.world.clock.advance(1.0)
        engine.bury()
        assert in_force
        return in_force

    @property
    def status(self):
        return (self.world.runs() or [{}])[0].get("status", {})

    @property
    def states(self):
        return [entry["state"] for entry in self.status.get("journal", [])]


async def begins_nothing(said, reason, *sentences):
    """Let Prometheus say this from the start; nothing may be injected, and the run says why."""
    run = Watched(said)
    await drive(run.world, until=all_finished)
    assert (run.status["verdict"], run.status["stop"]["reason"]) == ("Inconclusive", reason)
    for sentence in sentences:
        assert sentence in run.status["message"]
    assert run.world.injections()["dynamodbThrottle"] == 0


@pytest.mark.parametrize(("said", "met"), MET)
async def test_a_query_that_is_out_of_bounds_while_the_fault_is_in_force_undoes_it(said, met):
    run = Watched()
    held = await run.hear(said)
    assert (run.status["verdict"], run.status["stop"]["reason"]) == ("Aborted", "StopCondition")
    assert run.status["message"].startswith("probe slo had no good sample for ")
    assert run.status["message"].endswith(f": {met}")
    assert run.states == ["Reverted"]
    assert run.world.table.state() == run.before
    assert held < 10  # of the 30 s that were asked for
    assert set(run.prometheus.asked) == {QUERY}


@pytest.mark.parametrize(("said", "met"), [*UNANSWERED, *WRONG])
async def test_a_query_that_is_not_answered_any_more_undoes_the_fault(said, met):
    run = Watched()
    held = await run.hear(said)
    assert (run.status["verdict"], run.status["stop"]["reason"]) == ("Aborted", "StopCondition")
    # two samples of 2 s and a timeout of 2 s, though failingFor is 3s
    assert "probe slo of stopWhen had no answer for 6" in run.status["message"]
    assert met in run.status["message"]
    assert run.states == ["Reverted"]
    assert run.world.table.state() == run.before
    assert held < 12


@pytest.mark.parametrize("said", QUIET)
async def test_a_query_within_its_bounds_changes_nothing(said):
    run = Watched()
    assert await run.hear(said) >= 30
    assert run.status["verdict"] == "Passed", run.status["message"]


@pytest.mark.parametrize(("said", "met"), [*MET, *WRONG])
async def test_a_query_that_would_stop_the_run_at_once_begins_nothing(said, met):
    why = "stopWhen[] rests on probe slo, which is not good now"
    await begins_nothing(said, "StopConditionUnsafe", why, met)


@pytest.mark.parametrize(("said", "met"), UNANSWERED)
async def test_a_query_that_nobody_answers_at_the_start_begins_nothing(said, met):
    why = "probe slo of stopWhen was not seen yet"
    await begins_nothing(said, "BaselineNotSteady", why, met)


async def test_a_preview_says_that_the_query_would_stop_the_run():
    run = Watched(BAD_QUERY, mode="Preview")
    await drive(run.world, until=all_finished)
    assert "Prometheus: 400 invalid parameter" in run.status["preview"]["refusals"][0]


async def test_an_answer_that_comes_back_in_time_lets_the_run_go_on():
    run = Watched()
    engine, silent = Engine(run.world), 0
    for _ in range(80):
        await engine.tick()
        if run.status.get("phase") == "Holding":
            silent += 1
            run.say(SILENT if silent < 4 else vector("0.1"))
        if all_finished(run.world):
            break
        run.world.clock.advance(1.0)
    engine.bury()
    assert run.status["verdict"] == "Passed", run.status["message"]
