"""An API server that costs next to nothing: what a real one had, in dictionaries.

Started by `apart.py`, to see how fast our operator alone is, as where API server and etcd have
cores of their own. It judges nothing (no schema, defaults, admission, managed fields), so what it
is told must be what a real one would admit. A request that it does not know is refused, and so
fails the benchmark instead of being measured wrongly.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.bench.wire import Connection, serve

Json = dict[str, Any]
REMEMBERED = 20_000  # events of a kind that a watch may still ask for
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
METADATA = "PartialObjectMetadata"
encode, decode = msgspec.json.encode, msgspec.json.decode


class Recorded(msgspec.Struct):
    """What a real API server told: discovery by path, and all objects by the path of their kind."""

    version: int
    documents: dict[str, Json]
    objects: dict[str, list[Json]]


class RefusedError(Exception):
    """An answer with this status."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"kind": "Status", "reason": reason, "message": message, "code": status}


@dataclass(frozen=True)
class Asked:
    """One request; `kind` is the path of its kind, `part` a subresource."""

    method: str
    kind: str
    namespace: str
    name: str
    part: str
    query: dict[str, list[str]]

    @classmethod
    def of(cls, method: str, path: str) -> Asked:
        """Take a path apart."""
        url = urlsplit(path)
        words = url.path.strip("/").split("/")
        head = 2 if words[0] == "api" else 3
        group, rest = words[:head], words[head:]
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        plural, name, part = (*rest, "", "")[:3]
        kind = "/" + "/".join([*group, plural])
        return cls(method, kind, namespace, name, part, parse_qs(url.query))

    def one(self, name: str) -> str:
        """Return a parameter of the query."""
        return self.query.get(name, [""])[0]


class Kind:
    """The objects of one kind, and who watches them."""

    def __init__(self, objects: list[Json]) -> None:
        self.objects = {_key(item): item for item in objects}
        self._events: deque[tuple[int, str, bytes]] = deque(maxlen=REMEMBERED)
        self._watchers: dict[Callable[[bytes], None], str] = {}

    def tell(self, event: str, item: Json) -> None:
        """Remember a change, and send it to those who watch."""
        meta, line = item["metadata"], encode({"type": event, "object": item}) + b"\n"
        namespace = meta.get("namespace", "")
        self._events.append((int(meta["resourceVersion"]), namespace, line))
        for send, only in self._watchers.items():
            if only in ("", namespace):
                send(line)

    def watch(self, send: Callable[[bytes], None], namespace: str, since: int) -> None:
        """Send what came after a version, and what will come."""
        self._watchers[send] = namespace
        for version, where, line in self._events:
            if version > since and namespace in ("", where):
                send(line)

    def forget(self, send: Callable[[bytes], None]) -> None:
        """Send it nothing more."""
        self._watchers.pop(send, None)


class ApiStandIn:
    """What is behind the socket."""

    def __init__(self, recorded: Recorded) -> None:
        self._version = recorded.version
        self._documents = recorded.documents
        self.kinds = {path: Kind(items) for path, items in recorded.objects.items()}
        self._writes: Counter[tuple[str, str]] = Counter()

    def document(self, path: str) -> Any:
        """Return what is no object, if it is known."""
        return self._metrics() if path == "/metrics" else self._documents.get(path)

    def answer(self, asked: Asked, headers: dict[str, str], body: bytes) -> Json:
        """Return what one request for objects gets."""
        kind = self.kinds.get(asked.kind)
        if kind is None:
            raise RefusedError(501, "NotImplemented", f"the stand-in has no {asked.kind}")
        if asked.method == "GET" and asked.name:
            return _found(kind, asked)
        if asked.method == "GET":
            return self._list(kind, asked, short=METADATA in headers.get("accept", ""))
        apply = "apply" in headers["content-type"]
        self._writes["APPLY" if apply else asked.method, asked.kind.rpartition("/")[2]] += 1
        if asked.method == "POST":
            return self._create(kind, asked, decode(body))
        if asked.method not in ("PATCH", "PUT"):
            raise RefusedError(501, "NotImplemented", f"the stand-in does not {asked.method}")
        return self._change(kind, asked, decode(body), apply=apply)

    def _list(self, kind: Kind, asked: Asked, *, short: bool) -> Json:
        found = [item for (where, _), item in kind.objects.items()
                 if asked.namespace in ("", where)]  # fmt: skip
        if found and (asked.one("labelSelector") or asked.one("fieldSelector")):
            raise RefusedError(501, "NotImplemented", "the stand-in does not select")
        first, limit = int(asked.one("continue") or 0), int(asked.one("limit") or len(found))
        more = {"continue": str(first + limit)} if first + limit < len(found) else {}
        page = found[first : first + limit]
        items = [{"metadata": item["metadata"]} for item in page] if short else page
        return {"metadata": {"resourceVersion": str(self._version), **more}, "items": items}

    def _create(self, kind: Kind, asked: Asked, item: Json) -> Json:
        meta = item["metadata"]
        uid = str(uuid.uuid4())
        name = meta.get("name") or meta["generateName"] + uid[:5]
        if (asked.namespace, name) in kind.objects:
            raise RefusedError(409, "AlreadyExists", f"{name} is there")
        meta |= {"name": name, "namespace": asked.namespace, "uid": uid, "generation": 1}
        kind.objects[asked.namespace, name] = item
        return self._stored(kind, "ADDED", item)

    def _change(self, kind: Kind, asked: Asked, patch: Json, *, apply: bool) -> Json:
        if apply and (asked.namespace, asked.name) not in kind.objects:
            return self._create(kind, asked, patch)
        item = _found(kind, asked)
        meta = item["metadata"]
        version = patch.get("metadata", {}).pop("resourceVersion", meta["resourceVersion"])
        if version != meta["resourceVersion"]:
            raise RefusedError(409, "Conflict", f"{asked.name} has another version")
        if asked.part not in ("", "status"):
            raise RefusedError(501, "NotImplemented", f"the stand-in has no {asked.part}")
        before = encode(item.get("spec"))
        if asked.method == "PUT":
            item |= {**patch, "metadata": meta | patch["metadata"]}
        else:
            _merge(item, {"status": patch["status"]} if asked.part else patch)
        if not asked.part and encode(item.get("spec")) != before:
            meta["generation"] = meta.get("generation", 1) + 1
        return self._stored(kind, "MODIFIED", item)

    def _stored(self, kind: Kind, event: str, item: Json) -> Json:
        self._version += 1
        item["metadata"]["resourceVersion"] = str(self._version)
        kind.tell(event, item)
        return item

    def _metrics(self) -> bytes:
        rows = (
            f'apiserver_request_total{{code="200",resource="{plural}",verb="{verb}"}} {count}\n'
            for (verb, plural), count in self._writes.items()
        )
        return "".join(rows).encode()


def _key(item: Json) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _found(kind: Kind, asked: Asked) -> Json:
    if (item := kind.objects.get((asked.namespace, asked.name))) is None:
        raise RefusedError(404, "NotFound", f"there is no {asked.name}")
    return item


def _merge(into: Json, patch: Json) -> None:
    """Merge as RFC 7396 says."""
    for name, value in patch.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


class ApiConnection(Connection):
    """One connection to it."""

    def __init__(self, api: ApiStandIn) -> None:
        super().__init__()
        self._api = api
        self._watched: Kind | None = None

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Answer one request, or begin to stream."""
        if document := self._api.document(path.partition("?")[0]):
            self.send(200, document)
            return
        asked = Asked.of(method, path)
        if asked.one("watch") in ("1", "true") and (kind := self._api.kinds.get(asked.kind)):
            self.transport.write(STREAM)
            self._watched = kind
            kind.watch(self._line, asked.namespace, int(asked.one("resourceVersion") or 0))
            return
        try:
            self.send(200, self._api.answer(asked, headers, body))
        except RefusedError as refusal:
            self.send(refusal.status, refusal.body)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop streaming."""
        if self._watched is not None:
            self._watched.forget(self._line)

    def _line(self, line: bytes) -> None:
        self.transport.write(b"%x\r\n%b\r\n" % (len(line), line))


def main() -> None:
    """Serve what a file has, by the certificate of the real one: `<file> <certificate>`."""
    recorded = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Recorded)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = Path(sys.argv[2])
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    asyncio.run(serve(partial(ApiConnection, ApiStandIn(recorded)), tls=tls))


if __name__ == "__main__":
    main()
