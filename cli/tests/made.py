"""Runs and an API server in memory, for the tests of `cafectl`'s chaos commands."""

import copy
import itertools
from datetime import UTC, datetime, timedelta

from cafectl.chaos.cluster import Refused, Unreachable

BEGAN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NAMESPACE = "cloudcafe"
SAMPLES = "1.00+12 2.00+11 3.00+12 4.00-0 5.00~2100 6.00+40 7.00+14 8.00+12"


def at(seconds):
    """Return a moment of the run as it is stored."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def experiment(name="aurora-failover", **spec):
    """Return an experiment's manifest."""
    probes = [
        # the API server fills in what was left out
        {"name": "coffee", "every": "1s", "measured": True, "order": {"store": "espresso-soho"}},
        {"name": "menu", "every": "1s", "http": {"url": "http://menu:8080/m"}},
    ]
    step = {
        "name": "fail-over",
        "faults": [{"auroraFailover": {"selector": {"names": ["cloudcafe"]}}, "mode": "one"}],
        "hold": "4s",
        "recovery": {"within": "60s"},
    }
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosExperiment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "hypothesis": "Guests can order again within a minute.",
            "steadyState": {"baseline": "3s", "probes": probes},
            "steps": [step],
            **spec,
        },
    }


def entry(**changes):
    """Return a closed line of the journal."""
    return {
        "step": 0,
        "slot": 0,
        "fault": "auroraFailover",
        "target": {"id": "arn:aws:rds:cluster:cloudcafe", "name": "cloudcafe"},
        "state": "Reverted",
        "captured": {"writer": "cloudcafe-1"},
        "injectedAt": at(3),
        "inForceAt": at(3.5),
        "healthyAt": at(6),
        "undoneAt": at(7),
        **changes,
    }


def step(**changes):
    """Return the status of a step that recovered."""
    measures = {
        "inForceAfter": 0.5,
        "noticedAfter": 1.0,
        "recoveredAfter": 3.0,
        "undoneAfter": 0.4,
        "ordersRefused": 1,
        "ordersDelayed": 1,
    }
    return {
        "name": "fail-over",
        "momentary": True,
        "injectedAt": at(3),
        "holdUntil": at(7),
        "revertAt": at(7),
        "undoneAt": at(7.4),
        "recoveredAt": at(8),
        "measures": measures,
        **changes,
    }


def run(name="aurora-failover-1", *, asked=None, minutes=0, **status):
    """Return a run that passed, but for the changes of its status."""
    asked = asked or experiment()
    told = {
        "phase": "Finished",
        "verdict": "Passed",
        "message": "users were served again after 3s, the objective was 60s",
        "startedAt": at(0),
        "phaseSince": at(8),
        "deadline": at(300),
        "finishedAt": at(8),
        "steps": [step()],
        "journal": [entry()],
        "probes": [
            {"name": "coffee", "samples": SAMPLES, "trouble": "503 no writer"},
            {"name": "menu", "samples": "1.00+3 2.00+3 3.00+3 4.00+3 5.00+3 6.00+3 7.00+3"},
        ],
        **status,
    }
    meta = asked["metadata"]
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosRun",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-of-{name}",
            "creationTimestamp": at(60 * minutes),
        },
        "spec": {
            "experiment": {"name": meta["name"], "uid": meta.get("uid", "e"), "generation": 1},
            "createdBy": "ada",
            "template": asked["spec"],
        },
        "status": {key: value for key, value in told.items() if value is not None},
    }


class FakeClock:
    """Time that passes only by sleeping; something may happen at each second."""

    def __init__(self):
        self.passed = 0.0
        self.happens = []

    def now(self):
        return BEGAN + timedelta(seconds=self.passed)

    def monotonic(self):
        return self.passed

    def sleep(self, seconds):
        self.passed += seconds
        if self.happens:
            self.happens.pop(0)()


class FakeChaos:
    """Implements Chaos in memory; `operator` is told of each experiment that is written."""

    def __init__(self):
        self.namespace = self.operator_namespace = NAMESPACE
        self.objects = {}
        self.halted = None
        self.elsewhere = []  # runs of other namespaces
        self.operators = {NAMESPACE}  # namespaces with one
        self.forbidden = ""  # what the server says of all that is outside of the namespace
        self.writes = []
        self.unreachable = 0  # so many calls are not answered
        self.operator = lambda _: None
        self._numbers = itertools.count(1)

    def add(self, *manifests):
        for one in manifests:
            kind = "chaosruns" if one["kind"] == "ChaosRun" else "chaosexperiments"
            one["metadata"].setdefault("uid", f"uid-{next(self._numbers)}")
            self.objects[kind, one["metadata"]["name"]] = copy.deepcopy(one)
        return self

    def finish(self, name, **status):
        self.objects["chaosruns", name]["status"].update(status)

    def get(self, kind, name):
        self._answer()
        return copy.deepcopy(self.objects.get((kind, name)))

    def items(self, kind):
        self._answer()
        return [copy.deepcopy(one) for (what, _), one in self.objects.items() if what == kind]

    def runs_everywhere(self):
        self._permit()
        return self.items("chaosruns") + copy.deepcopy(self.elsewhere)

    def has_operator(self):
        self._permit()
        self._answer()
        return self.operator_namespace in self.operators

    def create(self, kind, manifest):
        self._answer()
        name = manifest["metadata"]["name"]
        if (kind, name) in self.objects:
            raise Refused(f"{name} already exists")
        return self._written("create", manifest)

    def replace(self, kind, manifest):
        self._answer()
        return self._written("replace", manifest)

    def annotate(self, kind, name, annotations):
        self._answer()
        found = self.objects[kind, name]["metadata"]
        found.setdefault("annotations", {}).update(annotations)
        self.writes.append(("annotate", name, dict(annotations)))

    def delete(self, kind, name):
        self.objects.pop((kind, name), None)
        self.writes.append(("delete", name, None))

    def lever(self):
        self._answer()
        return self.halted

    def pull_lever(self, data):
        self._answer()
        self.halted = dict(data)

    def _written(self, verb, manifest):
        self.add(manifest)
        self.writes.append((verb, manifest["metadata"]["name"], manifest["spec"]))
        stored = self.objects["chaosexperiments", manifest["metadata"]["name"]]
        self.operator(stored)
        return copy.deepcopy(stored)

    def _permit(self):
        if self.forbidden:
            raise Refused(self.forbidden)

    def _answer(self):
        if self.unreachable:
            self.unreachable -= 1
            raise Unreachable("the API server does not answer (MaxRetryError)")
