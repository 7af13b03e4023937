"""The Kubernetes API: implements ports.Kubernetes.

Plain REST by `api_server.py`, because typed models would only be turned back into dictionaries.
Each call is bounded in time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypedDict

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.api_server import Access, ApiServer, decoded
from cloudcafe_operator.effects.kubernetes_errors import OK, Intent, raise_for
from cloudcafe_operator.errors import NotFound, Unavailable
from cloudcafe_operator.kinds import SUBJECT_ACCESS_REVIEWS
from cloudcafe_operator.ports import Json, Keep, Manifest, Ref, Resource, User

FIELD_MANAGER = "cloudcafe-operator"
JSON = "application/json"
METADATA = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"  # JSON is YAML
PAGE = 500
GONE = 410


class _Meta(TypedDict, total=False):
    """All but `managedFields`, which is most of it."""

    name: Any
    namespace: Any
    uid: Any
    resourceVersion: Any
    generation: Any
    creationTimestamp: Any
    deletionTimestamp: Any
    labels: Any
    annotations: Any
    finalizers: Any
    ownerReferences: Any


class _Metadata(TypedDict, total=False):
    metadata: _Meta


class KubernetesApi:
    """Implements ports.Kubernetes."""

    def __init__(self, access: Access, *, connections: int = 32) -> None:
        self._server = ApiServer(access, connections=connections, agent=FIELD_MANAGER)

    async def close(self) -> None:
        """Give the connections back."""
        await self._server.close()

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
        keep: Keep | None = None,
    ) -> Sequence[Manifest]:
        """Follow the pages; when they expire on the way, begin anew."""
        return await self._all(resource, namespace, _selectors(labels, fields), keep=keep)

    async def list_metadata(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Sequence[Manifest]:
        """Follow the pages of what the API server leaves of each object."""
        return await self._all(
            resource, namespace, _selectors(labels, fields), accept=METADATA, keep=_Metadata
        )

    async def _all(
        self, resource: Resource, namespace: str | None, query: Mapping[str, str], **how: Any
    ) -> Sequence[Manifest]:
        while True:
            items: list[Manifest] = []
            try:
                async for _, page in self.pages(resource, namespace=namespace, query=query, **how):
                    items += page
            except Expired:
                continue
            return items

    async def pages(
        self,
        resource: Resource,
        *,
        namespace: str | None,
        query: Mapping[str, str] | None = None,
        keep: Keep | None = None,
        accept: str = JSON,
    ) -> AsyncIterator[tuple[str, Sequence[Manifest]]]:
        """Yield a list page by page, with the version that it shows; Expired on the way."""
        intent = Intent("list", "GET", resource, namespace)
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        token = ""
        while True:
            more = {"continue": token} if token else {}
            asked = {"limit": str(PAGE), **(query or {}), **more}
            page = await self._send(intent, query=asked, accept=accept, keep=keep)
            meta = page.get("metadata", {})
            items = page.get("items") or ()
            yield meta.get("resourceVersion", ""), [item | kind for item in items]
            token = meta.get("continue", "")
            if not token:
                return

    async def is_served(self, resource: Resource, *, namespace: str | None) -> None:
        """Raise where a kind cannot be listed."""
        intent = Intent("list", "GET", resource, namespace)
        await self._send(intent, query={"limit": "1"})

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

    async def watch(
        self, resource: Resource, *, namespace: str | None, since: str
    ) -> AsyncIterator[tuple[str, Manifest]]:
        """Yield what changes from a version on, bookmarks too; Expired where it is too old."""
        intent = Intent("watch", "GET", resource, namespace)
        query = {"resourceVersion": since, "allowWatchBookmarks": "true"}
        async with self._server.watch(intent, query) as (status, lines):
            if status == GONE:
                raise Expired(f"{intent}: version {since} is too old")
            if status not in OK:
                raise Unavailable(f"{intent}: the API server answers {status}")
            async for line in lines:
                event = decoded(line)
                if event["type"] == "ERROR":
                    raise Expired(f"{intent}: {event['object'].get('message', '')}")
                yield event["type"], event["object"]

    async def _send(  # noqa: PLR0913 - one request in full
        self,
        intent: Intent,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        content: str = JSON,
        accept: str = JSON,
        keep: Keep | None = None,
    ) -> Manifest:
        """Send one request and return the object, or raise by errors.py."""
        labels = (intent.verb, intent.resource.plural)
        writes = {} if intent.method in ("GET", "DELETE") else {"fieldManager": FIELD_MANAGER}
        try:
            answer = await self._server.send(
                intent,
                body=body,
                query={**(query or {}), **writes},
                types=(accept, content),
                keep=keep,
            )
        except Unavailable:
            metrics.kubernetes_calls.labels(*labels, "none").inc()
            raise
        metrics.kubernetes_calls.labels(*labels, str(answer.status)).inc()
        if answer.status == GONE:
            raise Expired(f"{intent}: the page is too old")
        raise_for(answer, intent)
        return answer.body


class Expired(Unavailable):
    """A list's continue token is older than what the API server keeps."""


def _selectors(labels: str | None, fields: str | None) -> dict[str, str]:
    asked = {"labelSelector": labels, "fieldSelector": fields}
    return {name: value for name, value in asked.items() if value}


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
