"""`python -m dev.release up|down`: the chart on a cluster, with everything it needs.

Called by `make up`, `make down` and the gate. Without KUBECONFIG that is the kind cluster, made
and filled on the way. With KUBECONFIG it is the user's own: no cluster is made, no image is built,
and the chart takes its images from where $VALUES (a values file) says.
"""

from __future__ import annotations

import argparse
import json
import os
from functools import partial
from pathlib import Path

from dev import shell
from dev.cache import locked
from dev.images.build import VALUES, build
from dev.kind.cluster import Cluster
from dev.operator import OVER_THE_OPERATOR, farewell
from dev.steps import say, step
from dev.system import ROOT, main, run
from dev.tools import tool

RELEASE = NAMESPACE = "cloudcafe"
_CHART = ROOT / "charts" / "cloudcafe"
_TIMEOUT = "8m"


def own_cluster() -> Path | None:
    """Return the user's kubeconfig, if one is set that is not ours."""
    named = os.environ.get("KUBECONFIG")
    return Path(named) if named and Path(named).resolve() != Cluster().kubeconfig else None


def up() -> Path:
    """Install or upgrade the chart, wait until it is ready; return the cluster's kubeconfig."""
    own = own_cluster()
    if own:
        values = [Path(os.environ["VALUES"])] if "VALUES" in os.environ else []
        say(f"using the cluster of KUBECONFIG={own}")
        _install(own, values)
        return own
    cluster = Cluster()
    tags = build()
    cluster.up()
    cluster.load(sorted(tags.values()))
    _namespace(cluster)
    _install(cluster.kubeconfig, [VALUES])
    return cluster.kubeconfig


def down() -> None:
    """Delete the kind cluster, or uninstall the chart from the user's own."""
    own = own_cluster()
    if own:
        farewell(partial(run, tool("kubectl"), "--kubeconfig", own))
        with step(f"uninstall {RELEASE} from the cluster of KUBECONFIG={own}"):
            _helm(own, "uninstall", RELEASE, "-n", NAMESPACE, "--ignore-not-found", "--wait")
        return
    Cluster().down()


def _namespace(cluster: Cluster) -> None:
    """Make the namespace: restricted pods only, and open to chaos, as the cluster is ours."""
    labels = {"cloudcafe.dev/chaos": "allowed", "pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": NAMESPACE, "labels": labels}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    say(f"namespace {NAMESPACE}: {', '.join(f'{name}={value}' for name, value in labels.items())}")
    cluster.kubectl("apply", "-f", "-", text=json.dumps(manifest))


def _install(kubeconfig: Path, values: list[Path]) -> None:
    files = [word for file in values for word in ("-f", str(file))]
    with step("helm upgrade --install cloudcafe charts/cloudcafe"), locked("release"):
        _recover(kubeconfig)
        _helm(
            kubeconfig,
            *("upgrade", "--install", RELEASE, str(_CHART), "-n", NAMESPACE, "--create-namespace"),
            *(*files, *OVER_THE_OPERATOR, "--wait", "--timeout", _TIMEOUT),
        )


def _recover(kubeconfig: Path) -> None:
    """Undo what a helm that was killed left half-done: the next one would refuse to work."""
    listed = _helm(kubeconfig, "list", "-n", NAMESPACE, "--filter", f"^{RELEASE}$", "-o", "json")
    status = next((release["status"] for release in json.loads(listed)), "")
    if status == "pending-install":
        _helm(kubeconfig, "uninstall", RELEASE, "-n", NAMESPACE, "--wait")
    elif status.startswith("pending-"):
        _helm(kubeconfig, "rollback", RELEASE, "-n", NAMESPACE, *OVER_THE_OPERATOR)


def _helm(kubeconfig: Path, *words: str) -> str:
    return run(tool("helm"), "--kubeconfig", kubeconfig, *words)


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.release", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    if parser.parse_args().command == "down":
        down()
        return
    print(*shell.lines(up()), sep="\n")


if __name__ == "__main__":
    main(_command)
