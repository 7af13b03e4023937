"""What the operator needs from the world, as small Protocols owned by their consumers.

Planning never sees these. Reconcilers and faults get them from `main.py`; tests pass the fakes of
`tests/fakes`. Every call is bounded in time and safe to repeat; errors are those of `errors.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from cloudcafe_operator.planning.pods import PodsSeen

Json = Mapping[str, Any]
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of Kubernetes object: what its API path is made of."""

    group: str  # "" is the core group
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its manifests."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class Ref:
    """One Kubernetes object."""

    resource: Resource
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        """Return `Kind namespace/name`, as messages say it."""
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.resource.kind} {where}{self.name}"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody as the API server knew them."""

    name: str
    groups: tuple[str, ...] = ()


Keep = type[Any]  # a TypedDict: the parts of an object that are read


class Kubernetes(Protocol):
    """The Kubernetes API. Implemented by `effects/kubernetes.py`."""

    async def get(self, ref: Ref) -> Manifest | None:
        """Return the object, or None where it does not exist."""

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        keep: Keep | None = None,
    ) -> Sequence[Manifest]:
        """Return all objects that match, page by page; items carry apiVersion and kind.

        What `keep` does not name is skipped in each page and never becomes an object.
        """

    async def list_metadata(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Sequence[Manifest]:
        """Return nothing but apiVersion, kind and metadata of all objects that match."""

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Create; AlreadyExists where the name is taken, UserError where admission refuses."""

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Server-side apply as field manager `cloudcafe-operator`, forcing our fields only."""

    async def patch(
        self, ref: Ref, patch: Json, *, resource_version: str | None = None
    ) -> Manifest:
        """Merge-patch; with a resourceVersion it raises Conflict where somebody wrote since.

        Raises NotFound. `patch` may carry metadata (labels, finalizers) and spec, never status.
        """

    async def patch_status(
        self, ref: Ref, status: Json, *, resource_version: str | None = None
    ) -> Manifest:
        """Merge-patch the status subresource; Conflict as `patch`. None removes a field."""

    async def delete(
        self, ref: Ref, *, uid: str | None = None, grace_seconds: int | None = None
    ) -> bool:
        """Delete; False where it was gone already. With a uid only that very object (Conflict)."""

    async def evict(self, ref: Ref, *, uid: str) -> bool:
        """Evict that very pod as its budgets allow; False where it was gone already.

        Throttled where a budget allows no disruption now, Conflict where it is another pod.
        """

    async def may(self, who: User, verb: str, what: Ref) -> bool:
        """Whether a user may use a verb on what is of group cloudcafe.dev (SubjectAccessReview)."""


class Lists(Protocol):
    """Lists that many readers share. Implemented by `effects/shared_lists.py`."""

    async def pods(self, namespace: str) -> PodsSeen:
        """Return a namespace's pods in short, as they were a moment ago."""

    async def fresh(
        self, resource: Resource, *, namespace: str | None, labels: str = "", whole: bool = False
    ) -> Sequence[Manifest]:
        """Return what a list says that is begun after this was asked; metadata unless `whole`."""


class Once(Protocol):
    """Acts that many want at the same time. Implemented by `effects/once.py`."""

    async def once(self, what: Hashable, act: Callable[[], Awaitable[object]]) -> None:
        """Act, or wait for who acts already; all of them meet the same error."""


class Aws(Protocol):
    """The AWS APIs. Implemented by `effects/aws.py`, the only module that knows boto3."""

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Make one call, for example `call("rds", "describe_db_clusters")`.

        Raises NotFound, AlreadyExists, AccessDenied (naming the action), Throttled, Unavailable,
        UserError for a request that AWS calls invalid.
        """

    async def pages(
        self,
        service: str,
        operation: str,
        result_key: str,
        *,
        gap_s: float = 0.0,
        **parameters: Any,
    ) -> list[Any]:
        """Follow a paginated call to its end and return the items under `result_key`.

        With `gap_s` so many seconds pass between two pages, where nobody waits for the list.
        """


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back. `status` 0: nothing came back, and `error` says why."""

    status: int
    elapsed_ms: float
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


class Http(Protocol):
    """Outgoing HTTP for probes and the services' APIs. Never raises for network trouble."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 2.0,
    ) -> HttpAnswer:
        """Send one request, follow no redirects, read at most 1 MiB."""


Method = Literal["GET", "POST", "PUT", "DELETE"]


class Admin(Protocol):
    """The admin ports of the cafe's services. Implemented by `effects/admin.py`."""

    async def call(  # noqa: PLR0913 - one request in full
        self,
        service: str,
        method: Method,
        path: str,
        *,
        namespace: str,
        pod_ip: str = "",
        json: Json | None = None,
    ) -> Json:
        """Call one pod of a service, or any of them, with the services' token; answer its object.

        Raises UserError for what is no service of the cafe, Unavailable where nothing answers, and
        what a refusal means otherwise (NotFound, AccessDenied, Conflict, Throttled).
        """


class Clock(Protocol):
    """Time, injected so that tests own it."""

    def now(self) -> datetime:
        """Return the aware UTC time."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never jumps."""


class Events(Protocol):
    """Kubernetes events: the story that `kubectl get events -w` tells."""

    def publish(
        self, about: Manifest, *, reason: str, message: str, kind: Literal["Normal", "Warning"]
    ) -> None:
        """Queue one event about an object; never fails and never blocks."""


class WakeUp(Protocol):
    """The way a reconciler asks to be called again: the work queue."""

    def add(self, key: str, *, after: float = 0.0, news: bool = False) -> None:
        """Put a key (`kind/namespace/name`) into the queue, due after so many seconds.

        `news`: somebody changed something. It is due now, and before what only its time woke.
        """


@dataclass(frozen=True, slots=True)
class Ports:
    """All effects together, as a reconciler gets them."""

    kubernetes: Kubernetes
    aws: Aws
    http: Http
    customers: Http  # to the cafe, for probes that order: each request by a connection of its own
    probes: Http  # to URLs that users give
    admin: Admin
    clock: Clock
    events: Events
    queue: WakeUp
