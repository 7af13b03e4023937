"""What an operator's process costs, and when its runs were seen to change: from outside of it."""

import contextlib
import json
import os
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from cloudcafe_operator.effects.kubernetes import KubernetesApi
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.kinds import CHAOS_RUNS

LINE = re.compile(
    r"^cloudcafe_kubernetes_calls_total\{(?P<labels>[^}]*)\} (?P<count>\S+)$", re.MULTILINE
)
LABEL = re.compile(r'(\w+)="([^"]*)"')
WRITING = {"create", "patch", "delete"}
TICKS = os.sysconf("SC_CLK_TCK")


def spread(seconds):
    """Return p50 and p99; of few samples p99 is the worst."""
    if len(seconds) < 2:
        return {"n": len(seconds), "p50": max(seconds, default=0), "p99": max(seconds, default=0)}
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"n": len(seconds), "p50": round(cuts[49], 3), "p99": round(cuts[98], 3)}


@dataclass
class Cost:
    """A reading of an operator's own figures; two of them subtract."""

    at: float
    cpu_seconds: float
    calls: Counter

    @classmethod
    def read(cls, operator):
        """Read them now."""
        fields = Path(f"/proc/{operator.process.pid}/stat").read_text().rpartition(")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / TICKS
        calls = Counter()
        for found in LINE.finditer(operator.get("/metrics")):
            labels = dict(LABEL.findall(found["labels"]))
            calls[labels["verb"], labels["resource"]] += int(float(found["count"]))
        return cls(time.monotonic(), cpu, calls)

    def since(self, before):
        """Return seconds, CPU and calls since an earlier reading, without the Lease's."""
        calls = Counter(self.calls)
        calls.subtract(before.calls)
        kept = {f"{verb} {what}": n for (verb, what), n in sorted(calls.items()) if n > 0}
        kept = {name: n for name, n in kept.items() if not name.endswith(" leases")}
        return {
            "seconds": round(self.at - before.at, 1),
            "cpu_seconds": round(self.cpu_seconds - before.cpu_seconds, 1),
            "calls": kept,
        }


def memory_mib(operator):
    """Return the most memory that the process had so far, in MiB."""
    status = Path(f"/proc/{operator.process.pid}/status").read_text()
    return round(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024)


@dataclass
class Sightings:
    """A watch of all ChaosRuns: when each entry was first seen in each state."""

    api: KubernetesApi
    entries: dict = field(default_factory=dict)  # (run, index) → state → seconds
    phases: dict = field(default_factory=dict)  # (run, step) → seconds of Reverting
    bytes: dict = field(default_factory=dict)  # run → largest size
    writes: Counter = field(default_factory=Counter)  # run → versions seen
    finished: dict = field(default_factory=dict)  # run → verdict

    async def watch(self):
        """Watch until cancelled."""
        while True:
            with contextlib.suppress(Unavailable):  # the API server ends watches
                async for change, run in self.api.watch(CHAOS_RUNS, namespace=None, since="0"):
                    self._see(change, run)

    def _see(self, change, run):
        if change not in ("ADDED", "MODIFIED"):
            return
        now, size = time.monotonic(), len(json.dumps(run, separators=(",", ":")))
        name = f"{run['metadata']['namespace']}/{run['metadata']['name']}"
        status = run.get("status") or {}
        self.writes[name] += 1
        self.bytes[name] = max(size, self.bytes.get(name, 0))
        if status.get("phase") == "Reverting":
            self.phases.setdefault((name, status.get("step", 0)), now)
        if status.get("phase") == "Finished":
            self.finished.setdefault(name, status.get("verdict", ""))
        for index, entry in enumerate(status.get("journal") or ()):
            self.entries.setdefault((name, index), {"step": entry["step"]}).setdefault(
                entry["state"], now
            )

    def injections(self, prefix):
        """Return the seconds from Injecting stored to Injected stored, of each entry."""
        return [
            seen["Injected"] - seen["Injecting"]
            for (name, _), seen in self.entries.items()
            if name.startswith(prefix) and "Injected" in seen and "Injecting" in seen
        ]

    def undos(self, prefix):
        """Return the seconds from Reverting stored to Reverted stored, of each entry."""
        return [
            seen["Reverted"] - self.phases[name, seen["step"]]
            for (name, _), seen in self.entries.items()
            if name.startswith(prefix)
            and "Reverted" in seen
            and (name, seen["step"]) in self.phases
        ]
