"""Operators that are there at once: forked from a process that has imported everything.

A sweep kills some hundreds of them, and to import is most of a start. Nothing but modules is
shared: each child runs the operator's own `main`, and what it knew dies with it.
"""

import importlib
import multiprocessing
import os
import sys
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.integration.operator_process import OperatorProcess

FOLDER = str(Path(__file__).parent / "process")
OPERATOR = "cloudcafe_operator.__main__"
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload([OPERATOR])


@dataclass(frozen=True)
class Child:
    """A forked process with the few methods of subprocess.Popen that an operator is driven by."""

    forked: BaseProcess

    def poll(self):
        """Return how it ended; None while it runs."""
        return self.forked.exitcode

    def kill(self):
        """SIGKILL."""
        self.forked.kill()

    def send_signal(self, number):
        """Send any signal."""
        os.kill(self.forked.pid, number)

    def wait(self, timeout=None):
        """Return how it ended once it has; None where that takes too long."""
        self.forked.join(timeout)
        return self.forked.exitcode


@dataclass
class ForkedOperator(OperatorProcess):
    """An operator's process, by the surroundings and with the bug that its environment asks for."""

    def spawn(self, **more: str) -> None:
        """Start without waiting."""
        settings = {"CAFE_HOST": "127.0.0.1", "CAFE_PORT": str(self.port), **self.environment}
        environment = {**os.environ, **settings, **more}
        forked = NURSERY.Process(target=run, args=(environment, str(self.log)), daemon=True)
        forked.start()
        self.process = Child(forked)


def run(environment, log):
    """Be an operator; runs in the child."""
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(output, stream.fileno())
    sys.path.insert(0, FOLDER)
    importlib.import_module("surroundings")
    sys.exit(importlib.import_module(OPERATOR).main())
