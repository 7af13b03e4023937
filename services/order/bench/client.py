"""The customers: a lean HTTP/1.1 client, one thread, raw sockets, nothing parsed that need not be.

Started by the benchmark as a process of its own, because it shares a core with the service: what
the client costs is taken from the service. Two models: closed (each connection orders again as soon
as it has its answer: the highest rate) and open (orders come at random at a given rate, and their
latency counts from when they should have been sent: no order waits politely). Prints one JSON.
"""

import argparse
import itertools
import json
import random
import select
import socket
import time
from collections import deque
from collections.abc import Iterator

ACCEPTED = b"HTTP/1.1 201"
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "
ORDER = {
    "storeId": "bench",
    "customerId": "customer-00000042",
    "lines": [
        {"sku": "espresso", "quantity": 2},
        {"sku": "almond-croissant", "quantity": 1},
    ],
}


class Connection:
    """One customer's connection, with at most one order under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self._buffer = b""

    def read(self) -> bytes:
        """The answer when it is complete, else nothing."""
        self._buffer += self.socket.recv(65536)
        end = self._buffer.find(END_OF_HEAD)
        if end < 0:
            return b""
        at = self._buffer.find(LENGTH) + len(LENGTH)
        length = int(self._buffer[at : self._buffer.find(b"\r", at)])
        if len(self._buffer) < end + len(END_OF_HEAD) + length:
            return b""
        answer, self._buffer = self._buffer, b""
        return answer


class Customers:
    """All connections, and what they were told."""

    def __init__(self, port: int, connections: int, token: str) -> None:
        self._connections = [Connection(port) for _ in range(connections)]
        self._by_file = {c.socket.fileno(): c for c in self._connections}
        self._requests = _requests(token)
        self.latencies: list[float] = []
        self.refused: list[str] = []

    def closed(self, seconds: float) -> float:
        """Order again at once, until the time is over; returns the seconds it really took."""
        poll = select.epoll()
        for file in self._by_file:
            poll.register(file, select.EPOLLIN)
        began = time.perf_counter()
        end = began + seconds
        for connection in self._connections:
            self._order(connection, time.perf_counter())
        under_way = len(self._connections)
        while under_way:
            for file, _ in poll.poll():
                connection = self._by_file[file]
                if not self._answered(connection):
                    continue
                now = time.perf_counter()
                if now < end:
                    self._order(connection, now)
                else:
                    under_way -= 1
        return time.perf_counter() - began

    def open(self, seconds: float, rate: float) -> float:
        """Order at a rate, at random moments; what finds no free connection waits."""
        files = list(self._by_file)
        idle = deque(self._connections)
        late: deque[float] = deque()
        dice = random.Random(7)  # noqa: S311 - arrivals, not secrets
        began = time.perf_counter()
        end = began + seconds
        due = began
        while True:
            now = time.perf_counter()
            while due <= now and due < end:
                late.append(due)
                due += dice.expovariate(rate)
            while late and idle:
                self._order(idle.popleft(), late.popleft())
            if due >= end and not late and len(idle) == len(files):
                return now - began
            # select, because epoll counts in milliseconds
            pause = max(due - time.perf_counter(), 0) if due < end else 1.0
            for file in select.select(files, (), (), pause)[0]:
                connection = self._by_file[file]
                if self._answered(connection):
                    idle.append(connection)

    def _order(self, connection: Connection, began: float) -> None:
        connection.began = began
        connection.socket.send(next(self._requests))

    def _answered(self, connection: Connection) -> bool:
        answer = connection.read()
        if not answer:
            return False
        self.latencies.append(time.perf_counter() - connection.began)
        if not answer.startswith(ACCEPTED):
            self.refused.append(answer[:200].decode("latin-1"))
        return True


def _requests(token: str) -> Iterator[bytes]:
    """The same order for ever, each time under a new key."""
    body = json.dumps(ORDER, separators=(",", ":")).encode()
    head = (
        "POST /orders HTTP/1.1\r\nhost: orders\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {token}\r\ncontent-length: {len(body)}\r\nidempotency-key: "
    ).encode()
    run = b"bench-%x-" % time.time_ns()
    for number in itertools.count():
        yield b"%b%b%012d\r\n\r\n%b" % (head, run, number, body)


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0, help="orders a second; 0 = closed model")
    options = parser.parse_args()
    cpu_began = time.process_time()
    customers = Customers(options.port, options.connections, options.token)
    if options.rate:
        took = customers.open(options.seconds, options.rate)
    else:
        took = customers.closed(options.seconds)
    customers.latencies.sort()
    count = len(customers.latencies)
    result = {
        "orders": count - len(customers.refused),
        "refused": len(customers.refused),
        "example": customers.refused[0] if customers.refused else "",
        "seconds": took,
        "p50": customers.latencies[count // 2],
        "p99": customers.latencies[count * 99 // 100],
        "cpuSeconds": time.process_time() - cpu_began,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
