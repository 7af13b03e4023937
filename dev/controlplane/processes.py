"""Background processes of ours, stopped exactly, also by another command or after a crash.

Called by `dev.controlplane` (and `dev.kind` for the Docker engine). A process is recorded by its
id and its start time: ids are reused, and somebody else's process must never be killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.system import wait_until

#: Set for a child whose end of life is that of its standard input (see dev/kube/cmd/kube/main.go).
LIFELINE = "KUBE_LIFELINE"


@dataclass(frozen=True)
class Process:
    """One process: `started` is its start time in clock ticks after boot."""

    name: str
    pid: int
    started: int

    def alive(self) -> bool:
        """Whether this very process, not one that got its id later, still runs."""
        return start_time(self.pid) == self.started

    def kill(self) -> None:
        """Kill it, unless it is gone."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def start(
    command: Sequence[str | Path],
    log: Path,
    *,
    folder: Path,
    lifeline: int | None,
    defaults: Mapping[str, str],
) -> Process:
    """Start a program detached from this terminal.

    Args:
        command: the program and its arguments.
        log: the file that its output is added to.
        folder: where it runs.
        lifeline: the read end of a pipe: the program ends when nobody holds the other end any
            more, however its parent died. None lets it outlive the command.
        defaults: environment variables for where ours does not say otherwise.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            stdin=subprocess.DEVNULL if lifeline is None else lifeline,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**defaults, **os.environ, **({} if lifeline is None else {LIFELINE: "1"})},
        )
    # Nobody waits for it: its record does. Else Python warns when the object goes.
    child.returncode = 0
    return Process(Path(str(command[0])).name, child.pid, start_time(child.pid) or 0)


def stop(processes: Sequence[Process]) -> None:
    """Kill processes and see them gone. Their data is thrown away, so there is no grace."""
    for process in processes:
        process.kill()
    wait_until(lambda: not any(process.alive() for process in processes), "killed processes", 10)
    for process in processes:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)


def start_time(pid: int) -> int | None:
    """Return a process's start time, or None if it is gone or only awaits its parent."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces
    status, started = fields[0], int(fields[19])
    return None if status in "ZX" else started
