"""Experiments on real pods: survived, measured, undone, whoever dies meanwhile."""

import copy
import json
from functools import partial

import pytest
import yaml

from dev.system import ROOT
from tests.cluster.conftest import NAMESPACE, condition, pod

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def scenario(stem):
    return yaml.safe_load((ROOT / f"chaos/experiments/{stem}.yaml").read_text())


@pytest.fixture
def experiment(cluster, soho):
    """Apply an experiment under a name of its own; it is gone again after the test."""
    made = []

    def apply(stem, name, change=None, namespace=NAMESPACE):
        manifest = copy.deepcopy(scenario(stem))
        manifest["metadata"] = {"name": name, "namespace": namespace}
        if change:
            change(manifest["spec"])
        cluster.delete("chaosexperiment", name, namespace=namespace)
        gone(cluster, name, namespace)
        cluster.apply(manifest, namespace=namespace)
        made.append((name, namespace))
        return name

    yield apply
    for name, namespace in made:
        cluster.delete("chaosexperiment", name, namespace=namespace)
    for name, namespace in made:
        gone(cluster, name, namespace)


def gone(cluster, name, namespace=NAMESPACE):
    cluster.wait(
        lambda: cluster.get("chaosexperiment", name, namespace=namespace) is None,
        f"experiment {name} to go",
        120,
    )


def run_of(cluster, name, namespace=NAMESPACE):
    runs = cluster.get("chaosruns", namespace=namespace)["items"]
    mine = [one for one in runs if one["spec"]["experiment"]["name"] == name]
    return mine[-1] if mine else None


def in_phase(cluster, name, *phases, timeout_s=150.0, namespace=NAMESPACE):
    def there():
        run = run_of(cluster, name, namespace)
        return run if run and run.get("status", {}).get("phase") in phases else None

    return cluster.wait(there, f"the run of {name} to be {' or '.join(phases)}", timeout_s)


@pytest.fixture
def capacity(cluster, bystander):
    """Return a function that reads the inventory table's read and write units."""
    return partial(provisioned, cluster, bystander)


def provisioned(cluster, bystander):
    code = (
        "import boto3, json\n"
        "dynamodb = boto3.client('dynamodb')\n"
        "table = dynamodb.describe_table(TableName='cloudcafe-inventory')['Table']\n"
        "print(json.dumps(table['ProvisionedThroughput'], default=str))\n"
    )
    found = json.loads(cluster.python(bystander, code))
    return found["ReadCapacityUnits"], found["WriteCapacityUnits"]


@pytest.mark.parametrize(
    "stem",
    [
        "03-aurora-failover",
        "04-dynamodb-throttle",
        # what needs pods, nodes and their network; the others are seen in tests/consequences too
        "06-ecs-task-kill",
        "07-eks-node-drain",
        "13-pod-kill",
        "14-pod-partition",
        "15-cpu-stress",
        "16-asg-instance-terminate",
    ],
)
def test_a_scenario_passes_as_it_is_shipped(cluster, experiment, stem):
    run = in_phase(cluster, experiment(stem, f"shipped-{stem}"), "Finished")
    status = run["status"]
    assert status["verdict"] == "Passed", status["message"]
    assert status["journal"], "a run that touched nothing is never green"
    assert {entry["state"] for entry in status["journal"]} == {"Reverted"}
    assert all(step["measures"]["inForceAfter"] is not None for step in status["steps"])


def test_a_killed_operator_takes_the_run_up_again_and_undoes_it(cluster, experiment, capacity):
    before = capacity()
    name = experiment("04-dynamodb-throttle", "killed-operator")
    in_phase(cluster, name, "Holding")
    assert capacity() != before
    words = ("delete", "pod", "-l", "app.kubernetes.io/name=cloudcafe-operator")
    cluster.kubectl("-n", NAMESPACE, *words, "--grace-period=0", "--force", "--wait=false")
    run = in_phase(cluster, name, "Finished")
    assert run["status"]["verdict"]
    assert capacity() == before


def test_deleting_an_experiment_in_the_middle_undoes_it_first(cluster, experiment, capacity):
    before = capacity()
    name = experiment("04-dynamodb-throttle", "deleted-midway")
    in_phase(cluster, name, "Holding")
    cluster.delete("chaosexperiment", name)
    gone(cluster, name)
    assert capacity() == before
    assert run_of(cluster, name) is None


def test_deleting_the_namespace_in_the_middle_undoes_it_first(
    cluster, experiment, capacity, namespace
):
    before = capacity()
    closing = namespace("chaos-closing", {"cloudcafe.dev/chaos": "allowed"})

    def watched_over_http(spec):
        url = f"http://menu.{NAMESPACE}:8080/stores/{NAMESPACE}.espresso-soho/menu"
        spec["steadyState"]["probes"] = [{"name": "menu", "http": {"url": url}}]

    name = experiment("04-dynamodb-throttle", "closing", watched_over_http, closing)
    in_phase(cluster, name, "Holding", namespace=closing)
    cluster.kubectl("delete", "namespace", closing, "--wait=false")
    cluster.wait(lambda: cluster.get("namespace", closing) is None, "the namespace to go", 120)
    assert capacity() == before


LABELS = {"app.kubernetes.io/name": "order", "app.kubernetes.io/part-of": "cloudcafe"}


def test_a_run_in_a_namespace_that_has_not_opted_in_touches_nothing(cluster, experiment, namespace):
    shy = namespace("chaos-shy")
    cluster.apply(pod(cluster, "shy", LABELS), namespace=shy)
    cluster.kubectl("-n", shy, "wait", "pod/shy", "--for=condition=Ready")
    run = in_phase(
        cluster, experiment("13-pod-kill", "shy", namespace=shy), "Finished", namespace=shy
    )
    assert run["status"]["verdict"] == "Inconclusive"
    assert "cloudcafe.dev/chaos" in run["status"]["message"]
    assert cluster.get("pod", "shy", namespace=shy)


def test_a_preview_names_its_targets_and_touches_nothing(cluster, experiment):
    def preview(spec):
        spec["mode"] = "Preview"

    pods = cluster.get("pods", "-l", "app.kubernetes.io/name=order")["items"]
    run = in_phase(cluster, experiment("13-pod-kill", "preview", preview), "Finished")
    assert run["status"]["preview"]["targets"]
    assert not run["status"].get("journal")
    after = cluster.get("pods", "-l", "app.kubernetes.io/name=order")["items"]
    assert {pod["metadata"]["uid"] for pod in pods} == {pod["metadata"]["uid"] for pod in after}


SELECTOR = {"selector": {"labels": LABELS}}


@pytest.mark.parametrize(
    ("names", "change"),
    [
        (
            "exactly one fault",
            lambda spec: spec["steps"][0]["faults"][0].update(podPartition=SELECTOR),
        ),
        ("hodl", lambda spec: spec["steps"][0].update(hodl="20s")),
        ("maxDuration", lambda spec: spec.update(limits={"maxDuration": "3h"})),
    ],
    ids=["two faults in one entry", "a misspelt field", "a duration over the limit"],
)
def test_the_api_server_refuses_a_bad_experiment_by_name(cluster, names, change):
    manifest = scenario("13-pod-kill")
    manifest["metadata"]["name"] = "refused"
    change(manifest["spec"])
    refused = cluster.apply(manifest, check=False)
    assert refused.returncode != 0
    assert names in refused.stderr


def test_the_experiment_tells_of_its_last_run(cluster, experiment):
    name = experiment("13-pod-kill", "told")
    in_phase(cluster, name, "Finished")

    def told():
        return cluster.get("chaosexperiment", name).get("status", {}).get("verdict")

    assert cluster.wait(told, "the verdict on the experiment", 30) == "Passed"
    assert condition(cluster.get("chaosexperiment", name), "Ready")
