"""The pods of this namespace, as what stands for ECS tasks and Auto Scaling members.

Consequences list and delete them through the Kubernetes API, and read how many their Deployments
want; the chart's Role allows just that.
Every call is bounded in time. The token is read each time, since the kubelet renews it.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from localaws.settings import Settings

IDENTITY = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SECONDS = 2.0
GONE = (404, 409)


class PodsUnreachableError(Exception):
    """The Kubernetes API did not answer, or refused."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod, as far as AWS would tell of it."""

    name: str
    uid: str
    created: str  # RFC 3339
    running: bool  # ready and not on its way out
    stopping: bool

    @property
    def hexadecimal(self) -> str:
        """Its uid as AWS writes the ids of what it makes."""
        return self.uid.replace("-", "")


class Pods:
    """A client of the Kubernetes API, for the pods of one namespace."""

    def __init__(self, url: str, namespace: str, identity: Path = IDENTITY) -> None:
        self._identity = identity
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self._deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        authority = identity / "ca.crt"
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=SECONDS,
            trust_env=False,
            verify=_verified_by(authority),
        )

    @classmethod
    def of(cls, settings: Settings) -> Pods | None:
        """The namespace's pods; None where no Kubernetes is told of: then nothing runs."""
        if not settings.kubernetes_url:
            return None
        return cls(settings.kubernetes_url, settings.namespace, Path(settings.identity_dir))

    async def of_service(self, name: str) -> list[Pod]:
        """The pods of a service of the cafe, oldest first. Raises PodsUnreachableError."""
        labels = f"app.kubernetes.io/name={name},app.kubernetes.io/part-of=cloudcafe"
        answer = await self._ask("GET", self._path, params={"labelSelector": labels})
        if answer.status_code != httpx.codes.OK:
            raise PodsUnreachableError(f"the Kubernetes API answers {answer.status_code}")
        found = [_pod(item) for item in answer.json()["items"] if _lives(item)]
        return sorted(found, key=lambda pod: (pod.created, pod.name))

    async def wanted(self, name: str) -> int:
        """How many pods a service is to have, whatever it has. Raises PodsUnreachableError."""
        answer = await self._ask("GET", f"{self._deployments}/{name}")
        if answer.status_code != httpx.codes.OK:
            raise PodsUnreachableError(f"the Kubernetes API answers {answer.status_code}")
        return int(answer.json()["spec"]["replicas"])

    async def stop(self, pod: Pod) -> None:
        """Delete exactly this pod; one that is gone, or has a successor of its name, is success."""
        body = {"preconditions": {"uid": pod.uid}}
        answer = await self._ask("DELETE", f"{self._path}/{pod.name}", json=body)
        if answer.status_code not in GONE and not answer.is_success:
            raise PodsUnreachableError(f"the Kubernetes API answers {answer.status_code}")

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._token()}"}
        try:
            return await self._http.request(method, path, headers=headers, **more)
        except httpx.HTTPError as error:
            raise PodsUnreachableError(f"the Kubernetes API does not answer: {error!r}") from error

    def _token(self) -> str:
        try:
            return (self._identity / "token").read_text().strip()
        except OSError:
            return ""


def _verified_by(authority: Path) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=str(authority)) if authority.exists() else True


def _lives(item: dict[str, Any]) -> bool:
    return item["status"].get("phase") in ("Pending", "Running")


def _pod(item: dict[str, Any]) -> Pod:
    meta = item["metadata"]
    stopping = "deletionTimestamp" in meta
    conditions = item["status"].get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return Pod(
        name=meta["name"],
        uid=meta["uid"],
        created=meta["creationTimestamp"],
        running=ready and not stopping,
        stopping=stopping,
    )
