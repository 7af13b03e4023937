"""How long requests wait for a snapshot, by size of the state: `python localaws/bench/snapshot.py`.

Fills one localaws with items step by step. For each step it prints the size of the file, the
memory of the process, for how long the event loop stood still to fork, and the slowest GetItem
that a client sent while ten snapshots were written (beside the slowest without snapshots).
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from localaws.testing import LocalAws

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = (0, 2_000, 10_000, 40_000, 100_000)
ROUNDS = 10
TABLE = "cloudcafe-orders"
PAD = "x" * 300


class Probe:
    """One localaws and what it says of itself."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.dynamodb: Any = boto3.client("dynamodb", **aws.client_arguments)

    def metric(self, name: str) -> float:
        """One sample; 0 where there is none yet."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.aws.metrics(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def fill(self, first: int, last: int) -> None:
        """Write items of about 400 bytes."""
        for start in range(first, last, 25):
            items = [
                {"pk": {"S": f"order-{n}"}, "sk": {"S": "item"}, "note": {"S": PAD}}
                for n in range(start, min(start + 25, last))
            ]
            puts = [{"PutRequest": {"Item": each}} for each in items]
            self.dynamodb.batch_write_item(RequestItems={TABLE: puts})

    def slowest_read(self, until: Callable[[], bool]) -> float:
        """Milliseconds of the slowest GetItem until then."""
        worst = 0.0
        key = {"pk": {"S": "nobody"}, "sk": {"S": "item"}}
        while not until():
            for _ in range(20):
                started = time.perf_counter()
                self.dynamodb.get_item(TableName=TABLE, Key=key)
                worst = max(worst, time.perf_counter() - started)
        return worst * 1000

    def written(self) -> float:
        """Snapshots so far."""
        return self.metric('localaws_snapshots_total{outcome="written"}')


def measure(probe: Probe, items: int) -> str:
    """One line of the table."""
    quiet_until = time.monotonic() + 4
    quiet = probe.slowest_read(lambda: time.monotonic() > quiet_until)
    blocked = "localaws_snapshot_blocked_seconds"
    samples = [f"{blocked}_sum", f"{blocked}_count", f'{blocked}_bucket{{le="0.02"}}']
    before = [probe.metric(each) for each in samples]
    worst = 0.0
    for number in range(ROUNDS):
        seen = probe.written()
        probe.fill(number, number + 1)
        worst = max(worst, probe.slowest_read(lambda seen=seen: probe.written() > seen))  # type: ignore[misc] # lambda default
    after = [probe.metric(each) for each in samples]
    total, count, short = (late - early for late, early in zip(after, before, strict=True))
    wrote = probe.metric("localaws_snapshot_seconds_sum") / probe.metric(
        "localaws_snapshot_seconds_count"
    )
    status = Path(f"/proc/{probe.aws.process_id}/statm").read_text()
    memory = int(status.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    size = probe.metric("localaws_snapshot_bytes") / 2**20
    return (
        f"{items:8} items {size:7.1f} MiB file {memory:6.0f} MiB memory   "
        f"fork {total / count * 1000:5.1f} ms ({short:.0f} of {count:.0f} within 20 ms)   "
        f"written after {wrote * 1000:5.0f} ms (all so far)  "
        f"slowest read {worst:5.1f} ms (without snapshots {quiet:5.1f})\n"
    )


def main() -> None:
    """Fill and measure."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"LOCALAWS_STATE_DIR": folder, "LOCALAWS_SNAPSHOT_SECONDS": "0.3"}
        with LocalAws.start(settings) as aws:
            probe = Probe(aws)
            probe.dynamodb.update_table(
                TableName=TABLE,
                ProvisionedThroughput={"ReadCapacityUnits": 10000, "WriteCapacityUnits": 10000},
            )
            for first, last in zip((0, *STEPS), STEPS, strict=False):
                probe.fill(first, last)
                sys.stdout.write(measure(probe, last))
                sys.stdout.flush()


if __name__ == "__main__":
    main()
