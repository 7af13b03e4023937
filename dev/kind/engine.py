"""The Docker engine: used as it is where one runs, else installed and started.

Called by `dev.kind` and `dev.images` before they need containers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from dev.cache import locked, root
from dev.golang import program
from dev.steps import step
from dev.system import (
    ProblemError,
    ensure_programs,
    find,
    run,
    succeeds,
    wait_until,
)

#: Drops from containers what this machine cannot give them; see its main.go.
RUNC_LOCAL = Path(__file__).with_name("runc-local")
_SYS_RESOURCE = 24  # CAP_SYS_RESOURCE
_START_S = 60


def ensure_engine() -> None:
    """Leave a running engine alone; start one of ours where none answers."""
    if running():
        return
    if os.environ.get("DOCKER_HOST"):
        raise ProblemError(f"no Docker engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}")
    with locked("docker"):
        if not running():
            if os.geteuid() != 0 or find("apt-get") is None:
                raise ProblemError(
                    "no Docker engine answers: start yours, or run this as root on Debian, "
                    "where it is installed and started"
                )
            ensure_programs("the Docker engine", "docker", "dockerd", "iptables")
            _start()


def running() -> bool:
    """Whether an engine answers."""
    return succeeds("docker", "info", timeout_s=10)


def lacks_capabilities() -> bool:
    """Whether runc would fail to start a privileged container here."""
    status = Path("/proc/self/status").read_text()
    bounding = next(line for line in status.splitlines() if line.startswith("CapBnd:"))
    return not int(bounding.split()[1], 16) & (1 << _SYS_RESOURCE)


def prune(repository: str, *, keep: int) -> None:
    """Remove all but the newest images of a name; those in use stay."""
    tags = run("docker", "images", "--format", "{{.Tag}}", repository).split()  # newest first
    for tag in tags[keep:]:
        succeeds("docker", "rmi", f"{repository}:{tag}")


def _start() -> None:
    """Start dockerd detached, so that it outlives the command."""
    command = [str(find("dockerd"))]
    if lacks_capabilities():
        wrapper = root() / "runc-local"
        shutil.copy2(program(RUNC_LOCAL, "cloudcafe.dev/runc-local"), wrapper)
        command += [f"--add-runtime=local={wrapper}", "--default-runtime=local"]
    log = root() / "dockerd.log"
    with step("start the Docker engine"):
        _forget(Path("/var/run/docker.pid"), "dockerd")
        _forget(Path("/var/run/docker/containerd/containerd.pid"), "containerd")
        with log.open("ab") as output:
            engine = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        (root() / "dockerd.pid").write_text(f"{engine.pid}\n")
        wait_until(lambda: running() or engine.poll() is not None, "the engine", _START_S)
        if engine.poll() is not None:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
            raise ProblemError(f"dockerd stopped, see {log}: {last}")
        engine.returncode = 0  # nobody waits for it


def _forget(record: Path, program_name: str) -> None:
    """Delete the record of a program that was killed: its id may be another program's by now."""
    try:
        name = Path("/proc", record.read_text().strip(), "comm").read_text().strip()
    except FileNotFoundError:
        name = ""
    if name != program_name:
        record.unlink(missing_ok=True)
