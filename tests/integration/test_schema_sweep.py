"""One change a field on a living object: refused with a sentence, or kept as it was sent.

Each change is put to the API server twice: as a fresh object, and on one that lives and that the
operator works on. Both must be judged alike. After a refusal the object is as before; at the
end it is put back, the operator has seen it, and it can be deleted. All changes: pytest --full.
"""

import copy
import random
import time
from pathlib import Path

import pytest
import yaml

from tests.crash.worlds import FAULTS
from tests.integration.cluster import condition, eventually
from tests.integration.schema_changes import Change, changes, keeps, sentences
from tests.integration.sweep_api import connected

pytestmark = pytest.mark.integration
CRDS = Path(__file__).parents[2] / "crds"
GATE_S, LEAST = 18.0, 40  # without --full: so long, and at least so many on a slow machine
NEVER = ("unknown", "wrong type", "wrong enum", "fraction", "too long", "too many",
         "beyond minimum", "beyond maximum")  # fmt: skip
LOOK_EVERY = 40  # changes, after which the operator's answer is awaited

STORE = {
    "city": "Lisbon",
    "timezone": "Europe/Lisbon",
    "currency": "EUR",
    "menu": [{"sku": "espresso", "name": "Espresso", "priceMinor": 220, "category": "Coffee"}],
    "stock": [{"sku": "espresso", "quantity": 50}],
    "hours": [{"days": ["Mon", "Tue"], "open": "07:00", "close": "19:00"}],
    "rushes": [
        {"name": "morning", "days": ["Mon"], "start": "07:30", "end": "09:00",
         "ordersPerMinute": 20}
    ],
    "slo": {"availability": 99.5, "latencyP99": "800ms"},
    "dashboard": True,
    "chaos": {
        "allowed": True,
        "protectedHours": [{"days": ["Mon"], "start": "07:00", "end": "10:00"}],
        "maxConcurrent": 2,
    },
    "acceptingOrders": True,
    "queueLimit": 200,
}  # fmt: skip
EXPERIMENT = {
    "hypothesis": "A coffee can be bought.",
    "mode": "Preview",
    "seed": 7,
    "consent": ["podKill"],
    "steadyState": {
        "baseline": "5s",
        "probes": [
            {"name": "menu", "every": "1s", "timeout": "2s", "http": {"url": "http://menu:8080"},
             "tolerance": {"failedPercent": 5, "latencyMilliseconds": 900}},
            {"name": "coffee", "order": {"store": "corner", "sku": "espresso"}},
            {"name": "books", "ledger": {"store": "corner", "within": "2m"}},
        ],
    },
    "steps": [
        {"name": "kill", "hold": "10s", "recovery": {"within": "60s"},
         "faults": [{"mode": "fixed", "value": 1, "podKill": FAULTS["podKill"]}]}
    ],
    "limits": {"maxTargets": 1, "maxPercent": 50, "maxServicePercent": 60, "maxZonePercent": 70,
               "maxZones": 1, "maxDuration": "5m"},
    "stopWhen": [{"probe": "coffee", "failingFor": "30s"}],
}  # fmt: skip
RUN = {
    "experiment": {"name": "sweep", "uid": "u", "generation": 1},
    "createdBy": "ada",
    "template": EXPERIMENT,
}
BASES = {"cafestores": STORE, "chaosexperiments": EXPERIMENT, "chaosruns": RUN}
KINDS = {"cafestores": "CafeStore", "chaosexperiments": "ChaosExperiment", "chaosruns": "ChaosRun"}


def schema_of(plural):
    found = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    return found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def with_fault(fault):
    spec = copy.deepcopy(EXPERIMENT)
    spec["steps"][0]["faults"] = [{fault: copy.deepcopy(FAULTS[fault])}]
    return spec


def all_changes(plural):
    """Return (base, change) for each change of the kind; each fault's fields on its own base."""
    schema, base = schema_of(plural), BASES[plural]
    if plural == "chaosruns":  # the template is the experiment's spec, swept there
        rest = {name: one for name, one in schema["properties"].items() if name != "template"}
        schema = {**schema, "properties": rest}
    found = [(base, change) for change in changes(schema, base)]
    if plural != "chaosexperiments":
        return found
    entry = schema["properties"]["steps"]["items"]["properties"]["faults"]["items"]
    for fault in sorted(FAULTS):
        spec = with_fault(fault)
        path = ("steps", 0, "faults", 0, fault)
        inner = entry["properties"][fault]
        found += [(spec, one) for one in changes(inner, FAULTS[fault], path)]
    return found


def chosen(plural):
    """Return them in an order that is the same each time, and begins with some of everything."""
    found = all_changes(plural)
    return random.Random(5).sample(found, len(found))


def manifest(plural, spec, namespace, name="sweep"):
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": KINDS[plural],
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


@pytest.fixture
def api(cluster, namespace, tmp_path):
    with connected(cluster.kubeconfig, namespace, tmp_path) as found:
        yield found


class Sweep:
    """The changes of one kind, judged fresh and on a living object."""

    def __init__(self, api, plural):
        self.api, self.plural = api, plural
        self.rules = frozenset(sentences(schema_of(plural)))
        self.wrong = []
        self.accepted = []

    def fresh(self, base, change):
        """Judge a change on a new object; return the answer."""
        sent = change.made(base)
        fresh = manifest(self.plural, sent, self.api.namespace, "fresh")
        answer = self.api.create(self.plural, fresh, dry=True)
        if answer.accepted:
            if change.kind in NEVER:
                self.blame(change, "accepted")
            if not keeps(answer.body["spec"], sent):
                self.blame(change, f"accepted and changed: {answer.body['spec']}")
        elif answer.status not in (400, 413, 422):
            self.blame(change, f"answered {answer.status} {answer.message}")
        elif not self.says_why(change, answer.message):
            self.blame(change, f"refused without a reason: {answer.message[:300]}")
        return answer

    def live(self, base, change, fresh):
        """Judge it on the living object, which is as before after a refusal; then put it back."""
        before = self.api.get(self.plural, "sweep").body["spec"]
        answer = self.api.replace(self.plural, "sweep", change.made(base))
        now = self.api.get(self.plural, "sweep").body["spec"]
        if answer.accepted != fresh.accepted:
            self.blame(change, f"fresh {fresh.status} but live {answer.status} {answer.message}")
        elif not answer.accepted and now != before:
            self.blame(change, f"refused, and yet changed: {now}")
        elif answer.accepted and now != fresh.body["spec"]:
            self.blame(change, f"stored {now}, fresh {fresh.body['spec']}")
        if answer.accepted:
            self.accepted.append(change)
        else:
            back = self.api.replace(self.plural, "sweep", base)
            if not back.accepted:
                self.blame(change, f"cannot be put back: {back.message}")
        return answer

    def says_why(self, change, message):
        """Whether a refusal names the field, or is one of our sentences."""
        names = [step for step in change.path if isinstance(step, str)]
        return names[-1] in message or any(rule in message for rule in self.rules)

    def blame(self, change, why):
        self.wrong.append(f"{change}: {why}")


def observed(cluster, plural, namespace):
    """Return the living object once the operator has judged what it asks for now."""
    item = cluster.get(plural, "sweep", namespace)
    generation, status = item["metadata"]["generation"], item.get("status") or {}
    if plural == "cafestores":
        seen = condition(item, "Ready").get("observedGeneration")
    else:
        seen = status.get("observedGeneration")
    return item if seen == generation else None


@pytest.fixture
def full(request):
    return request.config.getoption("--full")


@pytest.fixture
def working(operator):
    """An operator at work; in the end it is still there and has met nothing unforeseen."""
    operator.start()
    yield operator
    assert operator.process.poll() is None
    told = operator.log.read_text()
    at = told.find("Traceback")
    assert at < 0, told[max(0, at - 1000) : at + 2000]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("plural", ["cafestores", "chaosexperiments"])
@pytest.mark.usefixtures("working")
def test_each_change_is_refused_with_a_reason_or_kept_and_nothing_is_stuck(
    cluster, api, plural, full
):
    base, sweep = BASES[plural], Sweep(api, plural)
    first = api.create(plural, manifest(plural, base, api.namespace))
    assert first.accepted, first.message
    tried = sweep_all(sweep, cluster, chosen(plural), full=full)
    assert not sweep.wrong, "\n".join(sweep.wrong)
    assert len(sweep.accepted) > tried // 10
    assert api.replace(plural, "sweep", base).accepted
    assert eventually(lambda: observed(cluster, plural, api.namespace))
    api.delete(plural, "sweep")
    eventually(lambda: cluster.get(plural, "sweep", api.namespace) is None, seconds=60)


def sweep_all(sweep, cluster, asked, *, full):
    """Go through the changes as long as the gate allows; return how many were tried."""
    ends = time.monotonic() + GATE_S
    for number, (spec, change) in enumerate(asked):
        if not full and number >= LEAST and time.monotonic() > ends:
            return number
        answer = sweep.live(spec, change, sweep.fresh(spec, change))
        if answer.accepted and number % LOOK_EVERY == 0:
            seen = eventually(lambda: observed(cluster, sweep.plural, sweep.api.namespace))
            assert condition(seen, "Ready").get("reason") != "Bug", (change, seen["status"])
    return len(asked)


def test_each_change_of_a_run_is_refused_with_a_reason_or_kept(api):
    sweep = Sweep(api, "chaosruns")
    for spec, change in chosen("chaosruns"):
        sweep.fresh(spec, change)
    assert not sweep.wrong, "\n".join(sweep.wrong)


@pytest.mark.parametrize("plural", BASES)
def test_the_sweep_reaches_every_field(plural):
    found = [change for _, change in all_changes(plural)]
    paths = {change.path[0] for change in found}
    assert paths >= set(schema_of(plural)["properties"]) - {"template"}
    kinds = {change.kind for change in found}
    assert kinds >= {"remove", "empty", "null", "huge", "unicode", "unknown", "wrong type"}
    assert all(isinstance(change, Change) for change in found)
