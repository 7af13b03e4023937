"""`python -m tests.crash.orders.soak --orders 1000000`: the storm, as long as one likes.

The same customers, troubles and judge as in the test, with progress and a table at the end. Exit
code 1 where the books do not balance. The diary and all logs stay in the folder that is named.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from localaws.testing import LocalAws
from rich.console import Console
from rich.table import Table

from services.kit.tests.support.postgres import running_postgres
from services.kit.tests.support.redis import running_redis
from tests.crash.orders.books import Verdict, judge
from tests.crash.orders.cafe import STORES, TILL, Cafe, running_cafe
from tests.crash.orders.driver import Customers, Diary, Promises
from tests.crash.orders.gremlins import Gremlins

TELL_EVERY_S = 10.0
SHOWN = 20
console = Console()


class Progress:
    """Says now and then how far the customers are."""

    def __init__(self, orders: int) -> None:
        self._orders = orders
        self._began = self._last = time.monotonic()
        self.finished = 0

    def __call__(self, _number: int) -> None:
        self.finished += 1
        now = time.monotonic()
        if now - self._last >= TELL_EVERY_S:
            self._last = now
            rate = self.finished / (now - self._began)
            console.print(
                f"[{now - self._began:5.0f} s] {self.finished} orders, {rate:.0f} a second"
            )


async def soak(orders: int, at_once: int, seed: int, folder: Path) -> bool:
    """Run it; return whether the books balance."""
    with running_postgres() as postgres, running_redis() as redis, LocalAws.start() as aws:
        await postgres.prepare()
        async with running_cafe(postgres, redis.url, aws, folder, seed=seed) as cafe:
            since, began = datetime.now(UTC), time.monotonic()
            diary = Diary(folder / "diary.jsonl")
            customers = Customers(
                cafe.tills,
                TILL,
                STORES,
                diary,
                orders,
                at_once=at_once,
                seed=seed,
                tell=Progress(orders),
            )
            ordering = asyncio.create_task(customers.run())
            gremlins = Gremlins(cafe, seed=seed)
            await gremlins.run(ordering)
            await ordering
            diary.close()
            ordered_s = time.monotonic() - began
            console.print(f"customers gone after {ordered_s:.0f} s; waiting until all has settled")
            promises = Promises.of(diary.path)
            patience = timedelta(seconds=max(150.0, ordered_s))
            verdict = await judge(cafe, promises, since, patience=patience)
            console.print(_table(cafe, promises, gremlins, verdict))
    for fault in verdict.faults[:SHOWN]:
        console.print(f"[red]{fault}[/]")
    if len(verdict.faults) > SHOWN:
        console.print(f"… and {len(verdict.faults) - SHOWN} more")
    return not verdict.faults


def _table(cafe: Cafe, promises: Promises, gremlins: Gremlins, verdict: Verdict) -> Table:
    table = Table("What", "How many", title="The books after the storm", title_justify="left")
    table.add_row("orders meant", str(promises.intended))
    table.add_row("acknowledged", str(len(promises.orders)))
    table.add_row("unknown to the customer", str(promises.unknown))
    for status, number in sorted(verdict.counts.items()):
        table.add_row(f"… {status}", str(number))
    for trouble, number in sorted(gremlins.done.items()):
        table.add_row(trouble, str(number))
    for what, number in sorted(cafe.aws.done.items()):
        table.add_row(f"AWS calls: {what}", str(number))
    table.add_row("processes killed", str(sum(one.kills for one in cafe.processes.values())))
    table.add_row("faults in the books", str(len(verdict.faults)))
    return table


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.orders.soak", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=200, help="at once")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cafe-soak-"))
    console.print(f"diary and logs: {folder}")
    balanced = asyncio.run(soak(given.orders, given.customers, given.seed, folder))
    sys.exit(0 if balanced else 1)


if __name__ == "__main__":
    main()
