"""`python -m tests.bench --stores 1000`: our operator, the yardstick and the upper bound compared.

Prints a table and writes every figure as JSON. With `--growth` it goes through sizes and draws how
the figures grow, for docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path

from rich.console import Console

from dev.system import LOCAL, main
from tests.bench.contenders import MINIMAL, OURS, YARDSTICK
from tests.bench.counters import Figures
from tests.bench.plot import draw
from tests.bench.report import table, verdicts
from tests.bench.scenarios import Load, measure, minimal

Results = dict[str, dict[str, Figures]]


async def run(load: Load, contenders: list[str]) -> Results:
    """Run them one after the other."""
    found: Results = {}
    for name in contenders:
        with tempfile.TemporaryDirectory(prefix="cafe-bench-") as folder:
            work = Path(folder)
            found[name] = await (
                minimal(load, work) if name == MINIMAL else measure(name, load, work)
            )
    return found


def command() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--stores", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=[OURS, YARDSTICK, MINIMAL])
    parser.add_argument("--idle", type=float, default=60.0, help="seconds of nothing")
    parser.add_argument("--growth", type=int, nargs="*", help="sizes, for the plot")
    parser.add_argument("--json", type=Path, default=LOCAL / "reports" / "bench-stores.json")
    parser.add_argument("--svg", type=Path, default=LOCAL / "reports" / "bench-stores.svg")
    asked = parser.parse_args()
    runs: list[Results] = []
    for stores in asked.growth or [asked.stores]:
        found = asyncio.run(run(Load(stores, idle_seconds=asked.idle), asked.only))
        runs.append(found)
        console = Console(width=None if os.isatty(1) else 140)
        console.print(table(found, stores))
        console.print(verdicts(found, stores))
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(runs, indent=1) + "\n")
    if asked.growth:
        asked.svg.write_text(draw(runs))


if __name__ == "__main__":
    main(command)
