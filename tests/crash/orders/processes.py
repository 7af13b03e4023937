"""The services as processes of this machine, which can be killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

READY_S = 180.0


@dataclass
class Process:
    """One replica of a service on two ports of its own; its log is a file."""

    name: str
    module: str
    port: int
    admin_port: int
    environment: Mapping[str, str]
    folder: Path
    kills: int = 0
    _running: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it said, over all its lives."""
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start it; it may find nothing of what it needs, and comes ready when that comes."""
        own = {
            "CAFE_BIND_HOST": "127.0.0.1",
            "CAFE_PUBLIC_PORT": str(self.port),
            "CAFE_ADMIN_PORT": str(self.admin_port),
            "CAFE_DRAIN_DELAY_SECONDS": "0",
        }
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", self.module],
                env={**os.environ, **self.environment, **own},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL: no farewell, nothing is flushed."""
        assert self._running is not None
        self._running.send_signal(signal.SIGKILL)
        self._running.wait()
        self.kills += 1

    def end(self) -> None:
        """The end of it, as `kill`; fine when it has ended already."""
        if self._running is not None and self._running.poll() is None:
            self._running.kill()
            self._running.wait()

    async def ready(self, client: httpx.AsyncClient) -> None:
        """Return once it answers ready.

        Raises:
            AssertionError: it ended by itself, or was not ready in time; with its log's end.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + READY_S
        last = "nothing answers"
        while loop.time() < end:
            assert self._running is not None
            if self._running.poll() is not None:
                break
            try:
                answer = await client.get(f"http://127.0.0.1:{self.admin_port}/readyz")
            except httpx.HTTPError as error:
                last = type(error).__name__
            else:
                if answer.is_success:
                    return
                last = answer.text
            await asyncio.sleep(0.1)  # between two questions
        end_of_log = self.log.read_text(errors="replace")[-3000:]
        raise AssertionError(f"{self.name} is not ready ({last}):\n{end_of_log}")
