"""The operator as a process of its own, so that it can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from dev.system import free_port

SECONDS_TO_START = 30
SECONDS_TO_STOP = 20


@dataclass
class OperatorProcess:
    """Start, kill and start it again with the same settings."""

    environment: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self, *, role: str = "leading", **more: str) -> None:
        """Start and wait until it has its role; `more` goes to its environment."""
        self.spawn(**more)
        self.wait_until(f"ok, {role}")

    def spawn(self, **more: str) -> None:
        """Start without waiting."""
        settings = {"CAFE_HOST": "127.0.0.1", "CAFE_PORT": str(self.port), **self.environment}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cloudcafe_operator"],
                env={**os.environ, **settings, **more},
                stdout=output,
                stderr=output,
            )

    def wait_until(self, said: str) -> None:
        """Wait until readiness says so."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            if said in self.get("/readyz"):
                return
            time.sleep(0.05)
        raise AssertionError(f"not {said!r} in time:\n{self.log.read_text()[-3000:]}")

    def get(self, path: str) -> str:
        """Ask the health port; an error's text too, nothing where it does not listen."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError:
            return ""

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        lines = self.get("/metrics").splitlines()
        starts = (f"{name} ",) if "{" in name else (f"{name} ", f"{name}{{")
        rows = (line for line in lines if line.startswith(starts))
        return sum(float(line.rpartition(" ")[2]) for line in rows)

    def late_samples(self) -> float:
        """Return how many samples found the event loop more than 50 ms late, for any reason."""
        name = "cloudcafe_event_loop_lag_seconds"
        return self.metric(f"{name}_count") - self.metric(f'{name}_bucket{{le="0.05"}}')

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=SECONDS_TO_STOP)
