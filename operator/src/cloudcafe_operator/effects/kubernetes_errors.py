"""What the API server's refusals mean: from status codes to errors.py. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudcafe_operator.errors import (
    AccessDenied,
    AlreadyExists,
    Bug,
    Conflict,
    NotFound,
    Throttled,
    Unavailable,
    UserError,
)
from cloudcafe_operator.ports import Resource

OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Intent:
    """One request, as a message names it and as its path."""

    verb: str  # as RBAC calls it
    method: str
    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str = ""

    @property
    def path(self) -> str:
        """The URL's path."""
        group = self.resource.group
        steps = [f"/apis/{group}" if group else "/api", self.resource.version]
        if self.namespace and self.resource.namespaced:
            steps += ["namespaces", self.namespace]
        steps.append(self.resource.plural)
        steps += [step for step in (self.name, self.subresource) if step]
        return "/".join(steps)

    def __str__(self) -> str:
        """Return for example `patch cafestores/status lisbon/corner`."""
        plural = self.resource.plural + (f"/{self.subresource}" if self.subresource else "")
        named = "/".join(step for step in (self.namespace, self.name) if step)
        return f"{self.verb} {plural} {named}".strip()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def raise_for(answer: Answer, intent: Intent) -> None:
    """Raise what a refusal means; return where it is none."""
    if answer.status in OK:
        return
    said = str(answer.body.get("message") or f"status {answer.status}")
    reason = answer.body.get("reason", "")
    match answer.status:
        case 401 | 403 if _namespace_is_going(answer):
            raise NotFound(f"{intent}: the namespace is being deleted")
        case 401 | 403:
            group = f" of API group {intent.resource.group}" if intent.resource.group else ""
            remedy = f"grant the operator's role the verb {intent.verb} on it{group}"
            raise AccessDenied(f"{intent}: {said}; {remedy}")
        case 404:
            raise NotFound(f"{intent}: {said}")
        case 409 if reason == "AlreadyExists":
            raise AlreadyExists(f"{intent}: {said}")
        case 409:
            raise Conflict(f"{intent}: {said}")
        case 400 | 413 | 422 if intent.subresource == "status":
            raise Bug(f"{intent}: {said}; what we say of it must fit the definition that is served")
        case 400 | 405 | 406 | 413 | 415 | 422:
            raise UserError(f"{intent}: {said}")
        case 429:
            raise Throttled(f"{intent}: {said}", after=_seconds(answer))
    raise Unavailable(f"{intent}: {said}")


def _namespace_is_going(answer: Answer) -> bool:
    causes = (answer.body.get("details") or {}).get("causes") or []
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def _seconds(answer: Answer) -> float:
    for name, value in answer.headers.items():
        if name.lower() == "retry-after" and value.isdecimal():
            return float(value)
    return 1.0
