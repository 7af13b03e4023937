"""`python -m services.order.bench`: runs service and pgbench in turns, prints the table.

PostgreSQL has one core; the other one belongs to the service with its client, or to pgbench. The
ways take turns, so that whatever else the machine does hits all of them; medians are told.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from dev.system import free_port
from services.order.bench import postgres, yardstick
from services.order.bench.server import MENU, TOKEN

DATABASE_CORE, CLIENT_CORE = 0, 1
DATABASE_CONNECTIONS = 16
HTTP_CONNECTIONS = 64
SHARE_OF_THE_RATE = 0.7
STORE = {
    "name": "Bench",
    "city": "Lisbon",
    "timezone": "Europe/Lisbon",
    "currency": MENU["currency"],
    "acceptingOrders": True,
}
SIZES_MAY_DIFFER = 0.02
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """What one run of the service came to."""

    per_second: float
    cpu_us: float
    client: dict[str, Any]


class Service:
    """The service's process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self._port = port

    def run(self, seconds: float, rate: float = 0) -> Run:
        """Let the customers order; closed model without a rate."""
        before = self._cpu_seconds()
        options = {"port": self._port, "token": TOKEN, "seconds": seconds}
        options |= {"connections": HTTP_CONNECTIONS, "rate": rate}
        command = pinned(CLIENT_CORE, "services.order.bench.client")
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        done = subprocess.run(command, check=True, capture_output=True)
        result = json.loads(done.stdout)
        if result["refused"]:
            raise RuntimeError(f"{result['refused']} orders refused, e.g. {result['example']}")
        cpu_us = (self._cpu_seconds() - before) / result["orders"] * 1e6
        return Run(result["orders"] / result["seconds"], cpu_us, result)

    def memory_mb(self) -> float:
        """The most memory the process has had resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024

    def _cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def pinned(core: int, module: str) -> list[str]:
    """The command of one of our modules on one core."""
    return ["taskset", "-c", str(core), sys.executable, "-m", module]


@contextmanager
def serving(server: postgres.Server, options: Sequence[str]) -> Iterator[Service]:
    """The order service, with one open store."""
    port = free_port()
    command = pinned(CLIENT_CORE, "services.order.bench.server")
    with subprocess.Popen(
        [*command, "--dsn", server.dsn, "--port", str(port), *options], stdout=sys.stderr
    ) as process:
        try:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}",
                headers=headers,
                transport=httpx.HTTPTransport(retries=6),
            ) as client:
                client.put("/stores/bench", json=STORE).raise_for_status()
            yield Service(process, port)
        finally:
            process.terminate()
            process.wait(20)


@dataclass(frozen=True)
class Way:
    """One way of writing orders: its rates, and what an order left in each table."""

    rates: list[float]
    rows: dict[str, float]
    size: float

    @property
    def rate(self) -> float:
        """Orders a second."""
        return median(self.rates)


def rows_per_order(server: postgres.Server) -> tuple[dict[str, float], float]:
    """What is in the tables now, by order: rows of each, and bytes of all."""
    counts = server.counts()
    orders = counts["orders"][0]
    rows = {table: count / orders for table, (count, _) in counts.items()}
    return rows, sum(size for _, size in counts.values()) / orders


@dataclass(frozen=True)
class Findings:
    """All that was measured."""

    ways: dict[str, Way]
    runs: list[Run]
    paced: list[Run]
    memory_mb: float

    def unequal(self) -> list[str]:
        """Ways that did not write what the service wrote."""
        ours = self.ways["service"]
        return [
            f"{name}: {way.rows}, {way.size:.0f} bytes"
            for name, way in self.ways.items()
            if way.rows != ours.rows or abs(way.size / ours.size - 1) > SIZES_MAY_DIFFER
        ]

    def table(self) -> Table:
        """For people."""
        table = Table("figure", "measured")
        ours = self.ways["service"]
        rows = ", ".join(f"{count:g} {name}" for name, count in ours.rows.items() if count)
        table.add_row("rows an order", f"{rows}; {ours.size:.0f} bytes")
        for name, way in self.ways.items():
            label = "accepted through HTTP" if name == "service" else f"pgbench, {name}"
            spread = f"{min(way.rates):,.0f} to {max(way.rates):,.0f}"
            share = "" if name == "service" else f"; the service has {ours.rate / way.rate:.0%}"
            table.add_row(label, f"{way.rate:,.0f} orders/s ({spread}){share}")
        for name, runs in (("at full rate", self.runs), ("at 70 % of it", self.paced)):
            p50, p99 = (median(run.client[p] for run in runs) * 1e3 for p in ("p50", "p99"))
            table.add_row(f"latency {name}", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        per_order = median(run.client["cpuSeconds"] / run.client["orders"] for run in self.runs)
        cpu = median(run.cpu_us for run in self.runs)
        table.add_row("CPU an order", f"service {cpu:.0f} µs, client {per_order * 1e6:.0f} µs")
        paced_cpu = median(run.cpu_us for run in self.paced)
        table.add_row("CPU an order at 70 %", f"service {paced_cpu:.0f} µs")
        table.add_row("memory of the service", f"{self.memory_mb:.0f} MB at most")
        return table


def measure(server: postgres.Server, service: Service, repeat: int, seconds: float) -> Findings:
    """Service and pgbench in turns."""
    service.run(2)
    texts = yardstick.scripts(server)
    ways: dict[str, Way] = {name: Way([], {}, 0) for name in ("service", *texts)}
    runs = []
    for _ in range(repeat):
        for name, way in ways.items():
            server.clear()
            if name == "service":
                runs.append(service.run(seconds))
                way.rates.append(runs[-1].per_second)
            else:
                way.rates.append(
                    yardstick.run(
                        server,
                        texts[name],
                        seconds=seconds,
                        core=CLIENT_CORE,
                        clients=DATABASE_CONNECTIONS,
                    )
                )
            rows, size = rows_per_order(server)
            ways[name] = Way(way.rates, rows, size)
    server.clear()
    paced = [service.run(seconds, ways["service"].rate * SHARE_OF_THE_RATE) for _ in range(repeat)]
    return Findings(ways, runs, paced, service.memory_mb())


def main() -> int:
    """Exit status: 1 when pgbench wrote something else than the service."""
    parser = argparse.ArgumentParser(prog="python -m services.order.bench", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    options, of_the_server = parser.parse_known_args()
    with (
        postgres.running(free_port(), DATABASE_CORE) as server,
        serving(server, of_the_server) as service,
    ):
        findings = measure(server, service, options.repeat, options.seconds)
    Console().print(findings.table())
    unequal = findings.unequal()
    for line in unequal:
        print(f"not the service's rows: {line}", file=sys.stderr)
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
