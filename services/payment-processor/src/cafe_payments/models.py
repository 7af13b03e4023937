"""The payment processor's data: the ledger's entries, and what the provider answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cafe_kit.wire import WireView

State = Literal["authorising", "authorised", "captured", "declined", "voided", "refunded"]
ChargeState = Literal["authorised", "captured", "declined", "voided", "refunded"]

ENDS = frozenset({"declined", "voided", "refunded"})


@dataclass(frozen=True, slots=True)
class Entry:
    """An order's payment as the ledger has it. There is one an order, and one charge in it."""

    order_id: str
    store_id: str
    currency: str
    amount_minor: int
    placed_at: datetime
    state: State
    version: int
    """One more at each write; a write that does not follow the stored one is refused."""
    updated_at: datetime
    owner: str = ""
    """The delivery that wrote last."""
    leased_until: datetime | None = None
    """Until then its owner works on it and everybody else waits."""
    unsure_until: datetime | None = None
    """Something was sent to the provider: until then a charge we know nothing of may appear."""
    cancel_requested: bool = False
    charge_id: str | None = None
    reason: str | None = None

    @property
    def settled(self) -> bool:
        """Nothing is left to do."""
        return self.state in ENDS or (self.state == "captured" and not self.cancel_requested)


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge as the provider has it."""

    charge_id: str
    state: ChargeState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """The times that the protocol stands on; see `settings.py`."""

    call: timedelta
    lease: timedelta
    provider_longest: timedelta


@dataclass(frozen=True, slots=True)
class Period:
    """Which entries of the books: of orders placed in [since, until)."""

    since: datetime
    until: datetime
    store_id: str | None = None


class PaymentView(WireView):
    """An order's payment."""

    order_id: str
    store_id: str
    state: State
    currency: str
    amount_minor: int
    charge_id: str | None
    reason: str | None
    cancel_requested: bool
    placed_at: datetime
    updated_at: datetime


class LedgerEntry(WireView):
    """A row of the books."""

    order_id: str
    store_id: str
    state: State
    currency: str
    amount_minor: int
    charge_id: str | None
    placed_at: datetime
    updated_at: datetime


class LedgerPage(WireView):
    """Rows of the books, and where they go on. A page may be short; the end has no `next`."""

    entries: list[LedgerEntry]
    next: str | None
