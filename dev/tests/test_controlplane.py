"""The bare control plane is there in seconds, alone or in pairs, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys

import pytest

from dev.controlplane import ControlPlane
from dev.controlplane.processes import start_time
from dev.system import ROOT, ProblemError, wait_until
from dev.tools import tool

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with ControlPlane.start(tmp_path_factory.mktemp("plane")) as running:
        yield running


def kubectl(plane, *words, text=None):
    command = [tool("kubectl"), "--kubeconfig", plane.kubeconfig, *words]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_serves_the_admission_policies_that_the_chart_uses(plane):
    served = kubectl(plane, "api-resources", "--api-group=admissionregistration.k8s.io", "-o=name")

    assert "mutatingadmissionpolicies.admissionregistration.k8s.io" in served
    assert "validatingadmissionpolicies.admissionregistration.k8s.io" in served


def test_its_controllers_work(plane):
    kubectl(plane, "create", "namespace", "trial")

    kubectl(plane, "-n", "trial", "wait", "--for=create", "serviceaccount/default")
    kubectl(plane, "delete", "namespace", "trial")  # waits until the controllers emptied it


def test_a_second_one_beside_it_is_another_cluster(plane, tmp_path):
    with ControlPlane.start(tmp_path / "second") as second:
        kubectl(second, "create", "namespace", "only-here")

        found = json.loads(kubectl(plane, "get", "namespaces", "-o=json"))["items"]
        assert "only-here" not in {item["metadata"]["name"] for item in found}


def test_refuses_a_folder_in_use(plane):
    with pytest.raises(ProblemError, match="not empty"):
        ControlPlane.start(plane.folder)


def test_ends_with_the_process_that_started_it_however_that_dies(tmp_path):
    script = (
        "import sys; from pathlib import Path; from dev.controlplane import ControlPlane\n"
        "plane = ControlPlane.start(Path(sys.argv[1]))\n"
        "print(*[process.pid for process in plane.processes], flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "plane")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 3
        os.kill(parent.pid, signal.SIGKILL)

    wait_until(lambda: not any(start_time(pid) for pid in pids), "its programs to end", 10)


def test_one_that_was_kept_is_found_and_stopped_by_another_command(tmp_path):
    folder = tmp_path / "kept"
    kept = ControlPlane.start(folder, keep=True)

    found = ControlPlane.find(folder)

    assert found.alive()
    assert found.server == kept.server
    found.stop()
    assert not kept.alive()
    assert not folder.exists()
