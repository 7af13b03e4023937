"""The provider's data: what crosses HTTP, and what the rules hand to the repository."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from cafe_kit.events import Moment
from cafe_kit.wire import ORDER_ID, Currency, StoreId, WireInput, WireView
from pydantic import BeforeValidator, Field

MAX_HANG_SECONDS = 60.0
MAX_LATENCY_MS = 10_000
MAX_AMOUNT_MINOR = 2**53 - 1
DECLINED_FROM_MINOR = 100_000_00
"""No card pays this much for coffee."""

State = Literal["authorised", "captured", "declined", "voided", "refunded"]
Action = Literal["capture", "void", "refund"]


def _read_moment(value: object) -> object:
    """JSON has moments as text; the strict model would take them for text alone."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


WrittenMoment = Annotated[Moment, BeforeValidator(_read_moment)]
Share = Annotated[float, Field(ge=0, le=1)]


class ChargeInput(WireInput):
    """What a merchant wants of a card."""

    reference: Annotated[str, Field(pattern=ORDER_ID, examples=["o-1"])]
    store_id: StoreId
    amount_minor: int = Field(ge=0, le=MAX_AMOUNT_MINOR)
    currency: Currency
    placed_at: WrittenMoment
    capture: bool = False


class ChargeView(WireView):
    """A charge as it is."""

    charge_id: str
    reference: str
    store_id: str
    amount_minor: int
    currency: str
    placed_at: datetime
    state: State
    reason: str | None = None


class ChargesView(WireView):
    """All charges with one reference, oldest first; more than one is somebody charged twice."""

    charges: list[ChargeView]


class LedgerEntry(WireView):
    """A row of the books."""

    charge_id: str
    order_id: str
    store_id: str
    state: State
    currency: str
    amount_minor: int
    placed_at: datetime


class LedgerPage(WireView):
    """Rows of the books, and where they go on."""

    entries: list[LedgerEntry]
    next: str | None


class Faults(WireInput):
    """What goes wrong, in shares of the requests; the same seed does the same to the same ones."""

    timeout_after_charge_share: Share = 0.0
    """The charge is made, and nobody hears of it."""
    timeout_before_charge_share: Share = 0.0
    """Nothing is done, and nobody hears of that either."""
    error_share: Share = 0.0
    decline_share: Share = 0.0
    latency_ms: int = Field(default=0, ge=0, le=MAX_LATENCY_MS)
    hang_seconds: float = Field(default=5.0, ge=0, le=MAX_HANG_SECONDS)
    forget_keys: bool = False
    """Idempotency keys are not recognised: a repeated charge is a second charge."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)

    @property
    def any_share(self) -> bool:
        """Whether chance has a say."""
        return bool(
            self.timeout_after_charge_share
            or self.timeout_before_charge_share
            or self.error_share
            or self.decline_share
        )


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge as it is kept."""

    charge_id: str
    wanted: ChargeInput
    state: State
    reason: str | None

    def view(self) -> ChargeView:
        """What callers see."""
        return ChargeView(
            charge_id=self.charge_id,
            reference=self.wanted.reference,
            store_id=self.wanted.store_id,
            amount_minor=self.wanted.amount_minor,
            currency=self.wanted.currency,
            placed_at=self.wanted.placed_at,
            state=self.state,
            reason=self.reason,
        )


@dataclass(frozen=True, slots=True)
class Period:
    """Which rows of the books: of orders placed in [since, until)."""

    since: datetime
    until: datetime
    store_id: str | None = None
