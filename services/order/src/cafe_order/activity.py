"""How busy the stores are: orders a minute, and how long guests wait for their confirmation.

Read by `GET /activity`, one bounded query for all stores: of the last five minutes, and of no more
than the newest twenty thousand orders, however many stores there are. Synthetic orders are not
guests'.
"""

from cafe_kit.database import Database
from cafe_kit.wire import WireView
from pydantic import Field

WINDOW_SECONDS = 300
MOST_ORDERS = 20_000

# An order that nobody has answered yet has waited until now. The last row's store is none: all.
BUSY = """
WITH newest AS MATERIALIZED (
    SELECT o.id, o.store_id, o.placed_at FROM orders o
    WHERE NOT o.synthetic AND o.placed_at > now() - make_interval(secs => $1)
    ORDER BY o.placed_at DESC LIMIT $2
), span AS (
    SELECT CASE WHEN count(*) < $2 THEN $1::float
                ELSE greatest(1, extract(epoch FROM now() - min(placed_at))) END AS seconds
    FROM newest
), waited AS (
    SELECT n.store_id, greatest(0, extract(epoch FROM
        coalesce((SELECT min(h.at) FROM order_history h WHERE h.order_id = n.id), now())
        - n.placed_at)) AS seconds
    FROM newest n
)
SELECT w.store_id, count(*) * 60 / max(span.seconds) AS orders_per_minute,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY w.seconds) * 1000 AS p95
FROM waited w CROSS JOIN span
GROUP BY GROUPING SETS ((w.store_id), ())
ORDER BY w.store_id IS NOT NULL, count(*) DESC, w.store_id LIMIT $3 + 1
"""


class Busy(WireView):
    """What a store did lately, or all of them together."""

    orders_per_minute: float
    p95_milliseconds: int | None = Field(description="From placed to confirmed or refused.")


class BusyStore(Busy):
    """One store."""

    store_id: str


class Activity(WireView):
    """The busiest stores first; a store that is not named took no orders, or is not so busy."""

    fleet: Busy
    stores: list[BusyStore]


class PostgresActivity:
    """Counts in the store of record: whichever replica answers, it is the same."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, limit: int) -> Activity:
        """The fleet's sum, and its busiest stores.

        Raises:
            DatabaseUnavailableError: the database is away.
        """
        async with self._database.connection() as connection:
            rows = await connection.fetch(BUSY, WINDOW_SECONDS, MOST_ORDERS, limit)
        fleet, stores = Busy(orders_per_minute=0.0, p95_milliseconds=None), []
        for store_id, rate, p95 in rows:
            figures = {
                "orders_per_minute": round(float(rate or 0), 1),
                "p95_milliseconds": None if p95 is None else round(p95),
            }
            if store_id is None:
                fleet = Busy(**figures)
            else:
                stores.append(BusyStore(store_id=store_id, **figures))
        return Activity(fleet=fleet, stores=stores)
