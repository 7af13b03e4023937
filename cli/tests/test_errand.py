"""What is run in the cluster on behalf of somebody outside it: begun, followed, ended, removed."""

import os
import signal
from types import SimpleNamespace

import pytest
from cafectl import errand, tills
from cafectl.app import app
from cafectl.chaos.cluster import Gone, Refused, Unreachable
from cafectl.errand import GUESTS, Errand, job_of, run
from typer.testing import CliRunner

from cli.tests.made import FakeClock

SECURITY = {"readOnlyRootFilesystem": True}
TEMPLATE = {
    "spec": {
        "jobTemplate": {
            "spec": {
                "backoffLimit": 0,
                "template": {
                    "metadata": {"labels": {"access.cloudcafe.dev/order": "true"}},
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [
                            {
                                "name": "cafectl",
                                "image": "cloudcafe/cli:1",
                                "args": ["--help"],
                                "env": [{"name": "A", "value": "b"}],
                                "securityContext": SECURITY,
                            }
                        ],
                    },
                },
            }
        }
    }
}
BUY = Errand(GUESTS, ["buy", "cloudcafe.soho"], till="soho")


def pod(phase="Pending", waiting=None, code=None, conditions=()):
    state = {}
    if waiting:
        state["waiting"] = {"reason": waiting, "message": "no such secret"}
    if code is not None:
        state["terminated"] = {"exitCode": code}
    status = {"phase": phase, "containerStatuses": [{"state": state}], "conditions": [*conditions]}
    return {"metadata": {"name": "cafectl-buy-x-1"}, "status": status}


class FakePlace:
    """Implements Place: the pod goes through these states, one a look."""

    namespace = "cloudcafe"

    def __init__(self, *states, said=()):
        self.states, self.said = [*states], said
        self.jobs, self.removed, self.asked_to_end = [], [], []

    def template(self, name):
        assert name == GUESTS
        return TEMPLATE

    def begin(self, job):
        self.jobs.append(job)
        return "cafectl-buy-x"

    def pod(self, job):
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def lines(self, name):
        for one in self.said:
            yield one() if callable(one) else one

    def ask_to_end(self, name):
        self.asked_to_end.append(name)

    def remove(self, job):
        self.removed.append(job)


def ran(place, what=BUY):
    said = []
    return run(place, what, said.append, FakeClock()), said


def test_the_words_and_the_tills_key_come_to_what_the_chart_laid_down():
    container = job_of(TEMPLATE, BUY)["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["buy", "cloudcafe.soho"]
    assert container["image"] == "cloudcafe/cli:1"
    assert container["securityContext"] == SECURITY
    secret = {"secretKeyRef": {"name": "soho-till", "key": "key"}}
    assert container["env"] == [
        {"name": "A", "value": "b"},
        {"name": "CAFE_TILL_KEY", "valueFrom": secret},
    ]


def test_the_template_is_not_changed_by_making_a_job_of_it():
    job_of(TEMPLATE, BUY)
    container = TEMPLATE["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--help"]
    assert len(container["env"]) == 1


def test_what_it_says_is_shown_and_it_ends_with_its_code_and_is_gone():
    place = FakePlace(None, pod(), pod("Running"), pod("Failed", code=1), said=["one", "two"])
    assert ran(place) == (1, ["one", "two"])
    assert place.removed == ["cafectl-buy-x"]


def test_a_store_without_a_till_is_told_at_once():
    place = FakePlace(pod(waiting="CreateContainerConfigError"))
    with pytest.raises(Refused, match="no such secret"):
        ran(place)
    assert place.removed == ["cafectl-buy-x"]


def test_a_pod_that_never_begins_is_given_up_with_the_schedulers_reason():
    unschedulable = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes available"}
    place = FakePlace(pod(conditions=[unschedulable]))
    with pytest.raises(Refused, match="did not begin within 120 s: 0/3 nodes available"):
        ran(place)
    assert place.removed == ["cafectl-buy-x"]


def test_a_pod_that_vanished_leaves_the_end_unknown_and_says_so():
    place = FakePlace(pod("Running"), None)
    with pytest.raises(Refused, match="how it ended is not known"):
        ran(place)


def test_no_chart_in_the_namespace_is_said():
    place = FakePlace(pod())

    def gone(_):
        raise Gone("not found")

    place.template = gone
    with pytest.raises(Refused, match="namespace cloudcafe has no CronJob cafectl-guests"):
        ran(place)
    assert place.removed == []


def test_a_log_that_breaks_off_is_opened_again_and_each_line_is_said_once():
    place = FakePlace(pod("Running"), pod("Running"), pod("Succeeded", code=0))
    logs = [["one", lost], ["one", "two"], ["one", "two", "three"]]
    place.lines = lambda _: FakePlace.lines(SimpleNamespace(said=logs.pop(0)), "")
    assert ran(place) == (0, ["one", "two", "three"])
    assert place.removed == ["cafectl-buy-x"]


def test_who_cannot_be_heard_any_more_goes_on_and_how_to_hear_it_is_said():
    place = FakePlace(pod("Running"), said=["one", lost])
    with pytest.raises(Unreachable, match="kubectl -n cloudcafe logs -f job/cafectl-buy-x"):
        ran(place)
    assert place.removed == []


def test_a_log_that_ends_again_and_again_while_the_pod_runs_is_given_up():
    place = FakePlace(pod("Running"), said=["one"])
    with pytest.raises(Unreachable, match="breaks off again and again"):
        ran(place)
    assert place.removed == []


def lost():
    raise Unreachable("away")


@pytest.fixture(autouse=True)
def interruptible():
    """Ctrl-C as a terminal's: processes that run tests side by side ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    return "interrupted"


def test_ctrl_c_lets_guests_account_for_what_they_ordered():
    trickle = Errand(GUESTS, ["trickle", "cloudcafe.soho"], till="soho", accounts=True)
    said = ["3 orders", interrupt, '{"orders": 3}']
    place = FakePlace(pod("Running"), pod("Succeeded", code=0), said=said)
    before = signal.getsignal(signal.SIGINT)
    assert ran(place, trickle) == (0, ["3 orders", "interrupted", '{"orders": 3}'])
    assert place.asked_to_end == ["cafectl-buy-x-1"]
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_ends_what_has_no_account_to_give():
    place = FakePlace(pod("Running"), said=["reading", interrupt])
    assert ran(place)[0] == errand.INTERRUPTED
    assert place.removed == ["cafectl-buy-x"]


@pytest.fixture
def sent(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    found = []

    def send(namespace, what):
        found.append((namespace, what))
        raise SystemExit(0)

    monkeypatch.setattr(errand, "send", send)
    return found


def cafectl(*words):
    return CliRunner().invoke(app, [*words])


def test_outside_a_cluster_guests_are_sent_into_it(sent):
    cafectl("trickle", "soho", "-n", "prod", "--per-second", "4", "--for", "10m")
    words = ["trickle", "prod.soho", "--per-second", "4", "--for", "10m"]
    assert sent == [("prod", Errand(GUESTS, words, till="soho", accounts=True))]


def test_outside_a_cluster_the_books_are_read_within_it(sent):
    cafectl("audit", "--settle", "5s", "--json")
    ((namespace, what),) = sent
    assert (namespace, what.kind, what.till) == ("cloudcafe", errand.BOOKS, "")
    assert what.words[0] == "audit"
    assert "--settle=5s" in what.words
    assert what.words[-1] == "--json"


def test_within_a_cluster_nothing_is_sent(sent, monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    answer = cafectl("buy", "cloudcafe.soho")
    assert sent == []
    assert "the till has a key" in answer.stderr


def test_a_store_of_another_namespace_is_refused_with_the_remedy(sent):
    answer = cafectl("buy", "elsewhere.soho")
    assert answer.exit_code == 2
    assert "use --url and --key" in " ".join(answer.stderr.split())


def test_a_span_that_is_none_is_refused(sent, monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    answer = cafectl("trickle", "soho", "--key", "k", "--for", "soon")
    assert answer.exit_code == 2
    assert "--for" in answer.stderr


def test_a_name_is_of_the_namespace_and_an_id_says_its_own():
    assert tills.named("soho", "prod").id == "prod.soho"
    assert tills.named("other.soho", "prod").id == "other.soho"
