"""The release as a whole: Helm's own test, and the metrics that autoscalers live on."""

import subprocess

import pytest

from dev.tools import tool
from tests.cluster.conftest import NAMESPACE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


def test_helm_test_buys_a_coffee(cluster):
    command = [tool("helm"), "test", "cloudcafe", "-n", NAMESPACE, "--logs"]
    done = subprocess.run(
        [*command, "--kubeconfig", cluster.kubeconfig],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a coffee was bought" in done.stdout


def test_autoscalers_see_the_services_load(cluster):
    def seen():
        scalers = cluster.get("horizontalpodautoscalers")["items"]
        metrics = [scaler["status"].get("currentMetrics") for scaler in scalers]
        return bool(metrics) and all(metrics)

    cluster.wait(seen, "every autoscaler to see its service's CPU", 120)


def test_every_pod_is_restricted_and_the_namespace_insists(cluster):
    labels = cluster.get("namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    root = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "root", "image": "cloudcafe/none"}]},
    }
    refused = cluster.apply(root, check=False)
    assert refused.returncode != 0
    assert "violates PodSecurity" in refused.stderr
