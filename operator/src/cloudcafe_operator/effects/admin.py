"""The admin ports of the cafe's services: implements ports.Admin. Used by faults.

The services' token goes along, so it must never reach anybody else: whoever is called is looked up
among the running pods of the cafe's own namespace first, also where a caller names an address.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cloudcafe_operator.effects.cafe import checked
from cloudcafe_operator.errors import Unavailable, UserError
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.ports import Http, Json, Kubernetes, Manifest, Method

PORT = 9090
PORT_NAME = "admin"
OURSELVES = "cloudcafe-operator"
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ServiceAdmin:
    """Implements ports.Admin over HTTP. `namespace` is the one that the cafe is installed in."""

    kubernetes: Kubernetes
    http: Http
    namespace: str
    token: str = field(repr=False)

    async def call(  # noqa: PLR0913 - the port's signature: one request in full
        self,
        service: str,
        method: Method,
        path: str,
        *,
        namespace: str,
        pod_ip: str = "",
        json: Json | None = None,
    ) -> Json:
        """Send one request to a pod of a service, or to any of them."""
        await self._look_up(service, namespace, pod_ip)
        host = pod_ip or f"{service}.{namespace}"
        url = f"http://{f'[{host}]' if ':' in host else host}:{PORT}{path}"
        answer = await self.http.request(
            method,
            url,
            body=json,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout_seconds=TIMEOUT_SECONDS,
        )
        return checked(answer, f"{method} {url}")

    async def _look_up(self, service: str, namespace: str, pod_ip: str) -> None:
        """Raise UserError unless the service, and the address, are the cafe's own."""
        if namespace != self.namespace:
            raise UserError(
                f"the cafe's services are in namespace {self.namespace}, and {service} was asked "
                f"for in {namespace}: only their admin ports are called"
            )
        labels = f"app.kubernetes.io/name={service},app.kubernetes.io/part-of=cloudcafe"
        pods = await self.kubernetes.list(PODS, namespace=namespace, labels=labels)
        theirs = [pod for pod in pods if _has_admin_port(pod)]
        if service == OURSELVES or not theirs:
            raise UserError(f"{service} is no service of the cafe in namespace {namespace}")
        if pod_ip and pod_ip not in {_ip(pod) for pod in theirs}:
            raise Unavailable(f"no pod of {service} has the address {pod_ip} any more")


def _has_admin_port(pod: Manifest) -> bool:
    containers = (pod.get("spec") or {}).get("containers") or ()
    return any(
        port.get("name") == PORT_NAME for one in containers for port in one.get("ports") or ()
    )


def _ip(pod: Manifest) -> str:
    return str((pod.get("status") or {}).get("podIP") or "")
