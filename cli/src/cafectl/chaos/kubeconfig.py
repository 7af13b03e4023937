"""Which cluster kubectl means, and whether it means one at all. Called by `cluster.py`.

A kubeconfig that cannot be used is not one that is missing: the cluster that it means may live.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from kubernetes import config
from kubernetes.config.incluster_config import SERVICE_HOST_ENV_NAME

VARIABLE = "KUBECONFIG"
AT_HOME = "~/.kube/config"


class UnusableError(Exception):
    """The kubeconfig cannot be used, and why."""


def load() -> None:
    """Make the client use kubectl's context, or in a pod its own cluster. UnusableError."""
    use: Any = config  # kubernetes leaves it untyped
    try:
        if _files():
            use.load_kube_config(config_file=_location())
        else:
            use.load_incluster_config()
    except (config.ConfigException, yaml.YAMLError, TypeError, ValueError) as problem:
        # text has no keys, and what is no text cannot be decoded
        raise UnusableError(str(problem)) from problem


def means_a_cluster() -> bool:
    """Whether one is meant, reached or not: only what plainly says that there is none does not."""
    if found := _files():
        return any(_has_context(path) for path in found)
    return bool(os.environ.get(VARIABLE) or os.environ.get(SERVICE_HOST_ENV_NAME))


def _location() -> str:
    return os.environ.get(VARIABLE) or AT_HOME


def _files() -> list[Path]:
    """Return those that exist, of the one or more that are named."""
    named = [Path(one).expanduser() for one in _location().split(os.pathsep) if one]
    return [path for path in named if path.exists()]


def _has_context(path: Path) -> bool:
    """Whether a file names a current context, or may have before it was damaged.

    Without one kubectl writes it as empty; a file that ends before that has clusters.
    """
    try:
        read = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return True
    if not isinstance(read, dict):
        return True
    context = read.get("current-context", "" if not read.get("clusters") else None)
    return context != ""
