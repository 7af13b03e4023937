"""HTTP proxies in front of the API server and of AWS that count writes and kill at one of them.

All proxies of a test share a `Trap`. Leases and events are no writes of a run and pass uncounted;
watches stream through. The operator talks plain HTTP to us, we talk to the API server with its
administrator's certificate.
"""

import http.client
import json
import re
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from kubernetes import config
from kubernetes.client import Configuration

UNCOUNTED = re.compile(r"/(leases|events|subjectaccessreviews|selfsubjectaccessreviews)\b")
AWS_READS = ("Describe", "Get", "List", "Batch", "Query", "Scan", "Receive")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
CHUNK = 65536


class Trap:
    """Counts writes over all proxies; at the planned one it kills, before or after it happens."""

    def __init__(self):
        self._lock = threading.Lock()
        self.disarm()

    def disarm(self):
        """Count from the beginning and kill nothing."""
        self.done, self.hit, self._seen = [], "", 0
        self._number, self._moment, self._kill, self._among = 0, "", None, ()

    def arm(self, number, moment, kill, among=()):
        """Call `kill` before or after the write of that number, from 1, among those of a name."""
        self.disarm()
        self._number, self._moment, self._kill, self._among = number, moment, kill, among

    def before(self, what):
        """Return the write's number; True where it must not happen."""
        with self._lock:
            counts = not self._among or what in self._among
            self._seen += counts
            number = self._seen if counts else 0
        return number, self._spring(number, "before", what)

    def after(self, number, what, body):
        """Note a write that happened; True where its answer must not arrive."""
        with self._lock:
            self.done.append((what, body))
        return self._spring(number, "after", what)

    def _spring(self, number, moment, what):
        if self.hit or not number or (number, moment) != (self._number, self._moment):
            return False
        self.hit = what
        self._kill()
        return True


class Upstream:
    """Where a proxy forwards to."""

    def __init__(self, url, tls=None):
        self._at = urlsplit(url)
        self._tls = tls

    @classmethod
    def of_kubeconfig(cls, path):
        found = Configuration()
        config.load_kube_config(str(path), client_configuration=found)
        tls = ssl.create_default_context(cafile=found.ssl_ca_cert)
        tls.load_cert_chain(found.cert_file, found.key_file)
        return cls(found.host, tls)

    def connect(self):
        """Open a connection."""
        host, port = self._at.hostname, self._at.port
        if self._tls:
            return http.client.HTTPSConnection(host, port, context=self._tls, timeout=400)
        return http.client.HTTPConnection(host, port, timeout=60)

    def get(self, path):
        """Return the JSON at a path, or None where there is nothing."""
        connection = self.connect()
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            return json.loads(text) if answer.status < 400 else None
        finally:
            connection.close()


def kubernetes_write(method, path, headers, body):
    """Name a write to the API server; empty for all else."""
    if method == "GET" or UNCOUNTED.search(path):
        return ""
    return f"{method} {urlsplit(path).path.rpartition('/apis/')[2]}"


def aws_write(method, path, headers, body):
    """Name a write to AWS; empty for all else."""
    target = headers.get("X-Amz-Target", "").rpartition(".")[2]
    action = target or parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
    return "" if not action or action.startswith(AWS_READS) else action


@contextmanager
def proxy(upstream, name_write, trap):
    """Forward to an upstream; gives the proxy's URL."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.upstream, server.name_write, server.trap = upstream, name_write, trap
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Connections break all the time here: the client is killed on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trap = self.server.trap
        what = self.server.name_write(self.command, self.path, self.headers, body)
        number = 0
        if what:
            number, stopped = trap.before(what)
            if stopped:
                self._hang_up()
                return
        connection = self.server.upstream.connect()
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            if what and trap.after(number, what, body):
                self._hang_up()
                return
            self._reply(answer)
        finally:
            connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815 - http.server's names

    def _hang_up(self):
        self.close_connection = True

    def _reply(self, answer):
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length")
        if length is not None:
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(answer.read())
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while chunk := answer.read1(CHUNK):
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        """Keep the test's output clean."""
