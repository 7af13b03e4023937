"""The rules of points and promotions. Called by the endpoints; talks to MemoryDB through ports."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from cafe_kit.errors import ConflictError, NotFoundError, UnprocessableError
from cafe_kit.paging import bad_cursor, decode_cursor, encode_cursor

from cafe_loyalty.models import (
    BalanceView,
    Entry,
    PointsPage,
    PromotionInput,
    PromotionsView,
    PromotionView,
    Redeemed,
    Redemption,
    RedemptionInput,
    RedemptionView,
    TooFew,
)
from cafe_loyalty.sink import GrantMetrics

MAX_DIGITS = 15


class Accounts(Protocol):
    """The customers' points; every change is atomic, every call bounded in time."""

    async def balance(self, customer_id: str) -> BalanceView:
        """How many points a customer has."""
        ...

    async def history(
        self, customer_id: str, before: int | None, limit: int
    ) -> tuple[list[Entry], int]:
        """Entries before a position, the newest first, and the position of the last."""
        ...

    async def redeem(self, wanted: RedemptionView, key: str, digest: str) -> Redemption:
        """Take points, once per key."""
        ...


class Promotions(Protocol):
    """The promotions; every change is atomic, every call bounded in time."""

    async def all(self) -> list[PromotionView]:
        """All, by name."""
        ...

    async def get(self, name: str) -> PromotionView | None:
        """One."""
        ...

    async def put(self, promotion: PromotionView) -> bool:
        """Create or replace; False when there are too many."""
        ...

    async def delete(self, name: str) -> None:
        """Forget it."""
        ...


class LoyaltyService:
    """Balances, redemptions and promotions."""

    def __init__(
        self,
        accounts: Accounts,
        promotions: Promotions,
        *,
        metrics: GrantMetrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._promotions = promotions
        self._metrics = metrics
        self._clock = clock

    async def balance(self, customer_id: str) -> BalanceView:
        """How many points a customer has. Nobody registers, so nobody is unknown."""
        return await self._accounts.balance(customer_id)

    async def history(self, customer_id: str, cursor: str | None, limit: int) -> PointsPage:
        """What came in and went out, the newest first.

        Raises:
            UnprocessableError: the cursor is none of ours.
        """
        before = None if cursor is None else _position(cursor)
        entries, start = await self._accounts.history(customer_id, before, limit)
        more = encode_cursor({"before": str(start)}) if start > 0 else None
        return PointsPage(entries=entries, next=more)

    async def redeem(self, customer_id: str, asked: RedemptionInput, key: str) -> Redeemed:
        """Take points for something, exactly once per key.

        A refusal changes nothing and leaves the key free, so the same call may succeed once there
        are enough points.

        Raises:
            ConflictError: the customer has too few.
            UnprocessableError: the key belongs to another redemption.
        """
        wanted = RedemptionView(
            redemption_id=str(uuid4()),
            customer_id=customer_id,
            points=asked.points,
            balance=0,
            at=self._clock(),
            note=asked.note,
        )
        outcome = await self._accounts.redeem(wanted, key, asked.digest)
        if isinstance(outcome, TooFew):
            raise ConflictError(
                f"Customer {customer_id!r} has {outcome.balance} points, "
                f"{asked.points} were wanted.",
                slug="too-few-points",
                field="points",
                remedy="Redeem less, or wait for the next completed order.",
                extra={"balance": outcome.balance},
            )
        if outcome.digest != asked.digest:
            raise UnprocessableError(
                "This Idempotency-Key belongs to another redemption of this customer.",
                slug="key-reused",
                field="Idempotency-Key",
                remedy="Send the first body with it, or take a new key.",
            )
        if not outcome.replayed:
            self._metrics.redeemed(asked.points)
        return outcome

    async def promotions(self) -> PromotionsView:
        """All promotions."""
        return PromotionsView(promotions=await self._promotions.all())

    async def promotion(self, name: str) -> PromotionView:
        """One promotion.

        Raises:
            NotFoundError: there is none of this name.
        """
        known = await self._promotions.get(name)
        if known is None:
            raise NotFoundError(
                f"There is no promotion {name!r}.",
                field="name",
                remedy="Create it with PUT /promotions/{name}, or see GET /promotions.",
            )
        return known

    async def put_promotion(self, name: str, body: PromotionInput) -> PromotionView:
        """Create or replace a promotion; points that were granted stay as they are.

        Raises:
            ConflictError: there are too many.
        """
        promotion = PromotionView(name=name, **body.model_dump())
        if not await self._promotions.put(promotion):
            raise ConflictError(
                "There are too many promotions.",
                slug="too-many-promotions",
                remedy="Delete one that is over with DELETE /promotions/{name}.",
            )
        return promotion

    async def delete_promotion(self, name: str) -> None:
        """Forget a promotion; points that were granted stay as they are."""
        await self._promotions.delete(name)


def _position(cursor: str) -> int:
    text = decode_cursor(cursor, "before")["before"]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise bad_cursor()
    return int(text)
