"""Experiments on a real API server: what it refuses itself, and a namespace that goes mid-run."""

from pathlib import Path

import pytest
import yaml

from tests.crash.worlds import OPTED_IN, experiment
from tests.integration.cluster import eventually

pytestmark = pytest.mark.integration
SCENARIOS = sorted((Path(__file__).parents[2] / "chaos").glob("[eg]*/*.yaml"))
KILL = {"podKill": {"selector": {"names": ["a"]}}}


def made(namespace, **changes):
    """Return an experiment that is right but for the changes."""
    item = experiment("podKill", **changes)
    item["metadata"]["namespace"] = namespace
    return item


def step(**changes):
    return [{"name": "break", "faults": [KILL], **changes}]


REFUSED = {
    "two faults in one entry": (
        {"steps": step(faults=[{**KILL, "auroraFailover": {"selector": {"names": ["a"]}}}])},
        "an entry names exactly one fault",
    ),
    "no fault in an entry": (
        {"steps": step(faults=[{"mode": "one"}])},
        "an entry names exactly one fault",
    ),
    "an empty pod selector": (
        {"steps": step(faults=[{"podKill": {"selector": {}}}])},
        "an empty selector would match every pod: give labels or names",
    ),
    "an empty AWS selector": (
        {"steps": step(faults=[{"auroraFailover": {"selector": {}}}])},
        "an empty selector would match everything in the account",
    ),
    "a misspelt field": (
        {"steps": step(faults=[{"podKill": {"selector": {"names": ["a"]}, "gracePriod": "1s"}}])},
        'unknown field "spec.steps[0].faults[0].podKill.gracePriod"',
    ),
    "a run of more than two hours": (
        {"limits": {"maxDuration": "3h"}},
        "may be at most 2h: write a shorter duration, for example 10m",
    ),
    "a stop condition that holds at once": (
        {"stopWhen": [{"probe": "menu", "failingFor": "0s"}]},
        "must be at least 1s: in no time at all nothing can be seen",
    ),
    "a recovery in no time": (
        {"steps": step(recovery={"within": "0m"})},
        "must be at least 1s: in no time at all nothing can be seen",
    ),
    "something that is no duration": (
        {"steps": step(hold="soon")},
        "spec.steps[0].hold in body should match",
    ),
    "a mode without its value": (
        {"steps": step(faults=[{**KILL, "mode": "fixed"}])},
        "value goes with the modes fixed, fixedPercent, randomMaxPercent",
    ),
    "more than all of them": (
        {"steps": step(faults=[{**KILL, "mode": "fixedPercent", "value": 101}])},
        "at most 100",
    ),
    "nobody who watches": (
        {"steadyState": {"probes": []}},
        "should have at least 1 items",
    ),
    "a probe that is nothing": (
        {"steadyState": {"probes": [{"name": "x"}]}},
        "a probe is exactly one of http, order, ledger, kubernetes, cloudwatch and prometheus",
    ),
    "a stop condition on a probe that is not there": (
        {"stopWhen": [{"probe": "x", "failingFor": "5s"}]},
        "must be the name of a probe in steadyState.probes[], and not a ledger's",
    ),
    "a fault that does not exist": (
        {"steps": step(faults=[{"podTickle": {}}])},
        'unknown field "spec.steps[0].faults[0].podTickle"',
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refuses(cluster, namespace, what):
    changes, sentence = REFUSED[what]
    assert sentence in cluster.apply(made(namespace, **changes), ok=False)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_takes_each_scenario(cluster, namespace, path):
    manifest = yaml.safe_load(path.read_text())
    manifest["metadata"]["namespace"] = namespace
    cluster.apply(manifest)


def test_a_run_cannot_be_changed(cluster, namespace):
    spec = {
        "experiment": {"name": "try", "uid": "u", "generation": 1},
        "template": made(namespace)["spec"],
    }
    run = {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosRun",
        "metadata": {"name": "try-1", "namespace": namespace},
        "spec": spec,
    }
    cluster.apply(run)
    run["spec"]["createdBy"] = "somebody else"
    assert "a run is never changed: change the experiment" in cluster.apply(run, ok=False)


def test_deleting_the_namespace_in_the_middle_reverts_first(cluster, namespace, operator, cafe):
    """The fault is a NetworkPolicy and a label in the very namespace that goes."""
    furnish(cluster, namespace, cafe)
    operator.start()
    item = experiment("podPartition")
    item["metadata"]["namespace"] = namespace
    probe = {"name": "coffee", "order": {"store": "espresso-soho"}}
    item["spec"]["steadyState"]["probes"] = [probe]
    item["spec"]["steps"][0]["hold"] = "60s"
    cluster.apply(item)
    eventually(lambda: _phase(cluster, namespace) == "Holding", seconds=40)
    assert cluster.list("networkpolicies", namespace)
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    eventually(lambda: not cluster.list("chaosruns", namespace), seconds=30)
    assert not cluster.list("networkpolicies", namespace)


def _phase(cluster, namespace):
    runs = cluster.list("chaosruns", namespace)
    return runs[0].get("status", {}).get("phase") if runs else None


def furnish(cluster, namespace, cafe):
    """Opt in, run two pods as far as a cluster without nodes can, and open a store."""
    labels = [f"{key}={value}" for key, value in OPTED_IN.items()]
    cluster.kubectl("label", "namespace", namespace, *labels)
    store = f"{namespace}.espresso-soho"
    cafe.stores[store] = {"id": store, "acceptingOrders": True, "currency": "GBP"}
    cafe.menus[store] = {"items": [{"sku": "espresso", "priceMinor": 280}]}
    name = {"app.kubernetes.io/name": "order"}
    container = {"name": "order", "image": "order"}
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": name},
        "template": {"metadata": {"labels": name}, "spec": {"containers": [container]}},
    }
    meta = {"name": "order", "namespace": namespace}
    cluster.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    for pod in eventually(lambda: _two(cluster.list("pods", namespace))):
        where = ["pod", pod["metadata"]["name"], "-n", namespace, "--subresource=status"]
        cluster.kubectl("patch", *where, "-p", '{"status": {"phase": "Running"}}')


def _two(pods):
    return pods if len(pods) == 2 else None
