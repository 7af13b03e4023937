"""What a helm that was killed leaves behind does not stop the next one."""

import json
import subprocess

import pytest

from dev import release
from dev.controlplane import ControlPlane
from dev.kind.cluster import Cluster
from dev.operator import OVER_THE_OPERATOR
from dev.system import wait_until
from dev.tools import tool

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "never-ready"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "it"}},
        "template": {
            "metadata": {"labels": {"app": "it"}},
            "spec": {"containers": [{"name": "it", "image": "none"}]},
        },
    },
}


def test_a_kubeconfig_of_the_users_own_is_respected(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "mine"))

    assert release.own_cluster() == tmp_path / "mine"


def test_the_kubeconfig_that_we_wrote_is_not_the_users_own(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(Cluster().kubeconfig))

    assert release.own_cluster() is None


def hold_by_the_operator(kubeconfig):
    """Let the operator hold a field that helm wrote, at another value."""
    held = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 3}}
    command = [str(tool("kubectl")), "--kubeconfig", str(kubeconfig), "-n", "cloudcafe", "apply"]
    command += ["--server-side", "--force-conflicts", "--field-manager=cloudcafe-operator"]
    subprocess.run([*command, "-f", "-"], input=json.dumps(held).encode(), check=True)


@pytest.fixture
def chart(tmp_path):
    """A chart that never gets ready where there are no nodes."""
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: trial\nversion: 0.1.0\n")
    (folder / "templates" / "deployment.yaml").write_text(json.dumps(DEPLOYMENT))
    return folder


@pytest.mark.integration
@pytest.mark.parametrize(
    ("installed_before", "left"), [(False, []), (True, ["deployed"])], ids=["install", "upgrade"]
)
def test_a_killed_helm_is_recovered_from(tmp_path, chart, installed_before, left):
    with ControlPlane.start(tmp_path / "plane") as plane:
        helm = [str(tool("helm")), "--kubeconfig", str(plane.kubeconfig)]
        words = ["upgrade", "--install", "cloudcafe", str(chart), "-n", "cloudcafe"]
        words += OVER_THE_OPERATOR

        def status():
            listing = subprocess.run(
                [*helm, "list", "-n", "cloudcafe", "-o", "json"],
                capture_output=True,
                check=True,
            )
            return [entry["status"] for entry in json.loads(listing.stdout)]

        if installed_before:
            subprocess.run([*helm, *words, "--create-namespace"], check=True, capture_output=True)
        with subprocess.Popen(
            [*helm, *words, "--create-namespace", "--wait", "--timeout", "2m", "--set", "a=b"],
            stdout=subprocess.DEVNULL,
        ) as killed:
            wait_until(lambda: any("pending" in s for s in status()), "a helm at work", 30)
            killed.kill()
        if installed_before:
            hold_by_the_operator(plane.kubeconfig)

        release._recover(plane.kubeconfig)

        assert status() == left
