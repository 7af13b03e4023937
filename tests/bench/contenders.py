"""The two operators that are compared, as processes with the same environment."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.system import ROOT, free_port
from tests.bench.stand_in import TOKEN
from tests.bench.stand_in_aws import REGION
from tests.bench.world import HOME, NAMESPACE, Usage, World

SECONDS_TO_STOP = 60
OURS, YARDSTICK, MINIMAL = "operator", "yardstick", "minimal"
BUCKET = re.compile(r'_bucket\{kind="CafeStore",le="([^"]+)",woken="(\w+)"\} ([0-9.e+]+)')


@dataclass
class Contender:
    """One operator, alive."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def usage(self) -> Usage:
        """CPU and memory; a contender that died fails the benchmark with its last words."""
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return Usage.of(self.process.pid)

    def metrics(self) -> str:
        """Return our operator's own metrics."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())


@contextmanager
def contender(name: str, world: World, **more: str) -> Iterator[Contender]:
    """Start one and stop it at the end."""
    port = free_port()
    environment = {
        **os.environ,
        "KUBECONFIG": str(world.plane.kubeconfig),
        "POD_NAMESPACE": HOME,
        "POD_NAME": "bench",
        "CAFE_NAMESPACES": NAMESPACE,
        "CAFE_HOST": "127.0.0.1",
        "CAFE_PORT": str(port),
        **{
            f"CAFE_{service}_URL": world.stand_in
            for service in ("ORDER", "MENU", "INVENTORY", "PAYMENT_PROCESSOR", "LOYALTY",
                            "ANALYTICS_WORKER")
        },
        "CAFE_SERVICE_TOKEN": TOKEN,
        "CAFE_LOG_LEVEL": "warning",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL": world.stand_in,
        "PYTHONPATH": str(ROOT),
        **more,
    }  # fmt: skip
    log = world.folder / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            _command(name), env=environment, stdout=output, stderr=output, cwd=ROOT
        )
    try:
        yield Contender(name, process, port, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(name: str) -> list[str]:
    if name == OURS:
        return [sys.executable, "-m", "cloudcafe_operator"]
    script = str(Path(__file__).with_name("yardstick.py"))
    kopf = [sys.executable, "-m", "kopf", "run", "--standalone", "--quiet"]
    return [*kopf, "--namespace", NAMESPACE, script]


def quantile(
    text: str, metric: str, share: float, *, before: str = "", woken: str = "news"
) -> float:
    """Return the upper bound of the bucket that holds this share of a histogram's stores."""
    counts, old = _buckets(text, metric, woken), _buckets(before, metric, woken)
    total = counts.get(float("inf"), 0) - old.get(float("inf"), 0)
    for bound in sorted(counts):
        if counts[bound] - old.get(bound, 0) >= share * total:
            return bound
    return float("nan")


def _buckets(text: str, metric: str, woken: str) -> dict[float, float]:
    found = {}
    for line in text.splitlines():
        if line.startswith(metric) and (match := BUCKET.search(line)) and match[2] == woken:
            found[float(match[1].replace("+Inf", "inf"))] = float(match[3])
    return found


def reconciles(text: str) -> float:
    """Return how many reconciles of stores ended."""
    start = 'cloudcafe_reconciles_total{kind="CafeStore"'
    rows = (line for line in text.splitlines() if line.startswith(start))
    return sum(float(line.rpartition(" ")[2]) for line in rows)


def wait_leading(one: Contender, seconds: float = 60) -> None:
    """Wait until our operator leads."""
    deadline = time.monotonic() + seconds
    url = f"http://127.0.0.1:{one.port}/readyz"
    while True:
        one.usage()
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if b"leading" in answer.read():
                    return
        except OSError:
            pass
        assert time.monotonic() < deadline, one.log.read_text()[-2000:]
        time.sleep(0.05)
