"""A failover from the API to the sockets: a real Toxiproxy before an echo server."""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import subprocess
import threading
import time

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from localaws.testing import LocalAws

SECONDS = 1.5


class _Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _until(condition, seconds=15):
    """Ask until it is true; the pause only spares the processor."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


class Toxiproxy:
    """The real one, as the chart runs it: the proxy comes from outside localaws."""

    def __init__(self, program, upstream):
        self.program = program
        self.api_port, self.port = _free_port(), _free_port()
        self.upstream = upstream
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "-host", "127.0.0.1", "-port", str(self.api_port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _until(self._created)

    def _created(self):
        proxy = {
            "name": "aurora-writer",
            "listen": f"127.0.0.1:{self.port}",
            "upstream": self.upstream,
            "enabled": True,
        }
        try:
            answer = httpx.post(f"{self.url}/populate", json=[proxy], trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 201

    def stop(self):
        self.process.terminate()
        self.process.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.api_port}"

    def connect(self):
        """A connection that echoes, or None where it is refused or cut."""
        try:
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=3)
        except OSError:
            return None
        if _echoes(connection):
            return connection
        connection.close()
        return None

    def serves(self):
        connection = self.connect()
        if connection is None:
            return False
        connection.close()
        return True


def _echoes(connection):
    try:
        connection.sendall(b"coffee\n")
        return connection.recv(16) == b"coffee\n"
    except OSError:
        return False


@pytest.fixture(scope="module")
def program():
    if shutil.which("go") is None:
        pytest.skip("Toxiproxy is compiled with Go, which is not installed")
    from dev.tools import tool  # noqa: PLC0415 - only where there is Go

    return str(tool("toxiproxy"))


@pytest.fixture
def toxiproxy(program):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as echo:
        echo.daemon_threads = True
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        proxy = Toxiproxy(program, f"127.0.0.1:{echo.server_address[1]}")
        yield proxy
        proxy.stop()
        echo.shutdown()


@pytest.fixture
def cafe(toxiproxy):
    environment = {
        "LOCALAWS_TOXIPROXY_URL": toxiproxy.url,
        "LOCALAWS_FAILOVER_SECONDS": str(SECONDS),
    }
    with LocalAws.start(environment) as aws:
        rds = boto3.client("rds", **aws.client_arguments)
        with contextlib.closing(rds):
            yield rds


def test_a_failover_cuts_open_connections_refuses_new_ones_and_lets_them_back(toxiproxy, cafe):
    connection = toxiproxy.connect()
    with connection:
        started = time.monotonic()
        cafe.failover_db_cluster(DBClusterIdentifier="cloudcafe")
        assert not _echoes(connection)
        assert not toxiproxy.serves()
        _until(toxiproxy.serves)
        assert time.monotonic() - started == pytest.approx(SECONDS, abs=0.7)
    writer = [
        member["DBInstanceIdentifier"]
        for member in cafe.describe_db_clusters()["DBClusters"][0]["DBClusterMembers"]
        if member["IsClusterWriter"]
    ]
    assert writer == ["cloudcafe-2"]


def test_a_toxiproxy_restarted_during_the_failover_is_cut_again(toxiproxy, cafe):
    cafe.failover_db_cluster(DBClusterIdentifier="cloudcafe")
    toxiproxy.stop()
    toxiproxy.start()
    _until(lambda: not toxiproxy.serves(), seconds=1.2)
    _until(toxiproxy.serves)


def test_a_proxy_that_vanished_is_made_again(toxiproxy, cafe):
    httpx.delete(f"{toxiproxy.url}/proxies/aurora-writer", trust_env=False)

    def back():
        return "aurora-writer" in httpx.get(f"{toxiproxy.url}/proxies", trust_env=False).json()

    _until(back)


def test_refusals_leave_connections_alone(toxiproxy, cafe):
    with toxiproxy.connect() as connection:
        for arguments in ({"DBClusterIdentifier": "nobody"}, {"TargetDBInstanceIdentifier": "x"}):
            with pytest.raises(ClientError):
                cafe.failover_db_cluster(**{"DBClusterIdentifier": "cloudcafe", **arguments})
        assert _echoes(connection)
