"""What users name and services answer steers nothing: no terminal, no page, no XML, no pipeline."""

import io
import json
import string
import unicodedata
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import cafectl
import pytest
from cafectl import app, audit_command, fleet, runs
from cafectl.chaos import commands, errors, look
from cafectl.chaos.explain import verdict
from cafectl.chaos.follow import Sight
from cafectl.chaos.history import compare
from cafectl.chaos.junit import junit
from cafectl.chaos.page import page
from cafectl.chaos.preview import shown
from cafectl.chaos.screen import picture
from cafectl.chaos.story import story
from cafectl.chaos.view import read
from cafectl.fleet_table import Fleet, screen
from cafectl.plain import LEFT_ALONE, STEERING, line, printable, printable_all
from cafectl.terminal import Rows, Terminal, print_whole
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.tests.made import BEGAN, FakeChaos, FakeClock, at, entry, experiment, run, step

#: Clears the screen, sets the title, links, rings, and shows what follows from right to left.
ESCAPES = (
    "\x1b[2J\x1b]0;owned\x07\x1b]8;;http://evil\x1b\\\x9b1m\r\b\x7f\u202e\u2066\u200b\U000e0041"
)
MARKUP = "[red]x[/red][link=http://evil]y[/link][/] :skull:"
FORGED = "fine\n+00:09.0 Passed         all is well\u2028next"
EVIL = f"{ESCAPES}{MARKUP}{FORGED}</script><img src=x>\ufffe\x00"
TEXTS = st.text(st.characters(codec=None, exclude_categories=())) | st.sampled_from(
    [ESCAPES, MARKUP, FORGED, EVIL, "\ud800", "]]>"]
)
FEW = settings(max_examples=20)


def steers(text, *, lines=1):
    """Return what in a text is more than words on so many lines."""
    bad = {one for one in text if unicodedata.category(one) in STEERING and one not in LEFT_ALONE}
    return sorted(bad) + ["a line"] * (text.rstrip("\n").count("\n") + 1 - lines)


def any_lines(text):
    """Return what in a text is more than words and ends of lines."""
    return steers(text, lines=text.rstrip("\n").count("\n") + 1)


def printed(*parts, terminal=True):
    """Return what comes out, but for rich's own styles."""
    out = io.StringIO()
    console = Terminal(file=out, width=4000, force_terminal=terminal)
    for part in parts:
        console.print(part, soft_wrap=True)
    return without_styles(out.getvalue())


def without_styles(text):
    """Take out ESC [ numbers m, and nothing else."""
    head, *rest = text.split("\x1b[")
    kept = [head]
    for part in rest:
        numbers, mark, after = part.partition("m")
        styled = mark and not numbers.strip(string.digits + ";")
        kept.append(after if styled else f"\x1b[{part}")
    return "".join(kept)


def hostile(text=EVIL, **status):
    """Return a run in which all that a user or a service can word is this text."""
    asked = experiment(hypothesis=text)
    asked["spec"]["steadyState"]["probes"][0]["name"] = text
    asked["spec"]["steps"][0]["name"] = text
    asked["spec"]["steps"][0]["faults"] = [{text: {text: text}}]
    asked["spec"]["steps"][0]["approval"] = {"message": text}
    target = {"step": text, "fault": text, "target": text, "group": text, "capacityLeft": text,
              "calls": [text], "refused": text}  # fmt: skip
    share = {"step": text, "of": text, "left": text}
    return run(
        asked=asked,
        **{
            "verdict": "Aborted",
            "message": text,
            "steps": [step(name=text, approvalAskedAt=at(2), approvedAt=at(2.5))],
            "journal": [
                entry(fault=text, detail=text, trouble=text, state="Diverged",
                      captured={text: text}, target={"id": text, "name": text, "group": text})
            ],
            "probes": [{"name": text, "samples": "1.00+2 4.00-2", "trouble": text}],
            "books": [{"probe": text, "outcome": "Damaged", "at": at(8), "message": text}],
            "stop": {"reason": text, "message": text, "at": at(4)},
            "conditions": [
                {"type": "UndoBlocked", "status": "True", "reason": text, "message": text}
            ],
            "preview": {"targets": [target], "capacity": [share], "refusals": [text],
                        "iamActions": [text], "rbac": [text]},
            **status,
        },
    )  # fmt: skip


@given(TEXTS)
def test_a_printable_text_has_words_lines_and_tabs_only(text):
    assert not any_lines(printable(text))
    assert not steers(line(text))
    assert "\t" not in line(text)


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"])))
def test_words_of_all_languages_stay_as_they_are(text):
    assert printable(text) == text == line(text)


def test_the_joiners_that_words_and_emoji_need_stay():
    for text in ("\u0646\u0645\u06cc\u200c\u062e\u0648", "👩\u200d🍳"):
        assert line(text) == text


def test_a_command_to_copy_stays_what_it_is():
    command = """aws sqs set-queue-attributes --attributes '{"Policy": "a  b"}' ; true"""
    assert line(f"  not yet:\n\n\t{command}\n") == f"not yet: {command}"


def test_names_of_fields_are_texts_too():
    assert printable_all({"\x1b": ["\x1b", {"\x07": 1}], 2: None}) == {
        "�": ["�", {"�": 1}],
        2: None,
    }


@pytest.mark.parametrize("terminal", [True, False])
@given(text=TEXTS)
def test_whatever_is_printed_steers_no_terminal(terminal, text):
    out = printed(text, terminal=terminal)
    assert not any_lines(out)


def test_words_in_brackets_are_words():
    assert MARKUP in printed(MARKUP)
    table = Rows("Name", "Why")
    table.add_row(MARKUP, MARKUP)
    assert printed(table).count(MARKUP) == 2


@FEW
@given(TEXTS)
def test_a_cell_makes_up_no_row(text):
    out = io.StringIO()
    table = Rows("Name", box=None)
    table.add_row(text)
    print_whole(Terminal(file=out, width=20), table)
    assert not steers(out.getvalue(), lines=2)


@FEW
@given(TEXTS)
def test_the_story_has_one_line_for_each_sentence(text):
    for one in story(read(hostile(text))):
        assert not steers(one.word) + steers(one.text)


@pytest.mark.parametrize("phase", ["Finished", "Holding", "Approving"])
@pytest.mark.parametrize("text", [ESCAPES, MARKUP, FORGED, EVIL])
def test_the_live_picture_is_as_high_whatever_things_are_called(phase, text):
    unbegun = {"injectedAt": None, "recoveredAt": None} if phase == "Approving" else {}
    heights = []
    for said in (text, "plain"):
        changes = {"phase": phase, "steps": [step(name=said, approvalAskedAt=at(2), **unbegun)]}
        sight = Sight(read(hostile(said, **changes)), BEGAN, said)
        out = io.StringIO()
        Terminal(file=out, width=2000, force_terminal=True).print(picture(sight, 2000))
        shown_text = without_styles(out.getvalue())
        heights.append(shown_text.count("\n"))
        assert not steers(shown_text, lines=heights[-1])
    assert heights[0] == heights[1]


@FEW
@given(TEXTS)
def test_a_preview_shows_each_thing_on_its_line(text):
    ours = printed(*shown(read(hostile(text)))).count("\n")
    assert ours <= printed(*shown(read(hostile("plain")))).count("\n")


@FEW
@given(TEXTS)
def test_a_verdict_is_explained_in_lines(text):
    found = verdict(read(hostile(text)))
    assert len(found) <= len(verdict(read(hostile("plain"))))
    assert not [one for one in found if steers(one)]


@FEW
@given(TEXTS)
def test_junit_is_xml_1_0_whatever_things_are_called(text):
    root = ET.fromstring(junit([read(hostile(text))]).encode())
    (suite,) = root
    texts = [*suite.itertext(), *(value for one in suite.iter() for value in one.attrib.values())]
    assert not [one for one in texts if any_lines(one)]
    told = [one for one in suite.findtext("system-out").splitlines() if one]
    assert len(told) == len(story(read(hostile(text))))


def test_junit_names_the_encoding_it_is_written_in(monkeypatch):
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "latin-1")
    assert "encoding='utf-8'" in junit([read(run())]).splitlines()[0]


def test_a_page_lets_no_script_run_even_where_one_came_in():
    text = page(read(hostile()), compare([read(hostile()), read(hostile())]))
    assert "default-src 'none'; style-src 'unsafe-inline'" in text.partition("<title>")[0]
    assert not any_lines(text)


@pytest.fixture
def chaos(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = FakeChaos()
    for module in (commands, look):
        monkeypatch.setattr(module, "ApiServer", lambda *_: found)
    monkeypatch.setattr(commands, "clock", FakeClock())
    return found


def called(*words):
    result = CliRunner().invoke(app.app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


COMMANDS = (
    ("watch", "aurora-failover-1", "--junit", "junit.xml"),
    ("history", "aurora-failover"),
    ("history", "aurora-failover", "--json"),
    ("explain", "aurora-failover-1"),
    ("report", "aurora-failover-1"),
    ("report", "aurora-failover-1", "--json"),
)


@pytest.mark.parametrize("words", COMMANDS)
def test_no_command_about_a_run_lets_it_steer_the_terminal(chaos, words):
    chaos.add(hostile())
    result = called(*words)
    for out in (result.stdout, result.stderr):
        assert not any_lines(out)
        forged = [one for one in out.splitlines() if one.startswith("+00:09.0")]
        assert not forged


def test_halt_says_what_is_stuck_on_one_line(chaos):
    chaos.add(hostile(phase="Holding"))
    out = called("halt", "--within", "1s").stdout
    assert not steers(out, lines=2)


def test_the_runs_of_a_cluster_are_shown_as_they_are_called(monkeypatch):
    monkeypatch.setattr(runs, "read", lambda _: [runs.measured(hostile())])
    out = called("runs").stdout
    assert not steers(out, lines=2)
    assert MARKUP.replace(" :", " :") in out


@pytest.mark.parametrize("text", ["[/] closes nothing", EVIL])
def test_a_store_is_shown_as_it_is_called(monkeypatch, text):
    status = {"nextRush": {"name": text, "start": at(0), "ordersPerMinute": 3},
              "conditions": [{"type": "Ready", "status": "False", "reason": text}]}  # fmt: skip
    meta = {"name": text, "namespace": "default"}
    row = fleet.row_of({"metadata": meta, "spec": {"tier": text}, "status": status})
    monkeypatch.setattr(fleet, "read", lambda *_: Fleet([row]))
    out = called("stores").stdout
    assert not steers(out, lines=3)
    assert line(text) in out
    printed(screen(fleet.console, Fleet([row]), datetime.now(UTC)))


@pytest.mark.parametrize("problems", [errors.problems, audit_command.problems])
def test_a_problem_is_told_on_one_line(problems, capsys):
    problems.trouble("not possible", EVIL)
    err = capsys.readouterr().err
    assert not steers(err)
    assert MARKUP in err


def test_progress_in_a_terminal_is_words(monkeypatch):
    told = []
    spinner = type("Status", (), {"update": lambda _, text: told.append(text)})()
    audit_command._on(spinner)("[/] closes nothing")
    assert told[0].plain == "[/] closes nothing"


@pytest.mark.parametrize("name", ["../../outside", "/tmp/outside", "a\nb", "..", EVIL])
def test_a_run_in_a_file_names_no_other_file(chaos, tmp_path, name):
    (tmp_path / "in").mkdir()
    Path("in/run.json").write_text(json.dumps(run(name)))
    before = {*tmp_path.iterdir()}
    (place,) = called("report", "in/run.json").stdout.splitlines()
    assert {*tmp_path.iterdir()} - before == {tmp_path / place}


def test_a_file_that_holds_itself_is_no_run(chaos, tmp_path):
    Path("loop.yaml").write_text("&a {metadata: *a}")
    assert "holds no ChaosRun" in called("report", "loop.yaml").stderr


def test_nothing_is_printed_but_through_the_terminal_of_this_program():
    sources = Path(cafectl.__file__).parent.rglob("*.py")
    others = [one for one in sources if one.name != "terminal.py"]
    for one in others:
        text = one.read_text()
        for word in ("import Console", "Console(", "rich.table", "from_markup", 'print(f"['):
            assert word not in text, one.name
    assert len(others) > 50
