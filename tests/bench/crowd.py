"""Thousands of pods without a node: Deployments whose controller makes them, and a kubelet's word.

The pod template names its node, so nothing is scheduled; `Kubelets` writes Running and Ready for
each pod that appears, as kubelets would, and keeps the nodes' leases fresh.
"""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from cloudcafe_operator.errors import NotFound
from cloudcafe_operator.kinds import DEPLOYMENTS, LEASES, NAMESPACES, NODES, PODS, ref_of
from cloudcafe_operator.ports import Ref

MANAGED = [f"fake-{number:02}" for number in range(20)]
AT_ONCE = 24
BEAT_S = 15
READY = {
    "phase": "Running",
    "podIP": "10.1.2.3",
    "conditions": [
        {"type": kind, "status": "True"}
        for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ],
    "containerStatuses": [
        {
            "name": "web",
            "image": "registry.example/cafe/web:1.4.2",
            "imageID": "registry.example/cafe/web@sha256:" + 64 * "a",
            "containerID": "containerd://" + 64 * "b",
            "ready": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }
    ],
}


def deployment(namespace, name, replicas, node):
    """Return a Deployment with a template as long as real ones are."""
    labels = {"app": name, "tier": "web", "app.kubernetes.io/part-of": "cafe"}
    env = [{"name": f"CAFE_SETTING_{n}", "value": f"value of setting {n}"} for n in range(15)]
    probe = {"httpGet": {"path": "/healthz", "port": 8081}, "periodSeconds": 5}
    container = {
        "name": "web",
        "image": "registry.example/cafe/web:1.4.2",
        "env": env,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "livenessProbe": probe,
        "readinessProbe": probe,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"nodeName": node, "containers": [container]},
            },
        },
    }


class Kubelets:
    """What all kubelets of the fake nodes would write."""

    def __init__(self, kubernetes, namespaces):
        self._kubernetes = kubernetes
        self._namespaces = namespaces
        self._gate = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def running(self):
        """Run while something else does."""
        await asyncio.gather(*(self._join(node) for node in MANAGED))
        tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._pods())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _join(self, name):
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        await self._kubernetes.create(NODES, node)
        ready = [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "fake"}]
        await self._kubernetes.patch_status(Ref(NODES, name), {"conditions": ready})

    async def _beat(self):
        while True:
            await asyncio.gather(*(self._renew(node) for node in MANAGED))
            await asyncio.sleep(BEAT_S)

    async def _renew(self, name):
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now}
        lease = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": name, "namespace": "kube-node-lease"},
            "spec": spec,
        }
        await self._kubernetes.apply(LEASES, lease)

    async def _pods(self):
        while True:
            for namespace in self._namespaces:
                fields = "status.phase=Pending"
                found = await self._kubernetes.list(PODS, namespace=namespace, fields=fields)
                await asyncio.gather(*(self._start(pod) for pod in found))
            await asyncio.sleep(0.2)

    async def _start(self, pod):
        async with self._gate:
            try:
                await self._kubernetes.patch_status(ref_of(pod), READY)
            except NotFound:
                return  # killed before it ran


async def fill(kubernetes, namespace, *, deployments, replicas):
    """Create a namespace that opted in, with its Deployments; return once all pods run."""
    meta = {"name": namespace, "labels": {"cloudcafe.dev/chaos": "allowed"}}
    await kubernetes.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    for number in range(deployments):
        node = MANAGED[number % len(MANAGED)]
        made = deployment(namespace, f"web-{number:03}", replicas, node)
        await kubernetes.create(DEPLOYMENTS, made)
    deadline = time.monotonic() + 180
    while await ready_replicas(kubernetes, namespace) < deployments * replicas:
        assert time.monotonic() < deadline, f"the pods of {namespace} do not run"
        await asyncio.sleep(1)


async def ready_replicas(kubernetes, namespace):
    """Return how many pods the Deployments see ready."""
    found = await kubernetes.list(DEPLOYMENTS, namespace=namespace)
    return sum((item.get("status") or {}).get("readyReplicas", 0) for item in found)
