"""The environment of the process, read once.

`__main__` and the tests build it; nothing else reads the environment. All names are
`LOCALAWS_…`; an unset name means the default that suits the chart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Settings:
    """What can be set from outside.

    Attributes:
        port: where AWS is answered; 0 takes a free port, which the log line `listening` names.
        host: the address to bind.
        region: the region of the seeded resources.
        seed: whether the resources of the cafe exist from the start.
        allow_reset: whether `POST /_localaws/reset` is answered (tests only).
        toxiproxy_url: API of the proxy before PostgreSQL; empty = failovers move only state.
        postgres_upstream: where that proxy leads, if localaws has to create it.
        aurora_cluster: the cluster whose writer is that PostgreSQL.
        failover_seconds: how long a failover keeps the writer away.
        memorydb_seconds: how long a failover of MemoryDB keeps the points' store away.
        table_update_seconds: how long a changed DynamoDB table is UPDATING; 0 = not at all.
        kubernetes_url: the Kubernetes API whose pods stand for tasks and instances; empty = none.
        namespace: whose pods.
        identity_dir: folder with the token and the certificate authority for it.
        edge_ports: where customers, tills (and the card provider) come in; empty = no edge.
        edge_services: host and port of services that are not found by their name.
        state_dir: folder that keeps what AWS holds across restarts; empty = nothing is kept.
        snapshot_seconds: the least time from one snapshot to the next, thus about what a crash
            may lose.
    """

    port: int = 4566
    host: str = "0.0.0.0"  # noqa: S104 - a container serves its pod's address
    region: str = "eu-west-1"
    log_level: str = "INFO"
    seed: bool = True
    allow_reset: bool = False
    toxiproxy_url: str = "http://toxiproxy:8474"
    postgres_upstream: str = "postgresql:5432"
    aurora_cluster: str = "cloudcafe"
    failover_seconds: float = 6.0
    memorydb_seconds: float = 3.0
    table_update_seconds: float = 0.0
    kubernetes_url: str = ""
    namespace: str = "default"
    identity_dir: str = "/var/run/secrets/kubernetes.io/serviceaccount"
    edge_ports: Mapping[str, int] = field(default_factory=dict)
    edge_services: Mapping[str, str] = field(default_factory=dict)
    state_dir: str = ""
    snapshot_seconds: float = 2.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read `environ`; a number or switch that cannot be read raises ValueError naming it."""
        default = cls()
        return cls(
            port=_port(environ, default.port),
            host=environ.get("LOCALAWS_HOST", default.host),
            region=environ.get("AWS_REGION", default.region),
            log_level=environ.get("LOCALAWS_LOG_LEVEL", default.log_level).upper(),
            seed=_switch(environ, "LOCALAWS_SEED", default=default.seed),
            allow_reset=_switch(environ, "LOCALAWS_ALLOW_RESET", default=default.allow_reset),
            toxiproxy_url=environ.get("LOCALAWS_TOXIPROXY_URL", default.toxiproxy_url).rstrip("/"),
            postgres_upstream=environ.get("LOCALAWS_POSTGRES_UPSTREAM", default.postgres_upstream),
            aurora_cluster=environ.get("LOCALAWS_AURORA_CLUSTER", default.aurora_cluster),
            failover_seconds=_seconds(
                environ, "LOCALAWS_FAILOVER_SECONDS", default.failover_seconds
            ),
            memorydb_seconds=_seconds(
                environ, "LOCALAWS_MEMORYDB_SECONDS", default.memorydb_seconds
            ),
            table_update_seconds=_seconds(
                environ, "LOCALAWS_TABLE_UPDATE_SECONDS", default.table_update_seconds
            ),
            kubernetes_url=environ.get("LOCALAWS_KUBERNETES_URL", default.kubernetes_url),
            namespace=environ.get("LOCALAWS_NAMESPACE", default.namespace),
            identity_dir=environ.get("LOCALAWS_IDENTITY_DIR", default.identity_dir),
            edge_ports={
                name: _number("LOCALAWS_EDGE_PORTS", port)
                for name, port in _pairs(environ, "LOCALAWS_EDGE_PORTS").items()
            },
            edge_services=_pairs(environ, "LOCALAWS_EDGE_SERVICES"),
            state_dir=environ.get("LOCALAWS_STATE_DIR", default.state_dir),
            snapshot_seconds=_seconds(
                environ, "LOCALAWS_SNAPSHOT_SECONDS", default.snapshot_seconds
            ),
        )

    def address_of(self, service: str) -> str:
        """Host and port of a service: in the cluster its name is its address."""
        return self.edge_services.get(service, f"{service}:8080")


def _pairs(environ: Mapping[str, str], name: str) -> dict[str, str]:
    """`customers=8480,tills=8481` as a dictionary; ValueError where it is none."""
    text = environ.get(name, "")
    pairs = [each.partition("=") for each in text.split(",") if each]
    if not all(key and sign and value for key, sign, value in pairs):
        raise ValueError(f"{name} is {text!r}; set name=value, several with commas between")
    return {key: value for key, _, value in pairs}


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"{name} has {text!r}; set a whole number") from error


def _port(environ: Mapping[str, str], default: int) -> int:
    """LOCALAWS_PORT; Kubernetes sets it too, to tcp://…, where a Service is called localaws."""
    text = environ.get("LOCALAWS_PORT")
    if text is None or text.startswith("tcp://"):
        return default
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"LOCALAWS_PORT is {text!r}; set a whole number") from error


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError as error:
        raise ValueError(f"{name} is {text!r}; set a number of seconds") from error
    if not 0 < seconds <= 600:  # noqa: PLR2004 - ten minutes is longer than any Aurora failover
        raise ValueError(f"{name} is {text!r}; set more than 0 and at most 600 seconds")
    return seconds


def _switch(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name)
    if text is None:
        return default
    known = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in known:
        raise ValueError(f"{name} is {text!r}; set true or false")
    return known[text.lower()]
