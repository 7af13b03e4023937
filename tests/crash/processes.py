"""The real operator as a process between two proxies, killed with SIGKILL at one of its writes."""

import json
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3

from tests.crash.proxy import Trap, Upstream, aws_write, kubernetes_write, proxy
from tests.crash.worlds import FAULTS, OPTED_IN
from tests.integration.operator_process import OperatorProcess

INJECTING = ("FailoverDBCluster", "UpdateTable")
STORE = "espresso-soho"
SECONDS = 90  # a run takes ten, taking over a claim of a dead operator half a minute
LOWERED = 100
TABLES = ("cloudcafe-inventory", "cloudcafe-orders", "cloudcafe-payments")
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: proxy
clusters: [{{name: proxy, cluster: {{server: "{url}"}}}}]
contexts: [{{name: proxy, context: {{cluster: proxy, user: nobody, namespace: "{namespace}"}}}}]
users: [{{name: nobody, user: {{}}}}]
"""


class Rig:
    """A namespace, an AWS and an operator of a test's own, with a trap around its writes."""

    def __init__(self, cluster, local_aws, cafe, folder, namespace):
        self.cluster, self.aws, self.cafe = cluster, local_aws, cafe
        self.folder, self.namespace = folder, namespace
        self.trap = Trap()
        self.api = Upstream.of_kubeconfig(cluster.kubeconfig)
        self.operator = None

    @contextmanager
    def running(self, cafe_url):
        """Start proxies; the operator is started by `run`."""
        with ExitStack() as stack:
            kubernetes = stack.enter_context(proxy(self.api, kubernetes_write, self.trap))
            aws = stack.enter_context(proxy(Upstream(self.aws.url), aws_write, self.trap))
            kubeconfig = self.folder / "kubeconfig"
            kubeconfig.write_text(KUBECONFIG.format(url=kubernetes, namespace=self.namespace))
            settings = {
                **self.aws.environment,
                "AWS_ENDPOINT_URL": aws,
                "KUBECONFIG": str(kubeconfig),
                "POD_NAMESPACE": self.namespace,
                "POD_NAME": "operator-to-kill",
                "CAFE_NAMESPACES": self.namespace,
                "CAFE_ORDER_URL": cafe_url,
                "CAFE_MENU_URL": cafe_url,
                "CAFE_INVENTORY_URL": cafe_url,
                "CAFE_SERVICE_TOKEN": "token",
                "CAFE_LEASE_SECONDS": "4",
            }
            self.operator = OperatorProcess(settings, self.folder / "operator.log")
            try:
                yield self
            finally:
                self._kill()

    def seed_bug(self):
        """Let the operator inject before it records, from its next start on."""
        self.operator.environment["PYTHONPATH"] = str(Path(__file__).parent / "bug")

    def run(self, fault, name, number, moment, among=()):
        """Run one experiment with one kill; return what is wrong afterwards."""
        self.aws.reset()
        store = f"{self.namespace}.{STORE}"
        self.cafe.stores[store] = {"id": store, "acceptingOrders": True, "currency": "GBP"}
        self.cafe.menus[store] = {"items": [{"sku": "espresso", "priceMinor": 280}]}
        before = self.world()
        self._kill()
        self.trap.disarm()
        self.operator.start()
        self.trap.arm(number, moment, self._kill, among)
        self.cluster.apply(experiment(fault, name, self.namespace))
        status = self._finished(name)
        problem = self._judge(fault, before, status)
        hit = self.trap.hit
        self.trap.disarm()
        self.trap.hit = hit
        self.cluster.kubectl("delete", "chaosexperiment", name, "-n", self.namespace)
        return problem

    def _finished(self, name):
        """Wait for the verdict and until nothing is held; revive the operator when it is dead."""
        deadline = time.monotonic() + SECONDS
        kinds = f"/apis/cloudcafe.dev/v1alpha1/namespaces/{self.namespace}"
        run = {}
        while time.monotonic() < deadline:
            if self.operator.process.poll() is not None:
                self.operator.start()
            run = self.api.get(f"{kinds}/chaosruns/{name}-1") or {}
            owner = self.api.get(f"{kinds}/chaosexperiments/{name}") or {}
            if _is_over(run) and _is_over(owner):
                return run["status"]
            time.sleep(0.2)
        return run.get("status") or {}

    def _judge(self, fault, before, status):
        after = self.world()
        if after != before:
            return f"the world is not as before: {after} instead of {before}"
        if not status.get("verdict"):
            return f"no verdict: {json.dumps(status)[:600]}"
        still_open = [e for e in status.get("journal", []) if e["state"].startswith("Inj")]
        if still_open:
            return f"open journal: {still_open}"
        count = self.injections(fault)
        if count > 1:
            return f"injected {count} times"
        if status["verdict"] == "Passed" and count != 1:
            return "passed without an injection"
        return ""

    def injections(self, fault):
        """How often AWS was asked to break something."""
        if fault == "auroraFailover":
            return sum(what == "FailoverDBCluster" for what, _ in self.trap.done)
        bodies = [json.loads(body) for what, body in self.trap.done if what == "UpdateTable"]
        return sum(b["ProvisionedThroughput"]["WriteCapacityUnits"] < LOWERED for b in bodies)

    def world(self):
        """What must be as before, roles of Aurora's members left aside."""
        dynamodb = boto3.client("dynamodb", **self.aws.client_arguments)
        rds = boto3.client("rds", **self.aws.client_arguments)
        tables = {}
        for name in TABLES:
            table = dynamodb.describe_table(TableName=name)["Table"]
            units = table["ProvisionedThroughput"]
            tables[name] = (units["ReadCapacityUnits"], units["WriteCapacityUnits"])
        (cluster,) = rds.describe_db_clusters(DBClusterIdentifier="cloudcafe")["DBClusters"]
        members = sorted(m["DBInstanceIdentifier"] for m in cluster["DBClusterMembers"])
        writers = sum(m["IsClusterWriter"] for m in cluster["DBClusterMembers"])
        return {"tables": tables, "cluster": (cluster["Status"], members, writers)}

    def _kill(self):
        process = self.operator.process if self.operator else None
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()


def _is_over(item):
    """Whether a run or an experiment says Finished and may go."""
    finished = (item.get("status") or {}).get("phase") == "Finished"
    return finished and not item["metadata"].get("finalizers")


def experiment(fault, name, namespace):
    """Return the shortest useful experiment; one table is enough to throttle."""
    arguments = dict(FAULTS[fault])
    if fault == "dynamodbThrottle":
        arguments["selector"] = {"names": ["cloudcafe-orders"], "tags": OPTED_IN}
    probe = {"name": "coffee", "timeout": "2s", "order": {"store": STORE}}
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosExperiment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "hypothesis": "Whatever dies, it is undone.",
            "steadyState": {"baseline": "3s", "probes": [probe]},
            "steps": [{"name": "break", "faults": [{fault: arguments}], "hold": "2s"}],
            "limits": {"maxDuration": "3m"},
        },
    }
