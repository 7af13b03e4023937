"""The fake cafe behind a real socket: all three services on one port."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes.cafe import FakeCafe


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, cafe: FakeCafe) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cafe = cafe
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed operator's connections break: not worth a line."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body: Any = json.loads(self.rfile.read(length)) if length else None
        with self.server.lock:
            status, value = self.server.cafe.handle(
                self.command, self.path, body, dict(self.headers)
            )
        content = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Keep the test's output clean."""


@contextmanager
def serve(cafe: FakeCafe) -> Iterator[str]:
    """Serve a fake cafe; gives its URL."""
    server = _Server(cafe)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
