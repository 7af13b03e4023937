"""The cluster that `make kind-test` made: the chart is installed, the tests share it.

KUBECONFIG names it, or `.cache/kubeconfig` as `make up` leaves it. Every test cleans up after
itself, so that the order of the tests does not matter.
"""

import json
import os
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from dev.system import LOCAL, ROOT
from dev.tools import tool

NAMESPACE = "cloudcafe"
AWS_TICKET = "access.cloudcafe.dev/aws"


class Cluster:
    """kubectl, and waiting for what it should come to say."""

    def __init__(self, kubeconfig):
        self.kubeconfig = kubeconfig
        self._kubectl = tool("kubectl")

    def kubectl(self, *words, text=None, check=True, timeout_s=90):
        command = [str(self._kubectl), "--kubeconfig", str(self.kubeconfig), *words]
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done

    def get(self, *words, namespace=NAMESPACE):
        """Return the object or list that `kubectl get` finds, or None."""
        done = self.kubectl("-n", namespace, "get", *words, "-o", "json", check=False)
        if done.returncode != 0:
            if "NotFound" in done.stderr or "not found" in done.stderr:
                return None
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)

    def apply(self, manifest, namespace=NAMESPACE, check=True):
        return self.kubectl(
            "-n", namespace, "apply", "-f", "-", text=json.dumps(manifest), check=check
        )

    def delete(self, *words, namespace=NAMESPACE):
        self.kubectl("-n", namespace, "delete", "--ignore-not-found", "--wait=false", *words)

    def wait(self, condition, what, timeout_s=90.0):
        """Return the condition's first true value; fail, saying its last value, after the time."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s:.0f} s in vain for {what}: {value!r}")
            time.sleep(0.2)

    def python(self, workload, code, namespace=NAMESPACE):
        """Run Python inside a pod, as the pod's own user and in its network."""
        words = ("exec", "-i", workload, "--", "python3", "-")
        return self.kubectl("-n", namespace, *words, text=code).stdout


@pytest.fixture(scope="session")
def cluster():
    named = os.environ.get("KUBECONFIG")
    kubeconfig = Path(named) if named else LOCAL / "kubeconfig"
    if not kubeconfig.exists():
        pytest.fail(f"{kubeconfig} does not exist: run `make kind-test` (or `make up`) first")
    return Cluster(kubeconfig)


def condition(thing, kind):
    """Return one of an object's conditions, or an empty one."""
    for found in (thing or {}).get("status", {}).get("conditions", []):
        if found["type"] == kind:
            return found
    return {}


@pytest.fixture(scope="session")
def soho(cluster):
    """The ten-line store of the README, Ready."""
    store = str(ROOT / "chaos/stores/espresso-soho.yaml")
    cluster.kubectl("-n", NAMESPACE, "apply", "-f", store)

    def ready():
        store = cluster.get("cafestore", "espresso-soho")
        return store if condition(store, "Ready").get("status") == "True" else None

    return cluster.wait(ready, "store espresso-soho to be Ready", 120)


def pod(cluster, name, labels):
    """Return the manifest of a pod that does nothing, of an image that the nodes have."""
    inventory = cluster.get("deploy", "inventory")["spec"]["template"]["spec"]["containers"][0]
    aws = [entry for entry in inventory["env"] if entry["name"].startswith("AWS_")]
    container = {
        "name": "idle",
        "image": inventory["image"],
        "command": ["python3", "-c", "import signal; signal.pause()"],
        "env": [
            *(entry for entry in aws if "value" in entry),
            *(entry for entry in aws if "value" not in entry and labels.get(AWS_TICKET)),
            {"name": "AWS_DEFAULT_REGION", "value": "eu-west-1"},
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "containers": [container],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }


@pytest.fixture(scope="session")
def bystander(cluster):
    """A pod beside the services, let through to their doors and to AWS; returns `pod/NAME`."""
    labels = {"cloudcafe.dev/client": "true", AWS_TICKET: "true"}
    labels["cloudcafe.dev/chaos"] = "forbidden"  # nobody would replace it: a drain leaves it
    cluster.kubectl("-n", NAMESPACE, "delete", "pod", "bystander", "--ignore-not-found")
    cluster.apply(pod(cluster, "bystander", labels))
    cluster.kubectl("-n", NAMESPACE, "wait", "pod/bystander", "--for=condition=Ready")
    yield "pod/bystander"
    cluster.delete("pod", "bystander")


@pytest.fixture
def namespace(cluster):
    """Make namespaces that go with the test; returns a function (name, labels) -> name."""
    made = []

    def make(name, labels=None):
        cluster.kubectl("delete", "namespace", name, "--ignore-not-found", timeout_s=120)
        metadata = {"name": name, "labels": labels or {}}
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        made.append(name)
        return name

    yield make
    for name in made:
        cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")


@pytest.fixture
def order(cluster, soho, bystander):
    """Buy coffee from inside the cluster; returns a function that yields the HTTP answer."""
    till = cluster.get("secret", "espresso-soho-till")["data"]
    store = f"{NAMESPACE}.espresso-soho"

    def send(body=None, key=None, headers=None):
        request = {
            "key": str(uuid.uuid4()) if key is None else key,
            "till": till["key"],
            "body": body if body is not None else {"storeId": store, "lines": [LINE]},
            "headers": headers or {},
        }
        return json.loads(cluster.python(bystander, f"REQUEST = {request!r}\n{_BUY}"))

    return send


LINE = {"sku": "espresso", "quantity": 1}

_BUY = """
import base64, json, urllib.error, urllib.request
headers = {"Content-Type": "application/json",
           "Authorization": "Bearer " + base64.b64decode(REQUEST["till"]).decode()}
if REQUEST["key"]:
    headers["Idempotency-Key"] = REQUEST["key"]
headers.update(REQUEST["headers"])
body = json.dumps(REQUEST["body"]).encode()
call = urllib.request.Request("http://order:8080/orders", body, headers)
try:
    with urllib.request.urlopen(call, timeout=5) as answer:
        print(json.dumps({"status": answer.status, "body": json.load(answer)}))
except urllib.error.HTTPError as refused:
    print(json.dumps({"status": refused.code, "body": json.load(refused)}))
except OSError as silence:
    print(json.dumps({"status": 0, "body": {"title": str(silence)}}))
"""
