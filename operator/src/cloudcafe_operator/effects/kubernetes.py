"""The Kubernetes API: implements ports.Kubernetes, the only module that knows the client.

The client's configuration (in-cluster or KUBECONFIG, certificates, token renewal) and its
connection pool are used; requests are plain REST, because typed models would only be turned back
into dictionaries. Each call runs in a thread of its own pool and is bounded in time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlencode

import urllib3
from kubernetes import config as kubernetes_config
from kubernetes.client import ApiClient, Configuration

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.kubernetes_errors import Answer, Intent, raise_for
from cloudcafe_operator.effects.threads import started_pool
from cloudcafe_operator.errors import NotFound, Unavailable
from cloudcafe_operator.kinds import SUBJECT_ACCESS_REVIEWS
from cloudcafe_operator.ports import Json, Manifest, Ref, Resource, User

FIELD_MANAGER = "cloudcafe-operator"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"  # JSON is YAML
PAGE = 500
TIMEOUT = urllib3.Timeout(connect=3.0, read=15.0)
GONE = 410


def load_configuration() -> Configuration:
    """Return how to reach the API server: in-cluster, else as KUBECONFIG says."""
    config: Any = kubernetes_config  # ships no types
    configuration = Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        config.load_kube_config(client_configuration=configuration)
    return configuration


def load_credentials() -> dict[str, Any]:
    """Return the same for kopf: the fields of its ConnectionInfo."""
    found = load_configuration()
    token = ""
    for setting in cast("Mapping[str, Any]", found.auth_settings()).values():
        token = str(setting["value"]).rpartition(" ")[2]  # after "bearer", in any case
    return {
        "server": found.host,
        "ca_path": found.ssl_ca_cert,
        "insecure": not found.verify_ssl,
        "certificate_path": found.cert_file,
        "private_key_path": found.key_file,
        "token": token or None,
    }


class KubernetesApi:
    """Implements ports.Kubernetes over the client's connection pool."""

    def __init__(self, configuration: Configuration, *, threads: int = 32) -> None:
        configuration.connection_pool_maxsize = threads
        configuration.retries = False
        self._configuration = configuration
        self._client = ApiClient(configuration)
        self._pool = self._client.rest_client.pool_manager
        self._threads = started_pool(threads, "kubernetes")

    def close(self) -> None:
        """Give threads and connections back."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.clear()

    async def get(self, ref: Ref) -> Manifest | None:
        """Return the object, or None."""
        try:
            return await self._send(Intent("get", "GET", ref.resource, ref.namespace, ref.name))
        except NotFound:
            return None

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Sequence[Manifest]:
        """Follow the pages; when they expire on the way, begin anew."""
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        query = {name: value for name, value in selectors.items() if value}
        intent = Intent("list", "GET", resource, namespace)
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        items: list[Manifest] = []
        token = ""
        while True:
            more = {"continue": token} if token else {}
            try:
                page = await self._send(intent, query={"limit": str(PAGE)} | query | more)
            except Expired:
                items, token = [], ""
                continue
            items += [item | kind for item in page.get("items") or []]
            token = page.get("metadata", {}).get("continue", "")
            if not token:
                return items

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Create; fields that the API server does not know are refused."""
        intent = Intent("create", "POST", resource, manifest["metadata"].get("namespace"))
        return await self._send(intent, body=manifest, query={"fieldValidation": "Strict"})

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Server-side apply with force: the fields that we name are ours."""
        meta = manifest["metadata"]
        intent = Intent("patch", "PATCH", resource, meta.get("namespace"), meta["name"])
        return await self._send(intent, body=manifest, query={"force": "true"}, content=APPLY)

    async def patch(
        self, ref: Ref, patch: Json, *, resource_version: str | None = None
    ) -> Manifest:
        """Merge-patch the object."""
        intent = Intent("patch", "PATCH", ref.resource, ref.namespace, ref.name)
        return await self._send(intent, body=_guarded(patch, resource_version), content=MERGE)

    async def patch_status(
        self, ref: Ref, status: Json, *, resource_version: str | None = None
    ) -> Manifest:
        """Merge-patch the status subresource."""
        intent = Intent("patch", "PATCH", ref.resource, ref.namespace, ref.name, "status")
        body = _guarded({"status": status}, resource_version)
        return await self._send(intent, body=body, content=MERGE)

    async def delete(
        self, ref: Ref, *, uid: str | None = None, grace_seconds: int | None = None
    ) -> bool:
        """Delete in the background; False where it is gone."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        intent = Intent("delete", "DELETE", ref.resource, ref.namespace, ref.name)
        try:
            await self._send(intent, body=options)
        except NotFound:
            return False
        return True

    async def evict(self, ref: Ref, *, uid: str) -> bool:
        """Ask the Eviction API, which obeys disruption budgets."""
        intent = Intent("create", "POST", ref.resource, ref.namespace, ref.name, "eviction")
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        try:
            await self._send(intent, body=eviction)
        except NotFound:
            return False
        return True

    async def may(self, who: User, verb: str, what: Ref) -> bool:
        """Ask the API server's authorizer."""
        asked = {
            "group": what.resource.group,
            "verb": verb,
            "resource": what.resource.plural,
            "name": what.name,
            "namespace": what.namespace or "",
        }
        groups = sorted({*_groups(who.name), *who.groups})
        review = {"spec": {"user": who.name, "groups": groups, "resourceAttributes": asked}}
        intent = Intent("create", "POST", SUBJECT_ACCESS_REVIEWS)
        answer = await self._send(intent, body=review)
        return bool(answer["status"].get("allowed"))

    async def _send(
        self,
        intent: Intent,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
    ) -> Manifest:
        """Send one request in a thread and return the object, or raise by errors.py."""
        loop = asyncio.get_running_loop()
        labels = (intent.verb, intent.resource.plural)
        try:
            answer = await loop.run_in_executor(
                self._threads, self._request, intent, body, query or {}, content
            )
        except urllib3.exceptions.HTTPError as problem:
            metrics.kubernetes_calls.labels(*labels, "none").inc()
            raise Unavailable(f"no answer from the API server for {intent}: {problem}") from problem
        metrics.kubernetes_calls.labels(*labels, str(answer.status)).inc()
        if answer.status == GONE:
            raise Expired(f"{intent}: the page is too old")
        raise_for(answer, intent)
        return answer.body

    def _request(
        self, intent: Intent, body: Json | None, query: Mapping[str, str], content: str
    ) -> Answer:
        """Send and parse; blocking, so never on the event loop."""
        writes = {} if intent.method in ("GET", "DELETE") else {"fieldManager": FIELD_MANAGER}
        headers = {"Accept": "application/json", "Content-Type": content}
        headers["User-Agent"] = FIELD_MANAGER
        auth: Mapping[str, Any] = self._configuration.auth_settings()  # renews the token
        headers |= {setting["key"]: str(setting["value"]) for setting in auth.values()}
        asked = urlencode({**query, **writes})
        response = self._pool.request(
            intent.method,
            f"{self._configuration.host}{intent.path}{'?' if asked else ''}{asked}",
            body=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            headers=headers,
            timeout=TIMEOUT,
            retries=False,
        )
        return Answer(response.status, _json(response.data), dict(response.headers))


class Expired(Unavailable):
    """A list's continue token is older than what the API server keeps."""


def _guarded(patch: Json, resource_version: str | None) -> Json:
    """Add the version that the write depends on."""
    if resource_version is None:
        return patch
    meta = {**patch.get("metadata", {}), "resourceVersion": resource_version}
    return {**patch, "metadata": meta}


def _groups(user: str) -> list[str]:
    """Return the groups that the API server itself gives to a service account."""
    groups = ["system:authenticated"]
    parts = user.split(":")
    if parts[:2] == ["system", "serviceaccount"]:
        groups += ["system:serviceaccounts", f"system:serviceaccounts:{parts[2]}"]
    return groups


def _json(content: bytes) -> Manifest:
    try:
        found = json.loads(content or b"{}")
    except ValueError:  # a proxy's page
        found = {"message": content[:200].decode(errors="replace")}
    return cast("Manifest", found)
