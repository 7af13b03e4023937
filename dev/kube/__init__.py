"""Kubernetes, etcd and CoreDNS as one Go module: what runs the bare control plane and kind nodes.

Called by `dev.controlplane`, `dev.kind` and `dev.tools`. `cmd/kube` is one program for every
component; the name it is called by selects which (5 minutes cold on 2 cores, then cached).
"""

from __future__ import annotations

from pathlib import Path

from dev.cache import built, digest
from dev.golang import pinned, program

MODULE = Path(__file__).parent
#: The names that `cmd/kube` answers to.
COMPONENTS = (
    "etcd",
    "kindnetd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubeadm",
    "kubectl",
    "kubelet",
    "metrics-server",
)


def version() -> str:
    """Return the Kubernetes version, as in v1.36.3."""
    return pinned(MODULE, "k8s.io/kubernetes")


def kube() -> Path:
    """Return the program that is every component."""
    major, minor, _ = version().removeprefix("v").split(".", 2)
    facts = {"gitVersion": version(), "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamps = {f"{package}.{key}": value for package in packages for key, value in facts.items()}
    return program(MODULE, "./cmd/kube", stamps)


def binaries() -> Path:
    """Return a folder with a link to the program for each component."""
    target = kube()

    def link(draft: Path) -> None:
        for name in COMPONENTS:
            (draft / name).symlink_to(target)

    return built("kube", digest([], str(target), *COMPONENTS), link)
