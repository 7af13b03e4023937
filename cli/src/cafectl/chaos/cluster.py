"""The API server as this program uses it; the only module here that knows the Kubernetes client.

Every call is bounded in time. What may go away by itself is Unreachable, what will not is Refused;
both carry a sentence for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol, TypeVar

import urllib3
from kubernetes import client
from kubernetes.client import ApiException

from cafectl.catalogue import version
from cafectl.chaos import kubeconfig

GROUP = "cloudcafe.dev"
LEASE = "cloudcafe-operator"  # is where an operator is, or was
HOME = "cloudcafe"  # where the operator lives, if nobody says
TIMEOUT_S = 10
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
NOT_FOUND, CONFLICT = 404, 409
Kind = Literal["chaosexperiments", "chaosruns"]
Manifest = Mapping[str, Any]
Answer = TypeVar("Answer")


class ClusterError(Exception):
    """The API server did not do what was asked."""


class Unreachable(ClusterError):
    """No answer, or one that may be different soon."""


class Refused(ClusterError):
    """An answer that asking again would not change."""


class NoCluster(Refused):
    """Nothing says which cluster is meant: there is no kubeconfig, or no context in it."""


class Misconfigured(Refused):
    """A kubeconfig means a cluster and cannot be used."""


class Gone(ClusterError):
    """There is no such object."""


class Chaos(Protocol):
    """What the commands need of one namespace, and the halt lever of the operator's."""

    @property
    def namespace(self) -> str:
        """The namespace of the experiments."""
        ...

    @property
    def operator_namespace(self) -> str:
        """The namespace of the operator, where the halt lever is."""
        ...

    def get(self, kind: Kind, name: str) -> Manifest | None:
        """Return an object, None where there is none."""
        ...

    def items(self, kind: Kind) -> list[Manifest]:
        """Return all of the namespace."""
        ...

    def runs_everywhere(self) -> list[Manifest]:
        """Return the runs of all namespaces; Refused where we may not see them."""
        ...

    def has_operator(self) -> bool:
        """Whether the operator's namespace has one; Refused where we may not see that."""
        ...

    def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create it; Refused with the server's sentence where it is wrong."""
        ...

    def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Replace what still has the manifest's resourceVersion."""
        ...

    def annotate(self, kind: Kind, name: str, annotations: Mapping[str, str]) -> None:
        """Add annotations."""
        ...

    def delete(self, kind: Kind, name: str) -> None:
        """Delete it; already gone is success."""
        ...

    def lever(self) -> Mapping[str, str] | None:
        """Return the data of the halt lever, None where there is none."""
        ...

    def pull_lever(self, data: Mapping[str, str]) -> None:
        """Set the halt lever's data."""
        ...


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Implements Chaos with the current kubeconfig."""

    namespace: str
    operator_namespace: str = HOME

    HALT = "cloudcafe-halt"

    def get(self, kind: Kind, name: str) -> Manifest | None:
        """See Chaos."""
        try:
            found: Manifest = asked(
                lambda api: api.get_namespaced_custom_object(
                    GROUP, version(kind), self.namespace, kind, name, _request_timeout=TIMEOUT_S
                )
            )
        except Gone:
            return None
        return found

    def items(self, kind: Kind) -> list[Manifest]:
        """See Chaos."""
        found = asked(
            lambda api: api.list_namespaced_custom_object(
                GROUP, version(kind), self.namespace, kind, _request_timeout=TIMEOUT_S
            )
        )
        return list(found["items"])

    def runs_everywhere(self) -> list[Manifest]:
        """See Chaos."""
        kind = "chaosruns"
        found = asked(
            lambda api: api.list_cluster_custom_object(
                GROUP, version(kind), kind, _request_timeout=TIMEOUT_S
            )
        )
        return list(found["items"])

    def has_operator(self) -> bool:
        """See Chaos."""
        try:
            asked(
                lambda api: api.read_namespaced_lease(
                    LEASE, self.operator_namespace, _request_timeout=TIMEOUT_S
                ),
                client.CoordinationV1Api,
            )
        except Gone:
            return False
        return True

    def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """See Chaos."""
        return asked(
            lambda api: api.create_namespaced_custom_object(
                GROUP,
                version(kind),
                self.namespace,
                kind,
                dict(manifest),
                field_manager="cafectl",
                field_validation="Strict",
                _request_timeout=TIMEOUT_S,
            )
        )

    def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        """See Chaos."""
        return asked(
            lambda api: api.replace_namespaced_custom_object(
                GROUP,
                version(kind),
                self.namespace,
                kind,
                manifest["metadata"]["name"],
                dict(manifest),
                field_manager="cafectl",
                field_validation="Strict",
                _request_timeout=TIMEOUT_S,
            )
        )

    def annotate(self, kind: Kind, name: str, annotations: Mapping[str, str]) -> None:
        """See Chaos."""
        patch = {"metadata": {"annotations": dict(annotations)}}
        asked(
            lambda api: api.patch_namespaced_custom_object(
                GROUP, version(kind), self.namespace, kind, name, patch, _request_timeout=TIMEOUT_S
            )
        )

    def delete(self, kind: Kind, name: str) -> None:
        """See Chaos."""
        try:
            asked(
                lambda api: api.delete_namespaced_custom_object(
                    GROUP, version(kind), self.namespace, kind, name, _request_timeout=TIMEOUT_S
                )
            )
        except Gone:
            return

    def lever(self) -> Mapping[str, str] | None:
        """See Chaos."""
        try:
            found = asked(
                lambda api: api.read_namespaced_config_map(
                    self.HALT, self.operator_namespace, _request_timeout=TIMEOUT_S
                ),
                client.CoreV1Api,
            )
        except Gone:
            return None
        return dict(found.data or {})

    def pull_lever(self, data: Mapping[str, str]) -> None:
        """See Chaos."""
        home = self.operator_namespace
        body = {"metadata": {"name": self.HALT, "namespace": home}, "data": dict(data)}

        def pull(api: Any) -> Any:
            try:
                return api.replace_namespaced_config_map(
                    self.HALT, home, body, _request_timeout=TIMEOUT_S
                )
            except ApiException as refused:
                if refused.status != NOT_FOUND:
                    raise
                return api.create_namespaced_config_map(home, body, _request_timeout=TIMEOUT_S)

        asked(pull, client.CoreV1Api)


@cache
def _connection() -> Any:
    """Read the kubeconfig once; the client itself renews a token that expires."""
    kubeconfig.load()
    return client.ApiClient()


def asked(ask: Callable[[Any], Answer], api: Any = client.CustomObjectsApi) -> Answer:
    """Ask the API server; each failure becomes a sentence."""
    try:
        return ask(api(_connection()))
    except kubeconfig.UnusableError as problem:
        if kubeconfig.means_a_cluster():
            raise Misconfigured(f"the kubeconfig cannot be used: {problem}") from problem
        raise NoCluster(
            f"no cluster: {problem}: set KUBECONFIG or use kubectl's context"
        ) from problem
    except ApiException as answer:
        raise _error(answer) from answer
    except (urllib3.exceptions.HTTPError, OSError) as problem:
        kind = type(problem).__name__
        raise Unreachable(f"the API server does not answer ({kind})") from problem


def _error(answer: ApiException) -> ClusterError:
    try:
        said = str(json.loads(answer.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        said = f"{answer.status} {answer.reason}"
    if answer.status == NOT_FOUND:
        return Gone(said)
    return Unreachable(said) if answer.status in TRANSIENT else Refused(said)
