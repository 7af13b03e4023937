"""`cafectl` with a real API server and the real operator: started, followed, halted, reported."""

import json
import re

import pytest
import yaml
from cafectl.app import app
from cafectl.chaos import cluster as connection
from cafectl.chaos import start
from cloudcafe_operator.resources.store import example
from typer.testing import CliRunner

from tests.crash.worlds import experiment
from tests.integration.cluster import eventually
from tests.integration.test_experiments import furnish

pytestmark = pytest.mark.integration


@pytest.fixture
def cafectl(cluster, namespace, home, monkeypatch, tmp_path):
    """Run a command in the test's namespace; fails on anything but the expected exit code."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    monkeypatch.setenv("CAFE_NAMESPACE", namespace)
    monkeypatch.setenv("CAFE_OPERATOR_NAMESPACE", home)
    monkeypatch.chdir(tmp_path)
    connection._connection.cache_clear()

    def run(*words, code=0):
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout if "json" in words else result.output

    yield run
    connection._connection.cache_clear()


@pytest.fixture
def shop(cluster, namespace, cafe, operator, written):
    """A shop to break, an operator, and the file of an experiment."""
    furnish(cluster, namespace, cafe)
    operator.start()
    return written


@pytest.fixture
def written(tmp_path):
    """The file of an experiment."""
    return write(tmp_path, "podPartition", "cut")


def write(folder, fault, name):
    """Write a short experiment; return its file."""
    probe = {"name": "coffee", "order": {"store": "espresso-soho"}}
    item = experiment(fault, steadyState={"baseline": "3s", "probes": [probe]})
    item["metadata"] = {"name": name}
    item["spec"]["steps"][0]["hold"] = "2s"
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(item))
    return path


def test_an_experiment_is_previewed_run_repeated_compared_and_reported(
    cafectl, shop, cluster, namespace, tmp_path
):
    shop = write(tmp_path, "dynamodbThrottle", "slow")
    told = cafectl("preview", shop)
    assert "dynamodbThrottle on " in told
    assert "A run would hit 1 target. Nothing was touched." in told
    assert cluster.list("chaosexperiments", namespace) == []
    told = cafectl("run", shop, "--junit", tmp_path / "junit.xml")
    words = re.findall(r"^\+\S+ (\w+)", told, flags=re.MULTILINE)
    for word in ("Started", "Injecting", "InForce", "Undoing", "Reverted", "Passed"):
        assert word in words
    assert 'failures="0"' in (tmp_path / "junit.xml").read_text()
    cafectl("run", "slow")
    found = json.loads(cafectl("history", "slow", "--json"))
    assert [one["verdict"] for one in found["runs"]] == ["Passed", "Passed"]
    assert len(found["comparable"]) == 2
    cafectl("report", "slow", "-o", tmp_path / "slow.html")
    assert "dynamodbThrottle" in (tmp_path / "slow.html").read_text()
    assert "The baseline was steady" in cafectl("explain", "slow")


def test_a_partition_that_no_probe_noticed_proves_nothing(cafectl, shop, cluster, namespace):
    told = cafectl("run", shop, code=3)
    assert "no probe noticed the fault" in " ".join(told.split())
    (run,) = cluster.list("chaosruns", namespace)
    assert run["status"]["verdict"] == "Inconclusive"


def test_a_preview_names_the_store_that_is_protected_now(cafectl, shop, cluster, namespace):
    always = [{"start": "00:00", "end": "24:00"}]
    spec = {"city": "London", "timezone": "Europe/London", "currency": "GBP", "paused": True}
    store = {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "CafeStore",
        "metadata": {"name": "soho", "namespace": namespace},
        "spec": {**spec, "chaos": {"protectedHours": [{"start": "08:00", "end": "08:00"}]}},
    }
    assert "end must differ from start" in cluster.apply(store, ok=False)
    store["spec"]["chaos"] = {"protectedHours": always}
    cluster.apply(store)
    told = " ".join(cafectl("preview", shop, code=1).split())
    assert f"refused: store {namespace}/soho is protected until" in told
    assert f"left of service {namespace}/order" in told
    assert "run it later" in cafectl("run", shop, code=3)
    assert not cluster.list("networkpolicies", namespace)
    cluster.kubectl("delete", "cafestore", "soho", "-n", namespace, "--timeout=60s")


@pytest.fixture
def on_local_aws(local_aws, monkeypatch):
    """Let commands find the embedded AWS."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("on_local_aws")
def test_what_a_lost_store_left_is_found_removed_and_then_there_is_none(
    cafectl, cluster, namespace, operator
):
    manifest = example()
    manifest["metadata"] = {"name": "corner", "namespace": namespace}
    operator.start()
    cluster.apply(manifest)
    wait = ("wait", "--for=condition=Ready", "store", "corner", "-n", namespace, "--timeout=60s")
    cluster.kubectl(*wait)
    assert "0 orphans; the cluster has " in cafectl("orphans")
    operator.kill()
    no_finalizer = '{"metadata":{"finalizers":null}}'
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--wait=false")
    cluster.kubectl("patch", "store", "corner", "-n", namespace, "--type=merge", "-p", no_finalizer)
    rows = json.loads(cafectl("orphans", "-o", "json", code=1))
    assert {"SQSQueue", "SecretsManagerSecret"} <= {row["kind"] for row in rows}
    assert {row["why"] for row in rows} == {f"store {namespace}/corner does not exist"}
    cafectl("orphans", "--delete", "--yes")
    assert "0 orphans" in cafectl("orphans")


def test_a_halt_undoes_what_is_in_force_and_keeps_others_from_beginning(
    cafectl, shop, cluster, namespace
):
    item = yaml.safe_load(shop.read_text())
    item["spec"]["steps"][0]["hold"] = "60s"
    shop.write_text(yaml.safe_dump(item))
    name = cafectl("run", shop, "--no-wait").strip()
    eventually(lambda: phase(cluster, name, namespace) == "Holding", seconds=60)
    assert cluster.list("networkpolicies", namespace)
    told = cafectl("halt", "-n", "default", "--reason", "enough", "--within", "60s")
    assert "nothing is in force in any namespace" in told
    assert not cluster.list("networkpolicies", namespace)
    assert "Halted" in cafectl("watch", name, code=4)
    assert "Halted" in cafectl("run", shop, code=4)
    assert "has no operator" in cafectl("resume", "--operator-namespace", namespace, code=2)
    assert "runs may begin again" in cafectl("resume")
    assert "step break" not in cafectl("explain", "Halted")


def test_without_an_operator_nothing_is_left_that_would_begin_later(
    cafectl, written, cluster, namespace, monkeypatch
):
    monkeypatch.setattr(start, "START_S", 2.0)
    assert "it was removed again" in cafectl("run", written, code=2)
    assert cluster.list("chaosexperiments", namespace) == []
    item = yaml.safe_load(written.read_text())
    item["metadata"]["namespace"] = namespace
    cluster.apply(item)
    (before,) = cluster.list("chaosexperiments", namespace)
    item["spec"]["steps"][0]["hold"] = "9s"
    written.write_text(yaml.safe_dump(item))
    assert "it is again as it was" in cafectl("run", written, code=2)
    (after,) = cluster.list("chaosexperiments", namespace)
    assert after["spec"] == before["spec"]
    assert start.AGAIN not in after["metadata"].get("annotations", {})
    assert "add -n" in cafectl("run", written, "-n", "default", code=2)


def test_a_misspelt_experiment_is_refused_with_the_servers_sentence(cafectl, written):
    item = yaml.safe_load(written.read_text())
    item["spec"]["hypotesis"] = "?"
    written.write_text(yaml.safe_dump(item))
    assert 'unknown field "spec.hypotesis"' in cafectl("run", written, code=2)


def phase(cluster, name, namespace):
    return (cluster.get("chaosruns", name, namespace) or {}).get("status", {}).get("phase")
