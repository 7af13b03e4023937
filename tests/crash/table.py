"""The table of a sweep over real processes: how many plans, what failed, how long it took."""

import json
import sys
import time
from collections import Counter
from pathlib import Path


class Table:
    """What was tried; a plan is one trouble at one write of one owner."""

    def __init__(self, path, capsys):
        self._path, self._capsys = path, capsys
        self._began = time.monotonic()
        self.plans, self.injected = Counter(), Counter()
        self.rounds, self.failures = 0, []

    def add(self, trouble, number, hits, problems, injected):
        """Note a round, and write the table anew."""
        self.rounds += 1
        self.plans.update((trouble, owner) for owner in hits)
        self.injected[trouble] += len(injected)
        self.failures += [f"{trouble} {number}, {who}: {what}" for who, what in problems.items()]
        seconds = round(time.monotonic() - self._began)
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(self._document(seconds), indent=1) + "\n")
        said = f"{len(hits)} hit, {len(injected)} injected"
        said += f"; {self.plans.total()} plans, {len(self.failures)} failures"
        with self._capsys.disabled():
            sys.stdout.write(f"\n{seconds:6} s  {trouble} {number or ''}: {said}")
            for who, what in problems.items():
                sys.stdout.write(f"\n          {who}: {what[:600]}")
            sys.stdout.flush()

    def _document(self, seconds):
        rows = {}
        for (kind, owner), count in sorted(self.plans.items()):
            rows.setdefault(kind, {})[owner] = count
        return {
            "rounds": self.rounds,
            "seconds": seconds,
            "injectedByTrouble": dict(self.injected),
            "byTroubleAndOwner": rows,
            "found": self.failures,
        }


def together(paths: list[Path]) -> dict:
    """Return the tables of all shares as one; the seconds are those of the slowest."""
    parts = [json.loads(path.read_text()) for path in paths]
    rows, injected = {}, Counter()
    for part in parts:
        injected.update(part["injectedByTrouble"])
        for kind, row in part["byTroubleAndOwner"].items():
            rows.setdefault(kind, Counter()).update(row)
    found = [one for part in parts for one in part["found"]]
    return {
        "plans": sum(row.total() for row in rows.values()),
        "failures": len(found),
        "rounds": sum(part["rounds"] for part in parts),
        "seconds": max(part["seconds"] for part in parts),
        "byTrouble": {kind: row.total() for kind, row in rows.items()},
        "injectedByTrouble": dict(injected),
        "byTroubleAndOwner": {kind: dict(row) for kind, row in rows.items()},
        "found": found,
    }
