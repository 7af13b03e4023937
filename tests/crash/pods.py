"""The Kubernetes side of a small world: nodes, the pods of a Deployment, and what burns in them."""

from cloudcafe_operator.errors import Unavailable

OPTED_IN = {"cloudcafe.dev/chaos": "allowed"}
LABELS = {"app.kubernetes.io/name": "order", "pod-template-hash": "abc"}
NODES = ("node-1", "node-2", "node-3")


class Pods:
    """Deployment order on three nodes: a pod that goes is replaced at once, where one may run."""

    def __init__(self, kubernetes, admin, namespace):
        self._kubernetes = kubernetes
        self._namespace = namespace
        self._made = 0
        self.gone = []
        self.stress = {}  # by address
        self.stressed = 0
        for name in NODES:
            kubernetes.seed(node(name))
        kubernetes.watchers.append(self.replace)
        admin.mount("order", self._admin)
        for _ in NODES:
            self.add()

    def add(self):
        """Run one more pod."""
        self._made += 1
        owner = {"kind": "ReplicaSet", "name": "order-abc", "uid": "rs", "controller": True}
        self._kubernetes.seed(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": f"order-abc-{self._made}",
                    "namespace": self._namespace,
                    "labels": dict(LABELS),
                    "ownerReferences": [owner],
                },
                "spec": {"nodeName": self._place()},
                "status": {
                    "phase": "Running",
                    "podIP": f"10.0.0.{self._made}",
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            }
        )

    def _place(self):
        open_nodes = [
            name
            for name in NODES
            if not self._kubernetes.find("Node", name)["spec"].get("unschedulable")
        ]
        return open_nodes[self._made % len(open_nodes) - 1]

    def replace(self, change, item):
        if change == "DELETED" and item["kind"] == "Pod":
            self.gone.append(item["metadata"]["uid"])
            self.stress.pop((item.get("status") or {}).get("podIP"), None)
            self.add()

    def _admin(self, method, path, address, body):
        """The stress of each pod's admin port, as the services have it."""
        pods = [item for (_, kind, *_), item in self._kubernetes.objects.items() if kind == "Pod"]
        if address not in {pod["status"]["podIP"] for pod in pods}:
            raise Unavailable(f"nobody at {address}")
        route, _, owner = path.partition("?owner=")
        assert route == "/admin/stress"
        if method == "POST":
            self.stressed += 1
            self.stress[address] = {"active": True, "story": "Morning Rush", **body}
        if method == "DELETE" and owner in ("", self.stress.get(address, {}).get("owner")):
            self.stress.pop(address, None)
        return self.stress.get(address, {"active": False, "story": "Morning Rush"})


def node(name, **meta):
    """Return a ready node that opted in."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {**OPTED_IN, "pool": "cafe"},
            "annotations": {"made": "by the test"},
            **meta,
        },
        "spec": {"providerID": name},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
