"""A real Toxiproxy for tests, as the chart runs it: its proxies come from outside localaws."""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping

import httpx

from services.kit.tests.support.ports import free_port

CREATED = 201
ATTEMPTS = 3


def until(condition: Callable[[], object], seconds: float = 15) -> None:
    """Ask until it is true; the pause only spares the processor.

    Raises:
        AssertionError: it did not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


class Toxiproxy:
    """Runs from its making to `stop`; `ports` are where the proxies listen, by name."""

    def __init__(self, program: str, upstreams: Mapping[str, str]) -> None:
        self._program = program
        self._upstreams = dict(upstreams)
        for attempt in range(1, ATTEMPTS + 1):
            self._api_port = free_port()
            self.ports = {name: free_port() for name in upstreams}
            try:
                self.start()
            except AssertionError:  # somebody else took a port between its choice and its use
                self.stop()
                if attempt == ATTEMPTS:
                    raise
            else:
                return

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"http://127.0.0.1:{self._api_port}"

    def start(self) -> None:
        """Start it (again), with all proxies enabled."""
        self.process = subprocess.Popen(
            [self._program, "-host", "127.0.0.1", "-port", str(self._api_port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._created)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()

    def _created(self) -> bool:
        proxies = [
            {
                "name": name,
                "listen": f"127.0.0.1:{self.ports[name]}",
                "upstream": upstream,
                "enabled": True,
            }
            for name, upstream in self._upstreams.items()
        ]
        try:
            answer = httpx.post(f"{self.url}/populate", json=proxies, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == CREATED
