"""HTTP proxies in front of the API server and of AWS that count writes and make trouble.

All proxies of a rig share a `Trap` for writes; a `Glass` is what reads go through. Watches stream
through. The operator talks plain HTTP to us, we talk to the API server with its administrator's
certificate.
"""

import http.client
import json
import re
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from kubernetes import config
from kubernetes.client import Configuration

OURS = re.compile(r"/(chaosruns|chaosexperiments|cafestores)(/[^/?]+)?(\?|$)")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
AWS_ERRORS = {409: "ConcurrentModificationException", 429: "ThrottlingException"}
REASONS = {409: "Conflict", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError"}
CHUNK = 65536
IDLE_S = 2.0  # no server hangs up sooner than that; a write must not be sent twice for it
REFUSED, FAILED = 400, 500


class Upstream:
    """Where a proxy forwards to. Connections are used again: greeting costs more than asking."""

    def __init__(self, url, tls=None):
        self._at = urlsplit(url)
        self._tls = tls
        self._idle = []  # connections and since when
        self._keeps = True

    @classmethod
    def of_kubeconfig(cls, path):
        found = Configuration()
        config.load_kube_config(str(path), client_configuration=found)
        tls = ssl.create_default_context(cafile=found.ssl_ca_cert)
        tls.load_cert_chain(found.cert_file, found.key_file)
        return cls(found.host, tls)

    def close(self):
        """Close what is kept, and keep nothing from now on."""
        self._keeps = False
        while kept := self._take():
            kept[0].close()

    @contextmanager
    def asked(self, method, path, body=None, headers=None):
        """Give the answer to one request; what is not read of it is never read."""
        connection, answer = self._connection(), None
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            yield answer
        finally:
            read = answer is not None and answer.isclosed() and not answer.will_close
            if read and self._keeps:
                self._idle.append((connection, time.monotonic()))
            else:
                connection.close()

    def _take(self):
        """Return what is kept and since when; None where another thread took the last."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connection(self):
        while kept := self._take():
            connection, since = kept
            if time.monotonic() - since < IDLE_S:
                return connection
            connection.close()
        host, port = self._at.hostname, self._at.port
        if self._tls:
            return http.client.HTTPSConnection(host, port, context=self._tls, timeout=400)
        return http.client.HTTPConnection(host, port, timeout=60)

    def get(self, path):
        """Return the JSON at a path, or None where there is nothing."""
        return self.send("GET", path)

    def send(self, method, path, body=None):
        """Send JSON; its answer, or None where that was a refusal."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Accept": "application/json", "Content-Type": kind}
        text = None if body is None else json.dumps(body)
        with self.asked(method, path, text, headers) as answer:
            content = answer.read()
            return json.loads(content) if answer.status < REFUSED else None


@contextmanager
def proxy(upstream, name_write, trap=None, glass=None, *, without=""):
    """Forward to an upstream; gives the URL. `name_write` tells a write's owner and name.

    `without` is an error that this API does not know: it is not made.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    server.upstream, server.name_write, server.trap = upstream, name_write, trap
    server.glass, server.without = glass or Glass(), without
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        upstream.close()


class Glass:
    """What is seen through the proxy: as it is, the past, or not every event."""

    def __init__(self):
        self.trouble, self.troubled = "", 0
        self._last, self._reads, self._events = {}, 0, 0

    def shows(self, path):
        """Whether reads of it pass through here: of runs, experiments and stores, and of lists."""
        return OURS.search(path) and "watch=" not in path

    def page(self, path, accept, content):
        """Return what is seen: of every third look that shows news, what the one before showed."""
        seen = self._last.get((path, accept), content)
        self._last[path, accept] = content
        if seen == content:
            return content
        self._reads += 1
        if self.trouble != "stale" or self._reads % 3:
            return content
        self.troubled += 1
        return seen

    def events(self, line):
        """Return how often a watch shows an event: every third is hidden, or shown twice."""
        self._events += 1
        if self.trouble not in ("hidden", "repeated") or self._events % 3 or b"BOOKMARK" in line:
            return 1
        self.troubled += 1
        return 0 if self.trouble == "hidden" else 2


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
        trap, write = self.server.trap, None
        named = self.server.name_write(self.command, self.path, self.headers, body)
        if named:
            write = trap.reached(*named, body.decode(errors="replace"))
            if write is None:
                self._hang_up()
                return
            if trap.trouble != self.server.without and (status := trap.error(write)):
                self._refuse(status)
                return
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        asked = self.server.upstream.asked
        with asked(self.command, self.path, body or None, headers) as answer:
            if write is None:
                self._reply(answer)
            elif trap.happened(write, done=answer.status < REFUSED):
                self._hang_up()
            else:
                trap.reply(write, lambda: self._reply(answer))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815 - http.server's names

    def _hang_up(self):
        self.close_connection = True

    def _refuse(self, status):
        """Answer with an error that each of the APIs' clients understands."""
        name = AWS_ERRORS.get(status, "InternalFailure")
        kubernetes = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
        error = f"<Error><Code>{name}</Code><Message>the proxy says no</Message></Error>"
        xml = f"<ErrorResponse>{error}<Errors>{error}</Errors></ErrorResponse>"  # EC2 has Errors
        document = {**kubernetes, "reason": REASONS.get(status, ""), "__type": name}
        is_xml = b"x-www-form" in self.headers.get("Content-Type", "").encode()
        text = xml if is_xml else json.dumps({**document, "message": "the proxy says no"})
        of_aws = "/apis/" not in self.path and "/api/v1/" not in self.path
        self.send_response_only(REFUSED if of_aws and is_xml and status < FAILED else status)
        self.send_header("x-amzn-ErrorType", name)
        self.send_header("Content-Type", "text/xml" if is_xml else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def _reply(self, answer):
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        glass = self.server.glass
        looks = self.command == "GET" and answer.status < REFUSED and glass.shows(self.path)
        if looks or answer.getheader("Transfer-Encoding", "") != "chunked":
            content = answer.read()
            if looks:
                content = glass.page(self.path, self.headers.get("Accept"), content)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        watch = "watch=" in self.path
        while chunk := answer.readline() if watch else answer.read1(CHUNK):
            for _ in range(glass.events(chunk) if watch else 1):
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        """Keep the test's output clean."""
