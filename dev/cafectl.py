"""cafectl as its users run it, on the cluster of `make up`: for the demo, load tests and tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dev.kubectl import NAMESPACE, kubeconfig
from dev.system import ProblemError, show

_ACCOUNT_WITHIN_S = 90


def audit(*options: str) -> bool:
    """Compare the books and show what is said; return whether they balance."""
    return show(*_command("audit", *options), env=_environment()) == 0


class Guests:
    """A steady stream of orders. `account` is cafectl's, once they have gone."""

    def __init__(self, store: str, per_second: float) -> None:
        self.account: dict[str, Any] = {}
        words = _command("trickle", store, "--per-second", f"{per_second:g}")
        self._process = subprocess.Popen(
            words, env=_environment(), stdout=subprocess.PIPE, text=True
        )

    def arrive(self) -> None:
        """Wait until the first orders were placed; raise ProblemError where none can be."""
        assert self._process.stdout is not None
        if "acknowledged" not in self._process.stdout.readline():
            raise ProblemError("guests cannot order: see the line above")

    def leave(self) -> None:
        """Let them finish what they ordered, and read the account of every order."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        said, _ = self._process.communicate(timeout=_ACCOUNT_WITHIN_S)
        last = said.strip().splitlines()[-1:]
        if last and last[0].startswith("{"):
            self.account = json.loads(last[0])


@contextmanager
def guests(store: str, per_second: float) -> Iterator[Guests]:
    """Let guests order while the block runs; their account can be read after it."""
    found = Guests(store, per_second)
    try:
        found.arrive()
        yield found
    finally:
        found.leave()
    if not found.account:
        raise ProblemError("the guests left without an account of their orders: see the line above")


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "cafectl", *words]


def _environment() -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(kubeconfig()), "CAFE_NAMESPACE": NAMESPACE}
