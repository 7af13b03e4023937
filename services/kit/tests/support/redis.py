"""A real Redis for tests: one throw-away server a session, emptied for each test."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.kit.tests.support.ports import free_port, wait_for_port

SERVER = "redis-server"
PATH = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin:/usr/local/bin"


class RedisServer:
    """A server that tests may stop, start and freeze."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start (again), with what was stored before."""
        binary = shutil.which(SERVER, path=PATH)
        if binary is None:
            raise RuntimeError(f"{SERVER} is missing: apt-get install -y redis-server")
        log = self._folder / "log"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        # MemoryDB acknowledges what it has in its log
        options += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        options += self._options
        with log.open("wb") as sink:
            self._process = subprocess.Popen([binary, *options], stdout=sink, stderr=sink)
        wait_for_port(self.port, self._process, log)

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """The end, without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def freeze(self) -> None:
        """Alive, but without an answer."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Answer again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Start a server in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="cafe-redis-", ignore_cleanup_errors=True) as folder:
        server = RedisServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()
