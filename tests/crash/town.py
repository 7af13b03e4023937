"""What faults on pods need beyond a bare control plane: nodes, kubelets, admin ports.

Deployments, ReplicaSets and pods are real: the controller manager makes and replaces them. A
thread stands for scheduler and kubelets: it places pods, says that they run, and lets those go
that were deleted. Each pod has a loopback address of its own, where one server answers for its
admin port as the services do.
"""

import http.client
import itertools
import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cloudcafe_operator.effects.admin import PORT

OPTED_IN = {"cloudcafe.dev/chaos": "allowed"}
SERVICES = {"order": 3, "menu": 2, "inventory": 3, "loyalty": 3, "analytics-worker": 3}
DRAINED = "storefront"  # its pods run on the nodes that are drained, nobody else's do
WANTED = {**SERVICES, DRAINED: 2}  # pods of each Deployment
NODES = {"cafe-1": "cafe", "spare-1": "spare", "spare-2": "spare"}
PAUSE_S = 0.2
HEARTBEATS = 25  # pauses from one sign of life of a node to the next
ADDRESSES = itertools.count(1)


class Town:
    """Nodes, pods and admin ports; `trap` counts what is asked of the admin ports."""

    def __init__(self, cluster, api, namespace, trap):
        self._cluster, self._api, self._namespace, self._trap = cluster, api, namespace, trap
        self._over = threading.Event()
        self.troubles = []
        self.stress, self.flushed_by, self.flushes = {}, "", 0

    @contextmanager
    def open(self):
        """Make it, and keep it running."""
        self._cluster.apply(*map(_node, NODES, NODES.values()))
        self._cluster.apply(*(_deployment(*one, self._namespace) for one in WANTED.items()))
        server = _AdminServer(("0.0.0.0", PORT), _Admin)
        server.town, server.trap = self, self._trap
        threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}),
            threading.Thread(target=self._run),
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            server.shutdown()
            for thread in threads:
                thread.join()
            server.server_close()

    def ready(self):
        """How many pods of each service are ready."""
        found = dict.fromkeys(WANTED, 0)
        for pod in self._pods():
            if _is_ready(pod):
                found[pod["metadata"]["labels"]["app.kubernetes.io/name"]] += 1
        return found

    def state(self):
        """What must be as before."""
        nodes = self._api.get("/api/v1/nodes")["items"]
        policies = f"/apis/networking.k8s.io/v1/namespaces/{self._namespace}/networkpolicies"
        return {
            "ready": self.ready(),
            "labels": sorted({key for pod in self._pods() for key in pod["metadata"]["labels"]}),
            "closed nodes": [
                n["metadata"]["name"] for n in nodes if n["spec"].get("unschedulable")
            ],
            "node annotations": [sorted(n["metadata"].get("annotations") or ()) for n in nodes],
            "policies": [p["metadata"]["name"] for p in self._api.get(policies)["items"]],
            "stress": {a: s for a, s in self.stress.items() if s.get("active")},
        }

    def _pods(self):
        return self._api.get(f"/api/v1/namespaces/{self._namespace}/pods")["items"]

    def _run(self):
        for turn in itertools.count():
            try:
                if turn % HEARTBEATS == 0:
                    self._beat()
                for pod in self._pods():
                    self._tend(pod)
            except (OSError, http.client.HTTPException, TypeError) as error:
                self.troubles.append(repr(error))
            if self._over.wait(PAUSE_S):
                return

    def _beat(self):
        for name in NODES:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            status = {"status": {"conditions": [{**_condition(), "lastHeartbeatTime": now}]}}
            self._api.send("PATCH", f"/api/v1/nodes/{name}/status", status)

    def _tend(self, pod):
        meta, path = pod["metadata"], f"/api/v1/namespaces/{self._namespace}/pods"
        path = f"{path}/{meta['name']}"
        if "deletionTimestamp" in meta:
            self._api.send("DELETE", path, {"gracePeriodSeconds": 0})
        elif not pod["spec"].get("nodeName"):
            target = {"kind": "Node", "name": self._place(pod)}
            binding = {"metadata": {"name": meta["name"]}, "target": target}
            body = {"apiVersion": "v1", "kind": "Binding", **binding}
            self._api.send("POST", f"{path}/binding", body)
        elif not _is_ready(pod):
            number = next(ADDRESSES)
            address = f"127.9.{number // 250}.{number % 250 + 1}"
            status = {"phase": "Running", "conditions": [_condition()], "podIP": address}
            status["podIPs"] = [{"ip": address}]
            self._api.send("PATCH", f"{path}/status", {"status": status})

    def _place(self, pod):
        if pod["metadata"]["labels"]["app.kubernetes.io/name"] != DRAINED:
            return "cafe-1"
        nodes = self._api.get("/api/v1/nodes")["items"]
        return next(
            node["metadata"]["name"]
            for node in nodes
            if node["metadata"]["name"].startswith("spare")
            and not node["spec"].get("unschedulable")
        )

    def answer(self, method, path, address, body):
        """The admin port of the pod at an address."""
        route, _, owner = path.partition("?owner=")
        if route == "/admin/stress":
            if method == "POST":
                self.stress[address] = {"active": True, "story": "Morning Rush", **body}
            if method == "DELETE" and owner == self.stress.get(address, {}).get("owner"):
                self.stress.pop(address)
            return self.stress.get(address, {"active": False, "story": "Morning Rush"})
        if route == "/cache/flush" and self.flushed_by != body["by"]:
            self.flushes += 1
            self.flushed_by = body["by"]
        return {"requests": 10, "hits": 9, "keys": 5, "flushedBy": self.flushed_by, "flushed": True}


class _AdminServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        """Clients are killed on purpose."""


class _Admin(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        body = json.loads(content) if content else {}
        town, address = self.server.town, self.connection.getsockname()[0]
        owner = "cpuStress" if "/admin/stress" in self.path else "elasticacheFlush"
        trap, write = self.server.trap, None
        if self.command != "GET":
            what = f"{self.command} admin {self.path.partition('?')[0]}"
            write = trap.reached(owner, what, content.decode())
            if write is None:
                self.close_connection = True
                return
            if status := trap.error(write):
                self._send(status, {"title": "no", "detail": "the proxy says no", "remedy": "wait"})
                return
        answer = town.answer(self.command, self.path, address, body)
        if write is None:
            self._send(200, answer)
        elif trap.happened(write):
            self.close_connection = True
        else:
            trap.reply(write, lambda: self._send(200, answer))

    def _send(self, status, document):
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_):
        """Keep the test's output clean."""


def _condition():
    return {"type": "Ready", "status": "True", "reason": "Stands", "message": "by the test"}


def _is_ready(pod):
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _node(name, pool):
    meta = {"name": name, "labels": {**OPTED_IN, "pool": pool}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta}


def _deployment(name, replicas, namespace):
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "cloudcafe"}
    ports = [{"name": "admin", "containerPort": PORT}]
    pod = {"containers": [{"name": "main", "image": "none", "ports": ports}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
