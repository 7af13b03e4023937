"""`python -m dev.controlplane up|down|kubeconfig|status`: a Kubernetes API without nodes."""

from __future__ import annotations

import argparse
from pathlib import Path

from dev.controlplane import ControlPlane
from dev.steps import step
from dev.system import LOCAL, ProblemError, main


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.controlplane", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "kubeconfig", "status"])
    parser.add_argument(
        "--state", type=Path, default=LOCAL / "controlplane", help="its folder, deleted by down"
    )
    arguments = parser.parse_args()
    folder: Path = arguments.state
    plane = ControlPlane.find(folder)
    if plane is not None and (arguments.command == "down" or not plane.alive()):
        plane.stop()
        plane = None
    if arguments.command == "up":
        if plane is None:
            with step("etcd, API server and controllers"):
                plane = ControlPlane.start(folder, keep=True)
        print(plane.kubeconfig)
    elif arguments.command == "kubeconfig":
        if plane is None:
            raise ProblemError(f"nothing runs in {folder}: `python -m dev.controlplane up` first")
        print(plane.kubeconfig)
    elif arguments.command == "status":
        print("stopped" if plane is None else f"running at {plane.server}")


main(_command)
