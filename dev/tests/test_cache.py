"""What is built once is found by everyone, and by its sources alone."""

import os
import threading

import pytest

from dev.cache import built, digest, root


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CLOUDCAFE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "one" / "sources"
    folder.mkdir(parents=True)
    (folder / "main.go").write_text("package main")
    return folder


def test_the_same_sources_in_another_checkout_have_the_same_digest(sources, tmp_path):
    other = tmp_path / "two" / "sources"
    other.mkdir(parents=True)
    (other / "main.go").write_text("package main")

    assert digest([sources]) == digest([other])


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "main.go").write_text("package other"),
        lambda folder: (folder / "main.go").rename(folder / "other.go"),
        lambda folder: (folder / "main.go").chmod(0o755),
        lambda folder: (folder / "new.go").write_text(""),
    ],
    ids=["content", "name", "execute bit", "new file"],
)
def test_any_change_of_the_sources_changes_the_digest(sources, change):
    before = digest([sources])

    change(sources)

    assert digest([sources]) != before


def test_what_running_and_testing_leave_behind_does_not_count(sources):
    before = digest([sources])

    for name in ("__pycache__/main.pyc", "tests/test_main.py", "main_test.go"):
        (sources / name).parent.mkdir(exist_ok=True)
        (sources / name).write_text("")

    assert digest([sources]) == before


def test_facts_do_not_run_into_each_other():
    assert digest([], "ab", "c") != digest([], "a", "bc")


def test_builds_once():
    calls = []

    def build(draft):
        calls.append(draft)
        (draft / "program").write_text("it")

    first = built("tool", "key", build)
    second = built("tool", "key", build)

    assert first == second == root() / "tool" / "key"
    assert (first / "program").read_text() == "it"
    assert len(calls) == 1


def test_what_was_not_used_for_longest_goes():
    for key in ("one", "two", "three", "four"):
        folder = built("tool", key, lambda draft: None)
        os.utime(folder, (1, 1))
    built("tool", "one", lambda draft: None)  # used again

    built("tool", "five", lambda draft: None)

    left = {path.name for path in (root() / "tool").iterdir()}
    assert len(left) == 4
    assert {"one", "five"} <= left


def test_a_build_that_fails_leaves_nothing_to_be_found():
    def fail(draft):
        (draft / "half").write_text("")
        raise OSError("the compiler stopped")

    with pytest.raises(OSError, match="the compiler stopped"):
        built("tool", "key", fail)

    folder = built("tool", "key", lambda draft: (draft / "whole").write_text(""))
    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_a_second_builder_waits_for_the_first():
    begun, go_on, calls = threading.Event(), threading.Event(), []

    def slow(draft):
        calls.append(draft)
        begun.set()
        go_on.wait(10)

    def builder():
        return threading.Thread(target=built, args=("tool", "key", slow))

    first, second = builder(), builder()
    first.start()
    begun.wait(10)
    second.start()
    second.join(0.2)  # time enough to build, if nothing held it back
    go_on.set()
    for thread in (first, second):
        thread.join()

    assert len(calls) == 1
