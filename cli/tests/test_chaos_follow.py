"""`cafectl run`, `watch`, `halt`: what is started, followed through trouble, and how it ends."""

import io
from datetime import timedelta
from functools import partial

import pytest
import yaml
from cafectl import catalogue
from cafectl.app import app
from cafectl.chaos import commands
from cafectl.chaos.approval import APPROVED
from cafectl.chaos.cluster import Refused, Unreachable
from cafectl.chaos.follow import Sight, follow
from cafectl.chaos.screen import picture
from cafectl.chaos.start import AGAIN, experiment_from
from cafectl.chaos.story import story
from cafectl.chaos.view import read
from cafectl.terminal import Terminal
from cloudcafe_operator.planning.starts import starts
from typer.testing import CliRunner

from cli.tests.made import BEGAN, FakeChaos, FakeClock, at, entry, experiment, run, step

UNBEGUN = {"phase": "Pending", "verdict": "", "message": "", "startedAt": None, "finishedAt": None}
HOLDING = {
    "phase": "Holding",
    "verdict": "",
    "message": "",
    "finishedAt": None,
    "steps": [{"name": "fail-over", "injectedAt": at(3), "holdUntil": at(7)}],
    "journal": [entry(state="Injected", undoneAt=None, healthyAt=None)],
}


@pytest.fixture
def chaos(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # no scenarios here
    found = FakeChaos()

    def connect(namespace, operator_namespace="cloudcafe"):
        found.namespace, found.operator_namespace = namespace, operator_namespace
        return found

    monkeypatch.setattr(commands, "ApiServer", connect)
    return found


@pytest.fixture
def clock(monkeypatch):
    found = FakeClock()
    monkeypatch.setattr(commands, "clock", found)
    return found


def cafectl(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def written(folder, item):
    """Return the file of an experiment."""
    path = folder / "try.yaml"
    path.write_text(yaml.safe_dump(item))
    return path


def in_namespace(namespace, item):
    item["metadata"]["namespace"] = namespace
    return item


def interrupt():
    raise KeyboardInterrupt


def begins(chaos, **status):
    """Let the operator make a run of each experiment that is written."""

    def operate(item):
        number = 1 + len(chaos.items("chaosruns"))
        chaos.add(run(f"{item['metadata']['name']}-{number}", asked=item, **status))

    chaos.operator = operate


@pytest.mark.parametrize(
    ("verdict", "code"), [("Passed", 0), ("Failed", 1), ("Inconclusive", 3), ("Aborted", 4)]
)
def test_run_ends_with_the_code_of_the_verdict(chaos, clock, tmp_path, verdict, code):
    begins(chaos, verdict=verdict)
    result = cafectl("run", written(tmp_path, experiment()))
    assert result.exit_code == code
    assert f"{verdict} " in result.stdout


def test_run_prints_the_story_as_lines_where_there_is_no_terminal(chaos, clock):
    chaos.add(experiment())
    begins(chaos)
    lines = cafectl("run", "aurora-failover").stdout.splitlines()
    assert [line.split()[1] for line in lines] == [
        "Started",
        "Injecting",
        "InForce",
        "Noticed",
        "WholeAgain",
        "Undoing",
        "Reverted",
        "Recovered",
        "Passed",
    ]
    assert lines[3].startswith("+00:04.0 Noticed        after 1 s by coffee, refused")


def test_that_users_notice_is_told_while_the_fault_is_in_force():
    from_the_samples = [one.text for one in story(read(run(**HOLDING))) if one.word == "Noticed"]
    assert from_the_samples == ["after 1 s by coffee, refused"]


def test_of_a_step_that_is_over_only_what_was_measured_is_told():
    over = step(measures={"noticedAfter": None})
    assert "Noticed" not in [one.word for one in story(read(run(steps=[over])))]


@pytest.mark.parametrize(("asked", "counted"), [(True, "the injection"), (False, "the undo")])
def test_it_is_said_from_when_a_recovery_was_counted(asked, counted):
    made = experiment()
    made["spec"]["steps"][0]["recovery"]["whileInForce"] = asked
    over = read(run(asked=made, steps=[step(momentary=False)]))
    (told,) = [one for one in story(over) if one.word == "Recovered"]
    assert told.text == f"3s after {counted}; users are served".replace("3s", "3 s")


def test_what_a_probe_tolerates_is_not_told_as_noticed():
    asked = experiment()
    asked["spec"]["steadyState"]["probes"][0]["tolerance"] = {"failedPercent": 20}
    under_way = [one.word for one in story(read(run(asked=asked, **HOLDING)))]
    assert "Noticed" not in under_way
    over = run(asked=asked, steps=[step(measures={"noticedAfter": 2.0})])
    assert [one.text for one in story(read(over)) if one.word == "Noticed"] == [
        "after 2 s by coffee, delayed"
    ]


def test_an_experiment_that_ran_is_run_once_more_by_an_annotation(chaos, clock):
    first = experiment()
    chaos.add(first)
    chaos.add(run("aurora-failover-1", asked=chaos.get("chaosexperiments", "aurora-failover")))
    begins(chaos)
    assert cafectl("run", "aurora-failover", "--no-wait").stdout == "aurora-failover-2\n"
    written = chaos.get("chaosexperiments", "aurora-failover")
    assert written["metadata"]["annotations"][AGAIN]
    assert written["spec"] == first["spec"]


def test_run_refuses_while_the_last_one_is_under_way(chaos, clock):
    chaos.add(experiment(), run(**HOLDING))
    result = cafectl("run", "aurora-failover")
    assert result.exit_code == 2
    assert "is running already: cafectl watch aurora-failover-1" in result.stderr
    assert chaos.writes == []


def test_run_says_why_an_experiment_does_not_begin(chaos, clock):
    item = experiment()
    taken = {"type": "Ready", "status": "False", "reason": "NameTaken", "message": "it is there"}
    item["status"] = {"conditions": [taken]}
    chaos.add(item)
    result = cafectl("run", "aurora-failover")
    assert result.exit_code == 2
    assert "does not begin: it is there" in result.stderr


def test_run_gives_up_where_no_operator_answers(chaos, clock, tmp_path):
    result = cafectl("run", written(tmp_path, experiment()))
    assert result.exit_code == 2
    assert "did not begin within 30 s: is the operator there" in result.stderr
    assert clock.passed >= 30


def test_what_did_not_begin_is_not_left_to_begin_unwatched(chaos, clock, tmp_path):
    path = written(tmp_path, experiment())
    assert "it was removed again" in cafectl("run", path).stderr
    assert chaos.objects == {}
    clock.happens = [interrupt]
    assert "left before it began; it was removed again" in cafectl("run", path).stderr
    assert chaos.objects == {}


@pytest.mark.parametrize("wish", [{}, {AGAIN: "an-earlier-one"}])
def test_an_experiment_that_was_there_is_again_as_it_was(chaos, clock, tmp_path, wish):
    item = experiment()
    item["metadata"]["annotations"] = {"team": "a", **wish}
    chaos.add(item)
    path = written(tmp_path, experiment(seed=7))
    assert "it is again as it was" in cafectl("run", path).stderr
    found = chaos.objects["chaosexperiments", "aurora-failover"]
    assert found["metadata"]["annotations"] == {"team": "a", **wish}
    assert found["spec"] == item["spec"]


def test_what_somebody_else_wrote_meanwhile_is_kept(chaos, clock, tmp_path):
    chaos.add(experiment())
    theirs = experiment(seed=9)["spec"]
    clock.happens = [
        lambda: chaos.objects["chaosexperiments", "aurora-failover"].update(spec=theirs)
    ]
    cafectl("run", written(tmp_path, experiment(seed=7)))
    found = chaos.objects["chaosexperiments", "aurora-failover"]
    assert found["spec"] == theirs
    assert AGAIN not in found["metadata"]["annotations"]


def test_where_it_cannot_be_taken_back_the_command_that_does_is_told(chaos, clock, tmp_path):
    chaos.add(experiment())
    clock.happens = [lambda: setattr(chaos, "unreachable", 100)]
    result = cafectl("run", "aurora-failover")
    assert result.exit_code == 2
    assert "it may still begin" in result.stderr
    assert "kubectl -n cloudcafe delete chaosexperiment aurora-failover" in result.stderr


def test_a_new_experiment_with_a_schedule_is_run_now_as_well(chaos, clock, tmp_path):
    begins(chaos)
    path = written(tmp_path, experiment(schedule={"cron": "0 3 * * *"}))
    assert cafectl("run", path).exit_code == 0
    item = chaos.objects["chaosexperiments", "aurora-failover"]
    item["metadata"]["creationTimestamp"] = at(0)
    assert starts(item, [], [], BEGAN + timedelta(seconds=1)).start is not None


def test_a_paused_file_is_refused_before_it_is_written(chaos, clock, tmp_path):
    result = cafectl("run", written(tmp_path, experiment(paused=True)))
    assert "is paused: set spec.paused to false first" in result.stderr
    assert chaos.objects == {}


@pytest.mark.parametrize("command", ["run", "preview"])
def test_a_file_of_another_namespace_breaks_nothing_in_this_one(chaos, clock, tmp_path, command):
    path = written(tmp_path, in_namespace("team-a", experiment()))
    result = cafectl(command, path)
    assert result.exit_code == 2
    assert "is of namespace team-a, not of cloudcafe: add -n team-a" in result.stderr
    assert chaos.writes == []
    begins(chaos)
    assert cafectl("run", path, "-n", "team-a").exit_code == 0


def test_run_knows_no_such_experiment(chaos, clock):
    result = cafectl("run", "tea-failover")
    assert result.exit_code == 2
    assert "no experiment in namespace cloudcafe" in result.stderr


def test_a_scenario_does_not_overwrite_the_clusters_experiment_of_its_name(chaos, clock, tmp_path):
    folder = tmp_path / "chaos/experiments"
    folder.mkdir(parents=True)
    (folder / "03-aurora-failover.yaml").write_text(yaml.safe_dump(experiment(seed=7)))
    chaos.add(experiment())
    begins(chaos)
    assert cafectl("run", "aurora-failover").exit_code == 0
    assert "seed" not in chaos.writes[-1][2]
    assert cafectl("run", "03").exit_code == 0
    assert chaos.writes[-1][2]["seed"] == 7


def test_a_scenario_is_found_by_number_and_by_name(tmp_path):
    (tmp_path / "03-aurora-failover.yaml").write_text(yaml.safe_dump(experiment()))
    for what in ("03", "aurora-failover", "03-aurora-failover"):
        assert experiment_from(what, [tmp_path])["metadata"]["name"] == "aurora-failover"
    assert experiment_from("13", [tmp_path]) is None


def test_half_a_name_is_no_scenario(tmp_path):
    (tmp_path / "master-chaos.yaml").write_text(yaml.safe_dump(experiment("master-chaos")))
    assert experiment_from("master-chaos", [tmp_path])["metadata"]["name"] == "master-chaos"
    assert experiment_from("chaos", [tmp_path]) is None
    assert experiment_from("master", [tmp_path]) is None


def test_while_a_kind_moves_files_of_both_versions_are_taken_and_the_stored_one_is_written(
    chaos, clock, monkeypatch, tmp_path
):
    served = {"versions": {"chaosexperiments": ["v1beta1", "v1alpha1"]}}
    monkeypatch.setattr(catalogue, "catalogue", lambda: served)
    path = tmp_path / "x.yaml"
    for version in ("v1alpha1", "v1beta1"):
        path.write_text(yaml.safe_dump(experiment() | {"apiVersion": f"cloudcafe.dev/{version}"}))
        assert experiment_from(str(path))
    path.write_text(yaml.safe_dump(experiment()))
    begins(chaos)
    cafectl("run", path)
    made = chaos.objects["chaosexperiments", "aurora-failover"]
    assert made["apiVersion"] == "cloudcafe.dev/v1beta1"
    path.write_text(yaml.safe_dump(experiment() | {"apiVersion": "cloudcafe.dev/v2"}))
    with pytest.raises(Refused, match=r"is no ChaosExperiment of cloudcafe\.dev/v1beta1"):
        experiment_from(str(path))


def test_a_file_that_is_no_experiment_is_refused(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("kind: Pod\napiVersion: v1\nmetadata: {name: x}\nspec: {}\n")
    with pytest.raises(Refused, match="is no ChaosExperiment"):
        experiment_from(str(path))
    path.write_text("a: [")
    with pytest.raises(Refused, match="is no YAML"):
        experiment_from(str(path))
    path.write_text("a: 1\n---\nb: 1\n")
    with pytest.raises(Refused, match="holds 2 documents"):
        experiment_from(str(path))


def test_watch_sits_out_a_lost_connection_and_misses_nothing(chaos, clock):
    chaos.add(run(**HOLDING))

    def lose():
        chaos.unreachable = 3
        chaos.objects["chaosruns", "aurora-failover-1"] = run()

    clock.happens = [lambda: None, lose]
    result = cafectl("watch", "aurora-failover-1")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    lost = lines.index("the API server does not answer (MaxRetryError); trying again")
    assert lines[lost + 1] == "the API server answers again"
    assert any(" Reverted " in line for line in lines[lost:])
    assert len(lines) == len(set(lines))


def test_watch_gives_up_when_nobody_answers_for_long(chaos, clock):
    chaos.add(run(**HOLDING))
    clock.happens = [lambda: setattr(chaos, "unreachable", 1000)]
    with pytest.raises(Unreachable):
        follow(chaos, "aurora-failover-1", clock=clock, tell=lambda _: None)
    assert clock.passed > 300


def test_watch_takes_the_latest_run_of_an_experiment(chaos, clock):
    chaos.add(run("aurora-failover-1"), run("aurora-failover-2", minutes=5, verdict="Failed"))
    assert cafectl("watch", "aurora-failover").exit_code == 1


def test_watch_says_when_the_run_is_deleted_meanwhile(chaos, clock):
    chaos.add(run(**HOLDING))
    clock.happens = [lambda: chaos.delete("chaosruns", "aurora-failover-1")]
    result = cafectl("watch", "aurora-failover-1")
    assert result.exit_code == 2
    assert "was deleted while it was watched" in result.stderr


def test_leaving_a_watch_does_not_stop_the_run_and_says_how_to(chaos, clock):
    chaos.add(run(**HOLDING))
    clock.happens = [interrupt]
    result = cafectl("watch", "aurora-failover-1")
    assert result.exit_code == 130
    assert "kubectl -n cloudcafe delete chaosrun aurora-failover-1" in result.stderr
    assert chaos.writes == []


def test_what_a_service_answered_cannot_steer_the_terminal(chaos, clock):
    stop = {"reason": "StopCondition", "message": "\x1b[2Jgone [red]x[/]", "at": at(5)}
    chaos.add(run(stop=stop, message="\x1b[2Jgone"))
    result = cafectl("watch", "aurora-failover-1")
    assert "\x1b" not in result.stdout
    assert "[red]x[/]" in result.stdout


def test_halt_waits_until_all_is_undone(chaos, clock):
    chaos.add(run(**HOLDING))
    clock.happens = [lambda: None, lambda: chaos.finish("aurora-failover-1", phase="Finished")]
    result = cafectl("halt", "--reason", "real trouble")
    assert result.exit_code == 0
    assert chaos.halted == {"halted": "true", "reason": "real trouble"}
    assert "nothing is in force" in result.stdout


def test_halt_tells_what_cannot_be_undone_in_time(chaos, clock):
    chaos.add(run(**HOLDING | {"journal": [entry(state="Injected", trouble="by hand: aws …")]}))
    result = cafectl("halt", "--within", "5s")
    assert result.exit_code == 1
    assert "aurora-failover-1 is not undone yet (Holding) by hand: aws …" in result.stdout


def test_halt_pulls_the_lever_of_the_operator_whatever_namespace_the_experiments_have(chaos, clock):
    assert cafectl("halt", "-n", "team-a").exit_code == 0
    assert chaos.operator_namespace == "cloudcafe"
    assert cafectl("resume", "-n", "team-a").stdout == "runs may begin again\n"


def test_halt_waits_for_the_runs_of_all_namespaces(chaos, clock):
    chaos.elsewhere = [in_namespace("team-b", run("cut-1", **HOLDING))]
    result = cafectl("halt", "-n", "team-a", "--within", "5s")
    assert result.exit_code == 1
    assert "team-b/cut-1 is not undone yet (Holding)" in result.stdout
    chaos.elsewhere = []
    assert "nothing is in force in any namespace" in cafectl("halt").stdout


def test_halt_says_what_it_may_not_see(chaos, clock):
    chaos.forbidden = "ada cannot do this at the cluster scope"
    chaos.elsewhere = [in_namespace("team-b", run("cut-1", **HOLDING))]
    result = cafectl("halt", "-n", "team-a")
    assert chaos.halted["halted"] == "true"
    said = result.stdout.splitlines()
    assert f"only if the operator is in namespace cloudcafe: {chaos.forbidden}" in said
    assert "nothing is in force in namespace team-a" in said
    assert f"runs of other namespaces were not looked at: {chaos.forbidden}" in said


@pytest.mark.parametrize("command", ["halt", "resume"])
def test_a_lever_that_no_operator_reads_is_not_pulled(chaos, clock, command):
    chaos.halted = {"halted": "true", "reason": "earlier"}
    result = cafectl(command, "--operator-namespace", "cloudcaffe")
    assert result.exit_code == 2
    assert "namespace cloudcaffe has no operator" in " ".join(result.stderr.split())
    assert chaos.halted == {"halted": "true", "reason": "earlier"}


@pytest.mark.parametrize("words", ["300", "90 sec", "forever", "1.5m", ""])
def test_what_is_no_duration_is_refused_before_the_lever_is_pulled(chaos, clock, words):
    result = cafectl("halt", "--within", words)
    assert result.exit_code == 2
    assert "is no duration" in result.stderr
    assert chaos.halted is None


def test_resume_lifts_the_halt(chaos, clock):
    chaos.halted = {"halted": "true"}
    assert cafectl("resume").stdout == "runs may begin again\n"
    assert chaos.halted == {"halted": "false"}
    assert cafectl("resume").stdout == "nothing was halted\n"


def test_approve_agrees_to_the_step_that_waits_and_keeps_earlier_yeses_of_the_run(chaos, clock):
    item = experiment()
    item["metadata"]["annotations"] = {APPROVED: "aurora-failover-1/first,old-1/fail-over"}
    waiting = step(approvalAskedAt=at(2), injectedAt=None, recoveredAt=None, measures={})
    chaos.add(item, run(**HOLDING | {"phase": "Approving", "steps": [waiting], "journal": []}))
    assert "step fail-over of aurora-failover-1" in cafectl("approve", "aurora-failover").stdout
    annotations = chaos.get("chaosexperiments", "aurora-failover")["metadata"]["annotations"]
    assert annotations == {APPROVED: "aurora-failover-1/first,aurora-failover-1/fail-over"}


def test_approve_refuses_where_nothing_waits(chaos, clock):
    chaos.add(experiment(), run())
    result = cafectl("approve", "aurora-failover")
    assert result.exit_code == 2
    assert "waits for no approval: it is Finished" in result.stderr


def test_a_terminal_shows_a_picture_that_names_what_is_in_force():
    sight = Sight(read(run(**HOLDING)), BEGAN + timedelta(seconds=5.5))
    console = Terminal(width=100, record=True, file=io.StringIO())
    console.print(picture(sight, 100))
    text = console.export_text()
    for said in ("Holding", "in force 2 s", "undo in 1.5 s", "auroraFailover", "▼", "12 ms"):
        assert said in text


def test_preview_shows_targets_and_calls_and_leaves_nothing_behind(chaos, clock):
    target = {
        "step": "fail-over",
        "fault": "auroraFailover",
        "target": "arn:aws:rds:cluster:cloudcafe",
        "capacityLeft": "1 of 2",
        "calls": ["rds:FailoverDBCluster cloudcafe"],
    }
    share = {"step": "fail-over", "of": "service shop/order", "left": "2 of 3"}
    told = {"targets": [target], "capacity": [share], "byChance": True}
    told["iamActions"] = ["rds:FailoverDBCluster"]
    begins(chaos, verdict="", preview=told, journal=[], steps=[])
    chaos.add(experiment(schedule={"cron": "0 9 * * 1"}))
    result = cafectl("preview", "aurora-failover")
    assert result.exit_code == 0
    assert "rds:FailoverDBCluster cloudcafe" in result.stdout
    assert "step fail-over: left of service shop/order: 2 of 3" in result.stdout
    assert "A run would hit 1 target. Nothing was touched." in result.stdout
    assert "which, is chance: give spec.seed" in " ".join(result.stdout.split())
    (created, deleted) = chaos.writes
    assert created[2]["mode"] == "Preview"
    assert "schedule" not in created[2]
    assert deleted[:2] == ("delete", created[1])
    assert ("chaosexperiments", "aurora-failover") in chaos.objects


def test_preview_of_what_would_be_refused_ends_with_1(chaos, clock):
    told = {"targets": [], "refusals": ["the selector matches nothing"]}
    begins(chaos, verdict="", preview=told, journal=[], steps=[])
    chaos.add(experiment(mode="Run"))
    result = cafectl("preview", "aurora-failover")
    assert result.exit_code == 1
    assert "refused: the selector matches nothing" in result.stdout


def test_help_has_its_commands_in_groups():
    text = cafectl("--help").stdout
    groups = ["Break something", "Stop it", "What it did", "Buy coffee", "The books"]
    places = [text.index(group) for group in groups]
    assert places == sorted(places)
    assert "Exit codes: 0 Passed" in text


def test_all_repetitions_are_followed_and_the_first_bad_one_gives_the_code(chaos, clock, tmp_path):
    path, junit = tmp_path / "three.yaml", tmp_path / "junit.xml"
    path.write_text(yaml.safe_dump(experiment(repeat=3)))
    verdicts = iter(["Passed", "Failed", "Passed"])

    def begin(number):
        asked = chaos.get("chaosexperiments", "aurora-failover")
        made = run(f"three-{number}", asked=asked, verdict=next(verdicts))
        made["spec"]["repetition"] = number
        chaos.add(made)

    clock.happens = [partial(begin, number) for number in (1, 2, 3)]
    result = cafectl("run", path, "--junit", junit)
    assert result.exit_code == 1
    assert "three-2: repetition 2" in result.stdout
    assert "Recovery of 3 comparable runs: 3 s on average" in result.stdout
    assert junit.read_text().count("<testsuite ") == 3


def test_what_was_not_judged_is_not_waited_for_again(chaos, clock, tmp_path):
    path = tmp_path / "three.yaml"
    path.write_text(yaml.safe_dump(experiment(repeat=3)))
    begins(chaos, verdict="Inconclusive")
    assert cafectl("run", path).exit_code == 3
