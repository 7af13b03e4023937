"""Programs, packages, ports and waiting: the one place where rooms touch the machine.

Called by every room, so that a failure always ends in one readable line that says what to do
(`ProblemError`, printed by `main`) and not in a traceback.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from dev.steps import step

ROOT = Path(__file__).resolve().parents[1]
#: What a command line may leave in the checkout; git ignores it.
LOCAL = ROOT / ".cache"

#: The Debian package of each program that a room may have to install.
PACKAGES = {
    "chroot": "coreutils",
    "debootstrap": "debootstrap",
    "dockerd": "docker.io",
    "docker": "docker.io",
    "iptables": "iptables",
    "java": "default-jre-headless",
    "javac": "default-jdk-headless",
    "mvn": "maven",
    "redis-server": "redis-server",
    "/usr/lib/postgresql/15/bin/postgres": "postgresql-15",
}
#: Packages whose service we do not want: whoever needs the program starts it himself.
_IDLE = {"redis-server"}


class ProblemError(Exception):
    """Something the reader can act on; the message says how."""


def main(command: Callable[[], None]) -> NoReturn:
    """Run a room's command line: a problem is one line on stderr and exit status 1."""
    try:
        command()
    except ProblemError as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def run(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    text: str | None = None,
) -> str:
    """Run a program and return its standard output; a failure shows the end of what it said."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input=text if text is not None else "",
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise ProblemError(_missing(words[0])) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-3000:]
        raise ProblemError(f"`{' '.join(words)[:200]}` ended with {done.returncode}: {said}")
    return done.stdout


def show(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> int:
    """Run a program that speaks to the reader itself; return its exit status."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            check=False,
        ).returncode
    except FileNotFoundError:
        raise ProblemError(_missing(words[0])) from None


def succeeds(*command: str | Path, timeout_s: float = 30) -> bool:
    """Run a program only for its verdict; one that hangs has failed."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def ensure_programs(purpose: str, *programs: str) -> None:
    """Install what is missing with apt (as root on Debian), or say what to install."""
    missing = [name for name in programs if find(name) is None]
    if not missing:
        return
    packages = sorted({PACKAGES.get(name, name) for name in missing})
    line = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ProblemError(f"{purpose} needs {', '.join(missing)}: as root, {line}")
    with step(f"{purpose} needs {', '.join(missing)}: {line}"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=quiet)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, env=quiet)
        for service in sorted(_IDLE & set(packages)):
            _keep_idle(service)


def _keep_idle(service: str) -> None:
    """Stop a service that a package just started, now and at boot; no harm where none runs."""
    succeeds("systemctl", "disable", "--now", service)
    succeeds("service", service, "stop")


def require_linux_root(purpose: str) -> None:
    """Refuse early where only root on Linux can go on."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise ProblemError(f"{purpose} needs root on Linux")


def find(program: str) -> str | None:
    """Return where a program is, also where a plain user's PATH does not look."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float) -> None:
    """Poll until the condition holds; say what was waited for when it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise ProblemError(f"waited {timeout_s:.0f} s in vain for {what}")
        time.sleep(0.05)


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _missing(program: str) -> str:
    package = PACKAGES.get(program, program)
    return f"{program} is not installed: apt-get install {package}"
