"""What the stream of orders does to the points: once per order, whatever is repeated.

`KinesisConsumer` calls it. The steps of a batch, each of which may be repeated:

1. the index of the ledger, 2. the grants, 3. the position.

A crash after any of them repeats the batch; a grant that is there stays as it is, with the
multiplier that it was made with. The position moves last, so it never passes a grant that is
missing; and only from where this replica found it, so two that read the same shard cannot move it
back.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from cafe_kit.events import OrderEvent
from cafe_kit.kinesis import EventRefusedError, PositionMovedError, ShardBatch
from prometheus_client import CollectorRegistry, Counter

from cafe_loyalty.models import KEEP, Grant, PromotionView

TOO_OLD = (
    f"It was placed more than {KEEP.days} days ago: whether its points were given is forgotten. "
    "Look at the customer's points before giving them by hand."
)


class Promotions(Protocol):
    """The promotions."""

    async def all(self) -> list[PromotionView]:
        """All of them."""
        ...


class Book(Protocol):
    """The index of the ledger."""

    async def index(self, grants: Sequence[Grant]) -> None:
        """Note where grants will stand; idempotent."""
        ...


class Points(Protocol):
    """The customers' points."""

    async def grant(self, grants: Sequence[Grant]) -> list[Grant]:
        """Give them once per order; returns the new ones. Atomic for each grant."""
        ...


class Positions(Protocol):
    """The positions in the stream."""

    async def all(self) -> Mapping[str, str]:
        """Shard → position."""
        ...

    async def advance(self, shard: str, before: str | None, after: str) -> bool:
        """Compare and set."""
        ...


class Business(Protocol):
    """Where business metrics go; never fails."""

    def count(self, name: str, value: float = 1.0) -> None:
        """Something happened, this often."""
        ...


class GrantMetrics:
    """The counters."""

    def __init__(self, registry: CollectorRegistry, business: Business) -> None:
        self._business = business
        self._grants = Counter(
            "cafe_loyalty_grants",
            "Completed orders of customers: points given, or given before.",
            ["outcome"],
            registry=registry,
        )
        self._points = Counter(
            "cafe_loyalty_points", "Points that moved.", ["direction"], registry=registry
        )
        for outcome in ("new", "repeated"):
            self._grants.labels(outcome)
        for direction in ("granted", "redeemed"):
            self._points.labels(direction)

    def granted(self, asked: Sequence[Grant], new: Sequence[Grant]) -> None:
        """A batch was granted."""
        points = sum(grant.points for grant in new)
        self._grants.labels("new").inc(len(new))
        self._grants.labels("repeated").inc(len(asked) - len(new))
        self._points.labels("granted").inc(points)
        if new:
            self._business.count("PointsGranted", points)

    def redeemed(self, points: int) -> None:
        """A customer gave points for something."""
        self._points.labels("redeemed").inc(points)
        self._business.count("PointsRedeemed", points)


class LoyaltySink:
    """The port of the consumer."""

    def __init__(  # noqa: PLR0913 - all of them are wiring, by name
        self,
        points: Points,
        book: Book,
        *,
        promotions: Promotions,
        positions: Positions,
        metrics: GrantMetrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._points = points
        self._book = book
        self._promotions = promotions
        self._positions = positions
        self._metrics = metrics
        self._clock = clock

    async def positions(self) -> Mapping[str, str]:
        """Where the shards are to be read on."""
        return await self._positions.all()

    async def absorb(self, batch: ShardBatch) -> None:
        """Give the points of a batch's completed orders, then move the position.

        Raises:
            PositionMovedError: another replica reads this shard too.
            EventRefusedError: an order is so old that its grant may be forgotten already.
            UnavailableError: MemoryDB is away; the batch is to come again.
        """
        grants = await self._grants_of(batch)
        if grants:
            await self._book.index(grants)
            self._metrics.granted(grants, await self._points.grant(grants))
        if not await self._positions.advance(batch.shard, batch.before, batch.position):
            raise PositionMovedError(f"{batch.shard} was not at {batch.before}")

    async def _grants_of(self, batch: ShardBatch) -> list[Grant]:
        completed = [
            event
            for event in batch.events
            if isinstance(event, OrderEvent) and event.type == "order.completed"
        ]
        if not completed:
            return []
        kept_from = self._clock() - KEEP
        for event in completed:
            if event.customer_id is not None and event.placed_at < kept_from:
                raise EventRefusedError(event.id, TOO_OLD)
        promotions = await self._promotions.all()
        grants = (Grant.of(event, promotions) for event in completed)
        return [grant for grant in grants if grant is not None]
