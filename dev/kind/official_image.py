"""kind's own node image, where a registry gives it. Called by `dev.kind.cluster`.

Nothing is remembered beside the engine's images: what was pulled is there, and a failure may be one
of a moment. Where an image was built instead, that one is found before a registry is asked again.
"""

from __future__ import annotations

import platform
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from dev.kind.engine import lacks_capabilities
from dev.steps import say, step
from dev.system import ProblemError, run, succeeds
from dev.tools import tool

_CGROUPS_2 = Path("/sys/fs/cgroup/cgroup.controllers")
#: Until the registry has answered. Docker itself gives up at once where an address is refused or
#: unknown, and after 15 to 30 s where a firewall swallows what is sent.
_ANSWER_S = 120
#: Until all is here, once it has: half a gigabyte by a slow line.
_PULL_S = 600


def runs_here() -> bool:
    """Whether this machine can run it at all."""
    return platform.system() != "Linux" or (not lacks_capabilities() and _CGROUPS_2.exists())


def default_image() -> str:
    """Return the node image that this kind names by itself, with its digest."""
    for line in run(tool("kind"), "create", "cluster", "--help").splitlines():
        _, found, name = line.partition("(default ")
        if found and "kindest/node" in name:
            return name.strip(' ")')
    raise ProblemError("kind's help names no default node image")


def is_here(image: str) -> bool:
    """Whether the engine has it."""
    return succeeds("docker", "image", "inspect", image)


def pulled(image: str, *, command: tuple[str, ...] = ("docker", "pull")) -> bool:
    """Pull it, saying how far it is, or say why not."""
    with step(f"pull {image}: up to {_PULL_S // 60} min where the registry answers"):
        problem = _pull([*command, image])
    if problem:
        say(f"not pulled: {problem}")
    return not problem


def _pull(command: list[str]) -> str:
    """Return docker's last words where it failed; nothing where it did not."""
    late = "the registry did not answer in time"
    last, done, layers = "", 0, 0
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pulling:
        limit = _limit(_ANSWER_S, pulling.kill)
        for line in pulling.stdout or ():
            last = line.strip() or last
            if ": Pulling from " in line:
                limit.cancel()
                late = f"it was not whole after {_PULL_S} s"
                limit = _limit(_PULL_S, pulling.kill)
            layers += line.endswith(": Pulling fs layer\n")
            if line.endswith(": Pull complete\n"):
                done += 1
                say(f"{done} of {layers} layers")
        status = pulling.wait()
        limit.cancel()
    if status == 0:
        return ""
    return late if status < 0 else last or f"docker ended with {status}"


def _limit(seconds: float, end: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer
