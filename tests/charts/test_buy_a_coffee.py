"""The script of `helm test`, against services that behave and services that do not."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.charts.rendered import CHART

SCRIPT = CHART / "files" / "buy_a_coffee.py"


class Cafe:
    """All three services in one; `statuses` are what the order says of itself, one by one."""

    def __init__(self, *statuses, refusals=0, forgets=False):
        self.statuses = list(statuses)
        self.refusals = refusals
        self.forgets = forgets
        self.orders = {}
        self.seen = []

    def answer(self, method, path, key, body):
        self.seen.append((method, path))
        if (method, path) == ("POST", "/orders"):
            if self.refusals:
                self.refusals -= 1
                return 503, {"title": "PostgreSQL is away"}
            number = len(self.orders) if self.forgets else 0
            order = {"id": f"o-{number}", "status": "placed", "totalMinor": 280}
            return 201, self.orders.setdefault((key, number), order)
        if method == "GET":
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            return 200, {"id": "o-0", "status": status, "history": [{"status": status}]}
        return (204, None) if method == "DELETE" else (200, {})


@contextmanager
def serving(cafe):
    class Handler(BaseHTTPRequestHandler):
        def respond(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            key = self.headers.get("Idempotency-Key")
            status, answer = cafe.answer(self.command, self.path, key, body)
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = respond  # noqa: N815 - the server's names

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def buy(url, patience_s=30):
    names = ("ORDER", "MENU", "INVENTORY")
    environment = {f"CAFE_{name}_URL": url for name in names}
    environment |= {"CAFE_SERVICE_TOKEN": "t", "PATIENCE_S": str(patience_s)}
    return subprocess.run(
        [sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=False
    )


def test_a_coffee_is_bought_and_everything_is_cleared_away():
    cafe = Cafe("placed", "confirmed")
    with serving(cafe) as url:
        done = buy(url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("a coffee was bought\n")
    (store,) = {path.split("/")[2] for _, path in cafe.seen if path.startswith("/stores/")}
    closing = [("DELETE", f"/stores/{store}{part}") for part in ("/stock", "/menu", "")]
    assert cafe.seen[-3:] == closing


def test_a_database_that_is_away_for_a_moment_is_waited_for_with_the_same_key():
    cafe = Cafe("confirmed", refusals=2)
    with serving(cafe) as url:
        assert buy(url).returncode == 0
    assert len(cafe.orders) == 1


@pytest.mark.parametrize(
    ("cafe", "reason"),
    [
        (Cafe("rejected"), "the order was rejected"),
        (Cafe("placed"), "still only placed"),
        (Cafe("confirmed", refusals=10**6), "PostgreSQL is away, until patience ran out"),
        (Cafe("confirmed", forgets=True), "not answered with the first answer's bytes"),
    ],
)
def test_without_a_coffee_it_fails_with_the_reason_and_still_clears_away(cafe, reason):
    with serving(cafe) as url:
        done = buy(url, patience_s=1)
    assert done.returncode == 1
    assert reason in done.stderr
    assert [method for method, _ in cafe.seen[-3:]] == ["DELETE"] * 3


def test_services_that_are_not_there_are_named():
    done = buy("http://127.0.0.1:9", patience_s=0)
    assert done.returncode == 1
    assert "order /stores/" in done.stderr
