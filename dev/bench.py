"""`python -m dev.bench`: the figures of docs/status.md, measured on the cluster of `make up`.

Prints a table and nothing else; asserts nothing, because times belong to a machine. Stores and
experiments that it makes are named bench-… and are gone at the end.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from statistics import quantiles
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from dev.kubectl import NAMESPACE, command, kubectl
from dev.steps import say, step
from dev.system import ROOT, main, wait_until

STORES = 50
IDLE_S = 120
SINGLE_STORES = 10
FAULTS = 8
_WRITES = {"create", "apply", "patch", "patch_status", "delete", "update"}
Metrics = dict[str, float]


def bench() -> None:
    """Measure everything and print it."""
    rows: list[tuple[str, str]] = []
    with operator_metrics() as metrics:
        try:
            with step(f"{SINGLE_STORES} stores, one after the other"):
                rows.append(("store apply → Ready", spread(one_store_at_a_time())))
            with step(f"{STORES} stores at once, then {IDLE_S} s of nothing"):
                rows += fleet(metrics)
        finally:
            kubectl("delete", "cafestores", "-l", "bench=true", "--timeout=300s")
        with step(f"{FAULTS} faults"):
            rows += faults()
        rows.append(("longest block of the operator's event loop", lag(metrics())))
    rows += memory()
    table = Table("Figure", "Measured")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def spread(seconds: list[float]) -> str:
    """Return p50 and p99 of a few samples; with so few, p99 is the worst."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s (n={len(seconds)})"


@contextmanager
def operator_metrics() -> Iterator[Callable[[], Metrics]]:
    """Yield a function that reads the operator's Prometheus metrics."""
    forwarding = command("port-forward", "deploy/cloudcafe-operator", ":9090")
    with subprocess.Popen(
        forwarding, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as forward:
        assert forward.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
        assert found is not None
        url = f"http://127.0.0.1:{found[1]}/metrics"

        def read() -> Metrics:
            with urllib.request.urlopen(url, timeout=10) as answer:
                text = answer.read().decode()
            lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
            return {name: float(value) for name, _, value in lines}

        try:
            yield read
        finally:
            forward.terminate()


def store(name: str) -> str:
    """Return the manifest of a small store."""
    manifest = yaml.safe_load((ROOT / "chaos/stores/espresso-soho.yaml").read_text())
    manifest["metadata"] = {"name": name, "namespace": NAMESPACE, "labels": {"bench": "true"}}
    return json.dumps(manifest)


def ready() -> set[str]:
    """Return the names of the bench stores that are Ready."""
    found = json.loads(kubectl("get", "cafestores", "-l", "bench=true", "-o", "json"))["items"]
    return {
        item["metadata"]["name"]
        for item in found
        for condition in item.get("status", {}).get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def is_ready(name: str) -> bool:
    """Whether a bench store is Ready."""
    return name in ready()


def one_store_at_a_time() -> list[float]:
    """Return the seconds from apply to Ready of each."""
    took = []
    for number in range(SINGLE_STORES):
        name = f"bench-one-{number}"
        began = time.monotonic()
        kubectl("apply", "-f", "-", text=store(name))
        wait_until(partial(is_ready, name), f"{name} to be Ready", 120)
        took.append(time.monotonic() - began)
    return took


def writes(metrics: Metrics) -> float:
    """Return the operator's writes to the Kubernetes API, without its Lease."""
    return sum(
        value
        for name, value in metrics.items()
        if name.startswith("cloudcafe_kubernetes_calls_total")
        and any(f'verb="{verb}"' in name for verb in _WRITES)
        and 'resource="leases"' not in name
        and 'resource="events"' not in name
    )


def fleet(metrics: Callable[[], Metrics]) -> list[tuple[str, str]]:
    """Return writes per store, and writes while nothing changes."""
    before, began = writes(metrics()), time.monotonic()
    manifests = "\n---\n".join(store(f"bench-{number:02}") for number in range(STORES))
    kubectl("apply", "-f", "-", text=manifests)
    wanted = {f"bench-{number:02}" for number in range(STORES)}
    wait_until(lambda: wanted <= ready(), "the fleet to be Ready", 300)
    all_ready, after = time.monotonic() - began, writes(metrics())
    say("the fleet is Ready; now nothing changes")
    time.sleep(IDLE_S)
    idle = writes(metrics()) - after
    return [
        (f"{STORES} stores applied at once → all Ready", f"{all_ready:.1f} s"),
        ("operator writes per store, apply → Ready", f"{(after - before) / STORES:.2f}"),
        (f"operator writes in {IDLE_S} s with nothing to do, {STORES} stores", f"{idle:.0f}"),
    ]


def faults() -> list[tuple[str, str]]:
    """Return how soon a fault is in force after apply, and gone after delete."""
    manifest: dict[str, Any] = yaml.safe_load(
        (ROOT / "chaos/experiments/04-dynamodb-throttle.yaml").read_text()
    )
    manifest["metadata"] = {"name": "bench-fault", "namespace": NAMESPACE}
    manifest["spec"]["steadyState"]["baseline"] = "1s"
    manifest["spec"]["steps"][0]["hold"] = "2m"
    injected, gone = [], []
    for _ in range(FAULTS):
        applied = datetime.now(UTC)
        kubectl("apply", "-f", "-", text=json.dumps(manifest))
        found: list[str] = []

        def in_force(found: list[str] = found) -> bool:
            runs = json.loads(kubectl("get", "chaosruns", "-o", "json"))["items"]
            found[:] = [
                entry["inForceAt"]
                for run in runs
                if run["spec"]["experiment"]["name"] == "bench-fault"
                for entry in run.get("status", {}).get("journal", [])
                if entry.get("inForceAt")
            ]
            return bool(found)

        wait_until(in_force, "the fault to be in force", 60)
        injected.append((datetime.fromisoformat(found[0]) - applied).total_seconds())
        began = time.monotonic()
        kubectl("delete", "chaosexperiment", "bench-fault", "--timeout=60s")
        gone.append(time.monotonic() - began)
    return [
        ("fault apply → in force (1 s baseline included)", spread(injected)),
        ("experiment delete → undone and gone", spread(gone)),
    ]


def lag(metrics: Metrics) -> str:
    """Return the longest time that the operator kept its own event loop busy."""
    return f"{metrics['cloudcafe_event_loop_busy_max_seconds'] * 1000:.0f} ms"


def memory() -> list[tuple[str, str]]:
    """Return the working set of the chart's pods, as the metrics server sees it."""
    used = kubectl("top", "pods", "--no-headers").split("\n")
    pods = [line.split() for line in used if line.strip()]
    total = sum(int(pod[2].removesuffix("Mi")) for pod in pods)
    operator = [pod[2] for pod in pods if pod[0].startswith("cloudcafe-operator")]
    return [
        (f"memory of all {len(pods)} pods of the chart", f"{total} MiB"),
        ("memory of the operator", ", ".join(operator)),
    ]


if __name__ == "__main__":
    main(bench)
