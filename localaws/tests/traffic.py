"""Traffic that a consequence is seen by: a real Toxiproxy before an echo server."""

from __future__ import annotations

import socket
import socketserver
import subprocess
import threading
import time
from contextlib import contextmanager

import httpx

WRITER = "aurora-writer"
ENDPOINTS = (WRITER, "redshift", "elasticache", "memorydb", "documentdb")


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until(condition, seconds=15):
    """Ask until it is true; the pause only spares the processor."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


class Toxiproxy:
    """The real one, as the chart runs it: the proxies come from outside localaws."""

    def __init__(self, program, upstream, names=ENDPOINTS):
        self.program = program
        self.api_port = free_port()
        self.ports = {name: free_port() for name in names}
        self.upstream = upstream
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "-host", "127.0.0.1", "-port", str(self.api_port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._created)

    def _created(self):
        proxies = [
            {
                "name": name,
                "listen": f"127.0.0.1:{port}",
                "upstream": self.upstream,
                "enabled": True,
            }
            for name, port in self.ports.items()
        ]
        try:
            answer = httpx.post(f"{self.url}/populate", json=proxies, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 201

    def stop(self):
        self.process.terminate()
        self.process.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.api_port}"

    def connect(self, name=WRITER):
        """A connection that echoes, or None where it is refused or cut."""
        try:
            connection = socket.create_connection(("127.0.0.1", self.ports[name]), timeout=3)
        except OSError:
            return None
        if echoes(connection):
            return connection
        connection.close()
        return None

    def serves(self, name=WRITER):
        connection = self.connect(name)
        if connection is None:
            return False
        connection.close()
        return True


def echoes(connection):
    try:
        connection.sendall(b"coffee\n")
        return connection.recv(16) == b"coffee\n"
    except OSError:
        return False


@contextmanager
def proxied_echo(program):
    """A Toxiproxy whose endpoints all lead to an echo."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as echo:
        echo.daemon_threads = True
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        proxy = Toxiproxy(program, f"127.0.0.1:{echo.server_address[1]}")
        try:
            yield proxy
        finally:
            proxy.stop()
            echo.shutdown()
