"""How fast batches of order events become rows: `python services/analytics-worker/bench/load.py`.

Starts a PostgreSQL of its own (fsync on), loads batches of 1,000 events (250 orders of four events,
or 1,000 first events with `--placed`) and prints the median. The stand-in's figures are no promise
for Redshift, whose commits take longer and whose batches may be larger.
"""
# ruff: noqa: INP001 - a script belongs to no package

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from cafe_analytics.dialect import warehouse_bounds  # noqa: E402 - the path comes first
from cafe_analytics.fakes import STREAM, batch, event, life  # noqa: E402
from cafe_analytics.loading import LoadMetrics, WarehouseSink  # noqa: E402
from cafe_analytics.migrate import connect, migrate  # noqa: E402
from cafe_kit.database import Database  # noqa: E402
from cafe_kit.wire import utc_now  # noqa: E402
from prometheus_client import CollectorRegistry  # noqa: E402

from services.kit.tests.support.postgres import Postgres, running_postgres  # noqa: E402

EVENTS = 1_000


async def measured(server: Postgres, batches: int, *, placed: bool) -> list[float]:
    """Seconds of each load."""
    # it accepts connections before it serves them
    first = await connect(server.dsn("postgres"), 10, lambda _line: None)
    await first.close()
    await server.execute("CREATE DATABASE bench")
    await server.execute("ALTER SYSTEM SET fsync = on")
    await server.execute("SELECT pg_reload_conf()")
    await migrate(server.dsn("bench"), 10, lambda _line: None)
    database = Database(
        server.dsn("bench"), connections=2, name="bench", bounds=warehouse_bounds(20)
    )
    sink = WarehouseSink(database, STREAM, LoadMetrics(CollectorRegistry()), clock=utc_now)
    seconds = []
    for number in range(batches):
        if placed:
            events = [event(f"o{number}-{n}") for n in range(EVENTS)]
        else:
            events = [e for n in range(EVENTS // 4) for e in life(f"o{number}-{n}")]
        before = str(number - 1) if number else None
        began = time.perf_counter()
        await sink.absorb(batch(events, before=before, after=str(number)))
        seconds.append(time.perf_counter() - began)
    await database.close()
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=30)
    parser.add_argument("--placed", action="store_true", help="every event is of a new order")
    options = parser.parse_args()
    with running_postgres() as server:
        seconds = asyncio.run(measured(server, options.batches, placed=options.placed))
    median = statistics.median(seconds)
    rows = EVENTS * 3 if options.placed else EVENTS // 4 * 3
    sys.stdout.write(
        f"{options.batches} batches of {EVENTS} events: median {median * 1000:.0f} ms, "
        f"{EVENTS / median:.0f} events/s, {rows / median:.0f} rows/s "
        f"(slowest {max(seconds) * 1000:.0f} ms)\n"
    )


if __name__ == "__main__":
    main()
