"""kubectl in the namespace of the cafe, on the cluster of `make up`: for demo and benchmarks."""

from __future__ import annotations

import os
from pathlib import Path

from dev.system import LOCAL, run
from dev.tools import tool

NAMESPACE = "cloudcafe"


def kubeconfig() -> Path:
    """Return the kubeconfig that `make up` used."""
    return Path(os.environ.get("KUBECONFIG") or LOCAL / "kubeconfig")


def command(*words: str) -> list[str]:
    """Return the command line of kubectl in the demo's namespace."""
    return [str(tool("kubectl")), "--kubeconfig", str(kubeconfig()), "-n", NAMESPACE, *words]


def kubectl(*words: str, text: str | None = None) -> str:
    """Run kubectl in the demo's namespace."""
    return run(*command(*words), text=text)
