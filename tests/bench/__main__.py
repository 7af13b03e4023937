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
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from dev.system import LOCAL, main
from tests.bench.contenders import MINIMAL, OURS, YARDSTICK
from tests.bench.counters import Figures
from tests.bench.plot import draw
from tests.bench.report import table, verdicts
from tests.bench.scenarios import Load, measure, minimal

Results = dict[str, dict[str, Figures]]


async def run(
    load: Load, contenders: list[str], keep: Callable[[str, dict[str, Figures]], None]
) -> None:
    """Run them one after the other; what is known is kept after each scenario."""
    for name in contenders:
        with tempfile.TemporaryDirectory(prefix="cafe-bench-") as folder:
            work, note = Path(folder), partial(keep, name)
            if name == MINIMAL:
                note(await minimal(load, work))
            else:
                await measure(name, load, work, note)


def command() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--stores", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=[OURS, YARDSTICK, MINIMAL])
    parser.add_argument("--idle", type=float, default=60.0, help="seconds of nothing")
    parser.add_argument("--growth", type=int, nargs="*", help="sizes, for the plot")
    parser.add_argument("--add", action="store_true", help="to what the JSON has already")
    parser.add_argument("--json", type=Path, default=LOCAL / "reports" / "bench-stores.json")
    parser.add_argument("--svg", type=Path, default=LOCAL / "reports" / "bench-stores.svg")
    asked = parser.parse_args()
    known = json.loads(asked.json.read_text()) if asked.add and asked.json.exists() else {}
    runs: dict[int, Results] = {int(stores): found for stores, found in known.items()}
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    console = Console(width=None if os.isatty(1) else 140)
    for stores in asked.growth or [asked.stores]:
        results = runs.setdefault(stores, {})

        def keep(name: str, found: dict[str, Figures], into: Results = results) -> None:
            into[name] = found
            asked.json.write_text(json.dumps(runs, indent=1) + "\n")

        asyncio.run(run(Load(stores, idle_seconds=asked.idle), asked.only, keep))
        console.print(table(results, stores))
        console.print(verdicts(results, stores))
    if len(runs) > 1:
        asked.svg.write_text(draw(list(runs.values())))


if __name__ == "__main__":
    main(command)
