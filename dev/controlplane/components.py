"""The command lines of etcd, the API server and the controller-manager: pure.

Called by `dev.controlplane.plane`. No nodes ever join, so what serves nodes is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dev.controlplane.pki import Pair

LOOPBACK = "127.0.0.1"
ISSUER = "https://kubernetes.default.svc.cluster.local"
SERVICE_RANGE = "10.96.0.0/16"
#: Go collects garbage when the heap has grown fivefold, not twofold: that took two fifths of the
#: API server's time, as it makes much and keeps little.
ENVIRONMENT = {"GOGC": "400"}
#: In etcd's and the API server's working folder, which nobody else may enter: no port, no TLS.
_ETCD_SOCKET = "unix://etcd.sock:0"


@dataclass(frozen=True)
class Files:
    """What the components read."""

    authority: Pair
    server: Pair
    proxy: Pair
    tokens: Pair


def etcd_flags(folder: Path) -> list[str]:
    """Return etcd's flags: one member, data in memory's speed, thrown away in the end."""
    peer = "unix://peer.sock:0"
    return [
        "--name=cloudcafe",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={_ETCD_SOCKET}",
        f"--advertise-client-urls={_ETCD_SOCKET}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=cloudcafe={peer}",
        "--unsafe-no-fsync",  # a power cut may lose it
        "--log-level=warn",
    ]


def api_server_flags(files: Files, port: int) -> list[str]:
    """Return the API server's flags: loopback only, RBAC, the aggregation layer, no nodes."""
    return [
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        f"--tls-cert-file={files.server.certificate}",
        f"--tls-private-key-file={files.server.key}",
        f"--client-ca-file={files.authority.certificate}",
        f"--etcd-servers={_ETCD_SOCKET}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={files.tokens.certificate}",
        f"--service-account-signing-key-file={files.tokens.key}",
        "--authorization-mode=RBAC",
        f"--requestheader-client-ca-file={files.authority.certificate}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={files.proxy.certificate}",
        f"--proxy-client-key-file={files.proxy.key}",
    ]


def controller_manager_flags(files: Files, kubeconfig: Path) -> list[str]:
    """Return the controller-manager's flags: every controller that needs no nodes."""
    return [
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials",
        "--kube-api-qps=500",  # the default of 20 makes the start alone wait for seconds
        "--kube-api-burst=1000",
        f"--service-account-private-key-file={files.tokens.key}",
        f"--root-ca-file={files.authority.certificate}",
    ]
