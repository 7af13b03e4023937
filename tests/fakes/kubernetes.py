"""A Kubernetes API server in a dictionary.

It keeps the rules that reconcilers rely on: resourceVersion and Conflict, generation, the status
subresource, finalizers and deletionTimestamp, owner references, label and field selectors, field
ownership of what is applied, and that a write which changes nothing is none for watchers.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal, Self, TypedDict

from cloudcafe_operator.errors import (
    AlreadyExists,
    Conflict,
    NotFound,
    OperatorError,
    Throttled,
    UserError,
)
from cloudcafe_operator.ports import Json, Keep, Manifest, Ref, Resource, User
from msgspec import convert

from tests.fakes.objects import copied, has_status, matches_fields, matches_labels, merged, without
from tests.fakes.recorder import Call, Recorder

Change = Literal["ADDED", "MODIFIED", "DELETED"]
Key = tuple[str, str, str, str]  # group, kind, namespace, name
NOW = "2026-03-01T09:00:00Z"


class _Metadata(TypedDict, total=False):
    metadata: Any


class FakeKubernetes:
    """Implements ports.Kubernetes. `seed` and `objects` are the test's own way in."""

    def __init__(self, recorder: Recorder | None = None) -> None:
        self.recorder = recorder or Recorder()
        self.objects: dict[Key, Manifest] = {}
        self.watchers: list[Callable[[Change, Manifest], None]] = []
        self.admission: list[Callable[[str, Manifest], None]] = []  # may raise UserError
        self.forbidden: set[tuple[str, str, str]] = set()  # user, verb, name: `may` answers no
        self._failures: dict[str, list[OperatorError]] = {}
        self._applied: dict[Key, Manifest] = {}
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)

    # the test's way in

    def seed(self, *manifests: Manifest) -> list[Manifest]:
        """Put objects in as they are, status included, without counting writes."""
        return [copied(self._store(copied(item), "ADDED")) for item in manifests]

    def find(self, kind: str, name: str, namespace: str = "") -> Manifest | None:
        """Return a copy of the one object of that kind and name, in any group."""
        for (_, a_kind, a_namespace, a_name), item in self.objects.items():
            if (a_kind, a_namespace, a_name) == (kind, namespace, name):
                return copied(item)
        return None

    def set_status(self, kind: str, name: str, namespace: str, status: Json) -> None:
        """Write a status as another controller would, uncounted."""
        for (_, *rest), item in self.objects.items():
            if rest == [kind, namespace, name]:
                self._store(item | {"status": dict(status)}, "MODIFIED")
                return
        raise AssertionError(f"no {kind} {namespace}/{name}")

    def fail_next(self, verb: str, *errors: OperatorError) -> None:
        """Raise these at the next calls of a verb (`get`, `patch_status` …), one each."""
        self._failures.setdefault(verb, []).extend(errors)

    def count(self, verb: str) -> int:
        """How often a verb was called."""
        return sum(c.api == "kubernetes" and c.verb == verb for c in self.recorder.calls)

    # the port

    async def get(self, ref: Ref) -> Manifest | None:
        """Return a copy."""
        await self._read("get", str(ref))
        return copied(self.objects.get(_key(ref)))

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        keep: Keep | None = None,
    ) -> Sequence[Manifest]:
        """Return copies, sorted by namespace and name."""
        await self._read("list", resource.plural)
        return self._found(resource, namespace, labels, fields, keep)

    def _found(
        self,
        resource: Resource,
        namespace: str | None,
        labels: str | None,
        fields: str | None,
        keep: Keep | None,
    ) -> Sequence[Manifest]:
        found = [
            copied(item)
            for (group, kind, where, _), item in sorted(self.objects.items())
            if (group, kind) == (resource.group, resource.kind)
            and namespace in (None, where)
            and matches_labels(item["metadata"].get("labels") or {}, labels)
            and matches_fields(item, fields)
        ]
        said = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [(convert(item, keep) if keep else item) | said for item in found]

    async def list_metadata(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Sequence[Manifest]:
        """Return copies of metadata alone."""
        few = f" with {labels}" if labels else ""
        await self._read("list", resource.plural + few)
        return self._found(resource, namespace, labels, fields, _Metadata)

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Create without status; `generateName` is honoured."""
        item = copied(manifest)
        meta = item["metadata"]
        if "name" not in meta:
            meta["name"] = f"{meta.pop('generateName')}{next(self._uids):05d}"
        ref = _ref(resource, item)
        async with self._writing("create", ref, manifest) as write:
            if _key(ref) in self.objects:
                raise AlreadyExists(f"{ref} exists already")
            self._admit("CREATE", item)
            if has_status(resource):
                item.pop("status", None)
            write.result = self._store(item, "ADDED")
        return write.copy()

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Merge what we own; a field that we applied before and left out now is removed."""
        ref = _ref(resource, manifest)
        key = _key(ref)
        async with self._writing("apply", ref, manifest) as write:
            self._admit("APPLY", manifest)
            old = self.objects.get(key)
            self._expect_uid(ref, old, manifest["metadata"].get("uid"))
            base = without(old or {}, self._applied.get(key, {}), manifest)
            self._applied[key] = copied(manifest)
            self._applied[key]["metadata"].pop("uid", None)  # nobody manages it
            change: Change = "MODIFIED" if old else "ADDED"
            write.result = self._store(merged(base, manifest), change)
        return write.copy()

    async def patch(
        self, ref: Ref, patch: Json, *, resource_version: str | None = None
    ) -> Manifest:
        """Merge-patch everything but status."""
        async with self._writing("patch", ref, patch) as write:
            old = self._expect(ref, resource_version)
            self._expect_uid(ref, old, (patch.get("metadata") or {}).get("uid"))
            body = {name: value for name, value in patch.items() if name != "status"}
            new = merged(old, body)
            self._admit("UPDATE", new)
            write.result = self._store(new, "MODIFIED")
        return write.copy()

    async def patch_status(
        self, ref: Ref, status: Json, *, resource_version: str | None = None
    ) -> Manifest:
        """Merge-patch status only."""
        async with self._writing("patch_status", ref, status) as write:
            old = self._expect(ref, resource_version)
            write.result = self._store(merged(old, {"status": dict(status)}), "MODIFIED")
        return write.copy()

    async def delete(
        self, ref: Ref, *, uid: str | None = None, grace_seconds: int | None = None
    ) -> bool:
        """Remove, or mark as deleting where a finalizer holds the object."""
        async with self._writing("delete", ref, {"uid": uid, "grace": grace_seconds}) as write:
            old = self.objects.get(_key(ref))
            if old is None:
                return False
            if uid and old["metadata"]["uid"] != uid:
                raise Conflict(f"{ref} is another object now")
            if "deletionTimestamp" not in old["metadata"]:
                marked = merged(old, {"metadata": {"deletionTimestamp": NOW}})
                write.result = self._store(marked, "MODIFIED")
        return True

    async def evict(self, ref: Ref, *, uid: str) -> bool:
        """Delete, unless a budget of the namespace allows no disruption."""
        old = self.objects.get(_key(ref))
        if old is None:
            return False
        async with self._writing("create", ref, {"uid": uid}, "pods/eviction") as write:
            if old["metadata"]["uid"] != uid:
                raise Conflict(f"{ref} is another object now")
            for (_, kind, namespace, name), item in self.objects.items():
                budget = kind == "PodDisruptionBudget" and namespace == ref.namespace
                if budget and item["status"]["disruptionsAllowed"] < 1:
                    raise Throttled(f"{ref} would violate budget {name}")
            marked = merged(old, {"metadata": {"deletionTimestamp": NOW}})
            write.result = self._store(marked, "MODIFIED")
        return True

    async def may(self, who: User, verb: str, what: Ref) -> bool:
        """Yes, unless the test forbade it."""
        await self._read("may", f"{who.name} {verb} {what}")
        return (who.name, verb, what.name) not in self.forbidden

    # the rules

    async def _read(self, verb: str, target: str) -> None:
        await asyncio.sleep(0)
        self.recorder.read(Call("kubernetes", verb, target))
        self._fail(verb)

    def _writing(self, verb: str, ref: Ref, body: Any, what: str = "") -> _Writing:
        target = f"{what} {ref.namespace}/{ref.name}" if what else str(ref)
        return _Writing(self, Call("kubernetes", verb, target, copied(body)))

    def _fail(self, verb: str) -> None:
        failures = self._failures.get(verb)
        if failures:
            raise failures.pop(0)

    def _admit(self, operation: str, item: Manifest) -> None:
        for rule in self.admission:
            rule(operation, item)

    def _expect(self, ref: Ref, resource_version: str | None) -> Manifest:
        old = self.objects.get(_key(ref))
        if old is None:
            raise NotFound(f"{ref} does not exist")
        if resource_version and resource_version != old["metadata"]["resourceVersion"]:
            raise Conflict(f"{ref} was changed since version {resource_version}")
        return old

    def _expect_uid(self, ref: Ref, old: Manifest | None, uid: str | None) -> None:
        if uid and old is None:
            raise Conflict(f"{ref}: uid mismatch: no existing object was found")
        if uid and old and uid != old["metadata"]["uid"]:
            raise UserError(f"{ref} is invalid: metadata.uid: field is immutable")

    def _store(self, item: Manifest, change: Change) -> Manifest:
        """Keep the object, number it, tell the watchers; drop it when nothing holds it."""
        meta = item["metadata"]
        key = (
            item["apiVersion"].rpartition("/")[0],
            item["kind"],
            meta.get("namespace") or "",
            meta["name"],
        )
        old = self.objects.get(key)
        if old == item:
            return old
        meta.setdefault("uid", f"uid-{next(self._uids)}")
        meta.setdefault("creationTimestamp", NOW)
        meta["resourceVersion"] = str(next(self._versions))
        spec_changed = old is not None and old.get("spec") != item.get("spec")
        meta["generation"] = meta.get("generation", 1) + spec_changed
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self._remove(key, item)
            return item
        self.objects[key] = item
        self._tell(change, item)
        return item

    def _remove(self, key: Key, item: Manifest) -> None:
        self.objects.pop(key, None)
        self._applied.pop(key, None)
        self._tell("DELETED", item)
        self._collect(item["metadata"]["uid"])

    def _collect(self, owner: str) -> None:
        """Delete what only the removed object owned, as the garbage collector does."""
        for key, item in list(self.objects.items()):
            owners = item["metadata"].get("ownerReferences") or []
            if [one["uid"] for one in owners] == [owner]:
                marked = merged(item, {"metadata": {"deletionTimestamp": NOW}})
                if key in self.objects:
                    self._store(marked, "MODIFIED")

    def _tell(self, change: Change, item: Manifest) -> None:
        for watcher in self.watchers:
            watcher(change, copied(item))


class _Writing:
    """Records a write around its body: before, the planned failure, the change, after."""

    def __init__(self, server: FakeKubernetes, call: Call) -> None:
        self._server = server
        self._call = call
        self.result: Manifest = {}

    async def __aenter__(self) -> Self:
        await asyncio.sleep(0)
        self._server.recorder.before(self._call)
        self._server._fail(self._call.verb)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._server.recorder.after(self._call)

    def copy(self) -> Manifest:
        """Return what the API server answers."""
        return copied(self.result)


def _key(ref: Ref) -> Key:
    return (ref.resource.group, ref.resource.kind, ref.namespace or "", ref.name)


def _ref(resource: Resource, manifest: Manifest) -> Ref:
    meta = manifest["metadata"]
    return Ref(resource, meta["name"], meta.get("namespace"))
