"""`python -m dev.kind up|down|load|kubeconfig|status [--name NAME]`: a cluster with pods."""

from __future__ import annotations

import argparse

from dev.kind.cluster import Cluster
from dev.kind.engine import running
from dev.system import ProblemError, main


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.kind", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "load", "kubeconfig", "status"])
    parser.add_argument("images", nargs="*", help="for load: images of the Docker engine")
    parser.add_argument("--name", default="cloudcafe")
    arguments = parser.parse_intermixed_args()
    cluster = Cluster(arguments.name)
    if arguments.command == "up":
        cluster.up()
        print(cluster.kubeconfig)
    elif arguments.command == "down":
        cluster.down()
    elif not running() or not cluster.exists():
        if arguments.command != "status":
            raise ProblemError(f"no cluster {cluster.name}: `python -m dev.kind up` first")
        print("no cluster")
    elif arguments.command == "load":
        cluster.load(arguments.images)
    elif arguments.command == "kubeconfig":
        print(cluster.kubeconfig)
    else:
        print("healthy" if cluster.healthy() else "does not answer")


main(_command)
