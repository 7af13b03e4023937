"""`cafectl report`, `history`, `explain`: pages that cannot be broken into, figures that hold."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from cafectl.app import app
from cafectl.chaos import explain, look
from cafectl.chaos.history import compare, interval
from cafectl.chaos.junit import cases, junit
from cafectl.chaos.page import page
from cafectl.chaos.plot import timeline
from cafectl.chaos.view import read
from typer.testing import CliRunner

from cli.tests.made import FakeChaos, at, entry, experiment, run, step

EVIL = "\"'><script>alert(1)</script></style></svg><img src=x onerror=alert(1)>\x1b[2J\x00"
VOID = {"meta", "path", "rect", "circle", "br"}


class Strict(HTMLParser):
    """Fails where tags do not close in order; gathers tags and attributes."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes = [], set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def parsed(text):
    found = Strict()
    found.feed(text)
    assert found.open == []
    return found


@pytest.fixture
def chaos(monkeypatch, tmp_path):
    found = FakeChaos()
    monkeypatch.setattr(look, "ApiServer", lambda *_: found)
    monkeypatch.chdir(tmp_path)
    return found


def cafectl(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def with_recovery(number, seconds, *, verdict="Passed", asked=None):
    measures = {"recoveredAfter": seconds, "during": {"samples": 9, "failedPercent": 10.0}}
    name = f"aurora-failover-{number}"
    return read(
        run(name, asked=asked, minutes=number, verdict=verdict, steps=[step(measures=measures)])
    )


def test_report_writes_one_page_that_fetches_nothing(chaos, tmp_path):
    chaos.add(run())
    assert cafectl("report", "aurora-failover").stdout == "aurora-failover-1.html\n"
    text = (tmp_path / "aurora-failover-1.html").read_text()
    found = parsed(text)
    assert not found.tags & {"script", "link", "img", "iframe"}
    assert not found.attributes & {"src", "href", "onerror", "onload"}
    assert "url(http" not in text
    assert "@import" not in text
    for said in ("Passed", "users were served again after 3s", "cloudcafe-1", "+00:04.0"):
        assert said in text


def test_no_text_of_a_user_or_a_service_breaks_out_of_the_page():
    asked = experiment(hypothesis=EVIL)
    asked["spec"]["steps"][0]["name"] = EVIL
    asked["metadata"]["name"] = EVIL
    asked["spec"]["steadyState"]["probes"][0]["name"] = EVIL
    broken = run(
        EVIL,
        asked=asked,
        verdict=EVIL,
        message=EVIL,
        steps=[step(name=EVIL)],
        journal=[entry(fault=EVIL, state=EVIL, detail=EVIL, target={"id": EVIL, "name": EVIL})],
        probes=[{"name": EVIL, "samples": "1.00-2", "trouble": EVIL}],
        books=[{"probe": EVIL, "outcome": EVIL, "at": at(8), "message": EVIL}],
        stop={"reason": EVIL, "message": EVIL, "at": at(4)},
    )
    found = parsed(page(read(broken), compare([read(broken), read(broken)])))
    assert not found.tags & {"script", "img"}
    assert "onerror" not in found.attributes


def test_the_page_of_a_run_is_the_same_each_time():
    assert page(read(run())) == page(read(run()))


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Pending", "verdict": "", "startedAt": None, "steps": None, "journal": None},
        {"steps": [], "journal": [], "probes": [], "verdict": "Inconclusive"},
        {"phase": "Injecting", "journal": [entry(state="Injecting", injectedAt=None)]},
    ],
)
def test_a_run_that_did_not_come_far_has_a_page_too(status):
    parsed(page(read(run(**status))))


def test_a_probe_is_told_from_its_settings():
    asked = experiment()
    settings = {"measured": True, "tolerance": {"failedPercent": 1}}
    asked["spec"]["steadyState"]["probes"][0] = {**settings, "name": "books?", "cloudwatch": {}}
    assert read(run(asked=asked)).probes[0].kind == "cloudwatch"


def test_the_timeline_has_each_sample_and_each_mark_once():
    found = read(run())
    plot = timeline(found)
    shapes = {name: plot.count(shape) for name, shape in (("good", "h0"), ("late", "m0 -3.5"))}
    samples = [one for probe in found.probes for one in probe.samples]
    assert shapes["good"] == sum(one.good for one in samples)
    assert shapes["late"] == sum(one.result == "delayed" for one in samples)
    labels = re.findall(r'class="label [a-z]+"[^>]*>([^<]+)<', plot)
    assert sorted(labels) == ["injected", "noticed", "recovered", "undo begins"]


def test_a_run_of_two_hours_is_a_page_of_less_than_a_megabyte():
    samples = " ".join(f"{second}.25+{second % 300}" for second in range(1, 1801))
    probes = [{"name": f"p{number}", "every": "1s", "http": {"url": "http://menu"}}
              for number in range(10)]  # fmt: skip
    asked = experiment(steadyState={"probes": probes})
    logs = [{"name": one["name"], "samples": samples} for one in probes]
    assert len(page(read(run(asked=asked, probes=logs)))) < 1_000_000


def test_report_reads_a_file_without_a_cluster(chaos, tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(run()))
    found = json.loads(cafectl("report", "run.json", "--json").stdout)
    assert (found["verdict"], found["recoveredAfter"]) == ("Passed", 3.0)
    assert found["story"][0]["what"] == "Started"
    assert found["probes"][0]["samples"][3] == [4.0, "refused", 0]
    (tmp_path / "other.json").write_text("{}")
    assert "holds no ChaosRun" in cafectl("report", "other.json").stderr


def test_report_names_what_cannot_be_written(chaos):
    chaos.add(run())
    result = cafectl("report", "aurora-failover-1", "-o", "/proc/none/x.html")
    assert result.exit_code == 2
    assert "/proc/none/x.html cannot be written" in result.stderr


def test_junit_of_a_passed_run_is_green():
    suite = ET.fromstring(junit([read(run())])).find("testsuite")
    assert (suite.get("failures"), suite.get("errors"), suite.get("tests")) == ("0", "0", "3")


@pytest.mark.parametrize(
    ("verdict", "kind"), [("Failed", "failure"), ("Inconclusive", "error"), ("Aborted", "error")]
)
def test_junit_of_any_other_verdict_is_not_green(verdict, kind):
    suite = ET.fromstring(junit([read(run(verdict=verdict, message=EVIL))])).find("testsuite")
    (found,) = suite.findall(f"testcase/{kind}")
    assert found.get("message").startswith(f"{verdict}: ")


def test_junit_of_a_slow_recovery_names_step_and_objective():
    slow = step(measures={"recoveredAfter": 61.0})
    (found, *_) = cases(read(run(verdict="Failed", steps=[slow])))
    assert found.name == "step fail-over recovers within 60s"
    assert (found.outcome, found.message) == ("failure", "took 1 m 1 s, the objective was 60s")


def test_junit_of_what_is_still_in_force_is_a_failure():
    stuck = entry(state="Injected", trouble="by hand: aws …")
    assert any(one.message == "by hand: aws …" for one in cases(read(run(journal=[stuck]))))


def test_three_repeats_give_an_interval_and_two_do_not():
    assert interval([3.0, 3.5]) is None
    found = interval([3.0, 3.5, 4.0])
    assert (found.mean, round(found.low, 2), round(found.high, 2)) == (3.5, 2.26, 4.74)


def test_a_slower_last_run_is_a_regression_once_there_are_enough():
    steady = [with_recovery(number, 3.0 + number / 10) for number in range(1, 5)]
    (said,) = compare([*steady, with_recovery(9, 9.0)]).regressions
    assert said.startswith("recovery 9 s, of 4 earlier runs the mean was 3.2 s")
    assert compare([*steady, with_recovery(9, 3.5)]).regressions == ()
    assert compare([*steady[:2], with_recovery(9, 9.0)]).regressions == ()


def test_failing_where_the_last_one_passed_is_a_regression_at_once():
    failed = with_recovery(2, None, verdict="Failed")
    assert "aurora-failover-2 failed and" in compare([with_recovery(1, 3.0), failed]).regressions[0]


def test_runs_that_asked_something_else_are_not_compared():
    other = experiment(steadyState={"probes": [{"name": "x", "http": {"url": "http://menu"}}]})
    runs = [*(with_recovery(number, 1.0, asked=other) for number in range(1, 6))]
    found = compare([*runs, with_recovery(9, 9.0)])
    assert found.regressions == ()
    assert found.remark.startswith("5 runs asked something else")


def test_history_ends_with_1_on_a_regression(chaos):
    for number in range(1, 6):
        measures = {"recoveredAfter": 9.0 if number == 5 else 3.0}
        name = f"aurora-failover-{number}"
        chaos.add(run(name, minutes=number, steps=[step(measures=measures)]))
    result = cafectl("history", "aurora-failover")
    assert result.exit_code == 1
    assert "Regression: recovery 9 s" in result.stdout
    assert json.loads(cafectl("history", "aurora-failover", "--json").stdout)["regressions"]


def test_explain_tells_all_of_a_fault():
    text = cafectl("explain", "dynamodbThrottle").stdout
    for said in ("readUnits", "(default 1)", "Undo: what was captured is restored",
                 "dynamodb:UpdateTable", "cafectl preview 04-dynamodb-throttle"):  # fmt: skip
        assert said in text


def test_explain_lists_what_there_is_and_explains_each():
    assert "auroraFailover" in cafectl("explain").stdout
    catalogue = explain.catalogue()
    names = [*catalogue["faults"], *catalogue["reasons"], *explain.REASONS]
    names += catalogue["storeReasons"]
    assert all(explain.explain(name) for name in [*names, *explain.VERDICTS])


def test_explain_knows_the_reasons_that_stores_show():
    text = cafectl("explain", "OwnedBySomeoneElse").stdout
    assert "a resource of that name belongs to someone else" in text
    assert "What to do: rename the store" in text


def test_explain_says_why_a_run_ended_as_it_did_and_what_to_do(chaos):
    stop = {"reason": "BaselineNotSteady", "message": "probe coffee failed", "at": at(3)}
    chaos.add(run(verdict="Inconclusive", message="probe coffee failed", stop=stop, journal=[]))
    text = cafectl("explain", "aurora-failover-1").stdout
    assert "BaselineNotSteady: A probe failed before anything was broken." in text
    assert "Repair what the probe met first" in text


@pytest.mark.parametrize(
    ("in_force", "noticed", "remedy"),
    [
        (at(3.5), None, "hold for longer than the probes need to notice"),
        (None, None, "hold for longer than the effect needs"),
        (None, 1.0, "hold for longer than the effect needs"),
    ],
)
def test_a_run_in_doubt_is_told_what_would_end_the_doubt(in_force, noticed, remedy):
    doubtful = run(
        verdict="Inconclusive",
        journal=[entry(inForceAt=in_force)],
        steps=[step(measures={"noticedAfter": noticed})],
    )
    assert remedy in explain.remedy(read(doubtful))
