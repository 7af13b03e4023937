"""Which node image a cluster is made of, and how a registry is asked for it."""

import shlex

import pytest

from dev.kind import cluster, node_image, official_image
from dev.system import ProblemError

OFFICIAL = "kindest/node:v1@sha256:abc"
BUILT = "cloudcafe/node:v1-0123"
ANSWER = "echo 'v1: Pulling from kindest/node'"


class FakeMachine:
    """An engine with images, a registry that answers or not, and what was asked of it."""

    def __init__(self):
        self.images = set()
        self.official = OFFICIAL
        self.runs_official = True
        self.registry = True
        self.may_build = True
        self.asked = []

    def pull(self, image):
        self.asked.append(image)
        if self.registry:
            self.images.add(image)
        return self.registry

    def build(self):
        if not self.may_build:
            raise ProblemError("building one needs root on Linux")
        self.images.add(BUILT)
        return BUILT


@pytest.fixture
def machine(monkeypatch):
    found = FakeMachine()
    monkeypatch.delenv("CLOUDCAFE_NODE_IMAGE", raising=False)
    monkeypatch.setattr(cluster, "runs_here", lambda: found.runs_official)
    monkeypatch.setattr(cluster, "default_image", lambda: found.official)
    monkeypatch.setattr(cluster, "is_here", lambda image: image in found.images)
    monkeypatch.setattr(cluster, "built_image", lambda: BUILT if BUILT in found.images else None)
    monkeypatch.setattr(cluster, "pulled", found.pull)
    monkeypatch.setattr(cluster, "node_image", found.build)
    return found


def test_a_failure_of_a_moment_is_forgotten(machine):
    machine.registry = machine.may_build = False
    with pytest.raises(ProblemError):
        cluster.chosen_image()
    machine.registry = True
    assert cluster.chosen_image() == OFFICIAL


def test_what_the_engine_has_is_asked_of_no_registry(machine):
    assert [cluster.chosen_image(), cluster.chosen_image()] == [OFFICIAL, OFFICIAL]
    assert machine.asked == [OFFICIAL]


def test_a_newer_kind_has_its_newer_image(machine):
    cluster.chosen_image()
    machine.official = "kindest/node:v2@sha256:def"
    assert cluster.chosen_image() == "kindest/node:v2@sha256:def"


def test_without_a_registry_the_second_run_asks_none(machine):
    machine.registry = False
    assert [cluster.chosen_image(), cluster.chosen_image()] == [BUILT, BUILT]
    assert machine.asked == [OFFICIAL]


def test_a_machine_that_cannot_run_kinds_own_builds_one_unasked(machine):
    machine.runs_official = False
    assert cluster.chosen_image() == BUILT
    assert machine.asked == []


def test_a_named_image_is_taken_as_it_is(machine, monkeypatch):
    monkeypatch.setenv("CLOUDCAFE_NODE_IMAGE", "mine:1")
    assert cluster.chosen_image() == "mine:1"
    assert machine.asked == []


def test_who_cannot_build_is_told_what_to_name(monkeypatch, tmp_path):
    monkeypatch.setenv("CLOUDCAFE_CACHE", str(tmp_path))
    monkeypatch.setattr(node_image, "ensure_engine", lambda: None)
    monkeypatch.setattr(node_image, "succeeds", lambda *_: False)
    monkeypatch.setattr("dev.system.platform.system", lambda: "Darwin")
    with pytest.raises(ProblemError, match=r"CLOUDCAFE_NODE_IMAGE.* needs root on Linux"):
        node_image.node_image()


def pulled_by(script):
    return official_image.pulled(OFFICIAL, command=("sh", "-c", script))


def test_a_pull_tells_how_far_it_is(capsys):
    layers = [f"echo {n}: {what}" for what in ("Pulling fs layer", "Pull complete") for n in "ab"]
    assert pulled_by("; ".join([ANSWER, *layers]))
    assert "1 of 2 layers" in capsys.readouterr().err


def test_a_refusal_is_told_in_dockers_words(capsys):
    assert not pulled_by(f"echo {shlex.quote('toomanyrequests: rate limit')} >&2; exit 1")
    assert "not pulled: toomanyrequests: rate limit" in capsys.readouterr().err


def test_a_registry_that_says_nothing_is_given_up_before_a_slow_one(monkeypatch, capsys):
    monkeypatch.setattr(official_image, "_ANSWER_S", 1.0)
    assert not pulled_by("exec sleep 60")
    assert "did not answer" in capsys.readouterr().err
    assert pulled_by(f"{ANSWER}; sleep 1.3"), "it answered, so it has ten minutes"


def test_a_pull_has_an_end_too(monkeypatch, capsys):
    monkeypatch.setattr(official_image, "_PULL_S", 0.3)
    assert not pulled_by(f"{ANSWER}; exec sleep 60")
    assert "not whole" in capsys.readouterr().err
