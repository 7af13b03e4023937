"""Traffic that a consequence is seen by: a real Toxiproxy before an echo server."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import contextmanager

from localaws.settings import Settings
from localaws.stores import stores

from services.kit.tests.support.toxiproxy import Toxiproxy as Proxies
from services.kit.tests.support.toxiproxy import until

__all__ = ["ENDPOINTS", "OUTAGE_SECONDS", "WRITER", "Toxiproxy", "echoes", "proxied_echo", "until"]

WRITER = "aurora-writer"
OUTAGE_SECONDS = 1.5
ENDPOINTS = tuple(store.proxy.name for store in stores(Settings()))


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


class Toxiproxy(Proxies):
    """With an echo behind each proxy."""

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
        upstream = f"127.0.0.1:{echo.server_address[1]}"
        proxy = Toxiproxy(program, dict.fromkeys(ENDPOINTS, upstream))
        try:
            yield proxy
        finally:
            proxy.stop()
            echo.shutdown()
