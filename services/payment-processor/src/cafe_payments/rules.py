"""What is done about a payment. Pure: entries, commands, charges and times in, entries out.

The protocol, and why an order is never paid twice:
1. An entry is written before anything is sent; it names its owner and until when it is leased.
   Every write follows the version it was made from, so of two owners one fails.
2. Only a charge that the ledger names is captured, and it names one: whatever a provider makes of
   a request that we repeat, at most one charge of an order takes money.
3. What was sent without an answer is looked up by the order's id before anything is sent again,
   and a lookup that finds nothing counts only after `unsure_until`.
4. A wish to cancel is written into the entry; from then on nothing is charged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cafe_kit.events import PaymentCommand

from cafe_payments.errors import MismatchError, WaitError
from cafe_payments.models import Bounds, Charge, Entry

CANCEL = "payment.cancel-requested"
NEVER_CHARGED = "The order was cancelled before it was charged."
RANK = {"captured": 0, "authorised": 1, "declined": 2, "refunded": 3, "voided": 4}
LIVE = frozenset({"authorised", "captured"})


@dataclass(frozen=True, slots=True)
class Turn:
    """One delivery's turn at an order: who, when, and within which bounds."""

    owner: str
    now: datetime
    bounds: Bounds

    def leased(self, entry: Entry) -> Entry:
        """The entry's next version, with the lease renewed for as long as there is work."""
        until = None if entry.settled else self.now + self.bounds.lease
        return replace(
            entry,
            version=entry.version + 1,
            owner=self.owner,
            leased_until=until,
            updated_at=self.now,
        )

    @property
    def sent_until(self) -> datetime:
        """How long we stay unsure about what is sent within the lease."""
        return self.now + self.bounds.lease + self.bounds.provider_longest


@dataclass(frozen=True, slots=True)
class Answer:
    """Settled already: say so again."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Take:
    """Write this entry; if that succeeds the order is ours to go on with."""

    entry: Entry
    untouched: bool = False
    """Nothing has ever been sent for it, so there is nothing to look up."""


def decide(known: Entry | None, command: PaymentCommand, turn: Turn) -> Answer | Take:
    """What a command means for an order.

    Raises:
        WaitError: somebody works on it.
        MismatchError: the ledger has another payment for this order.
    """
    if known is None:
        return _take(_opening(command, turn.now), turn)
    _compare(known, command)
    wanted = replace(known, cancel_requested=known.cancel_requested or command.type == CANCEL)
    if known.settled and wanted.settled:
        return Answer(known)
    if known.leased_until is not None and turn.now < known.leased_until:
        left = (known.leased_until - turn.now).total_seconds()
        raise WaitError(f"Order {known.order_id} is being worked on.", left)
    return _take(wanted, turn)


def sending(entry: Entry, turn: Turn) -> Entry:
    """To be written before a card is authorised: from now on there may be a charge."""
    return turn.leased(replace(entry, unsure_until=turn.sent_until))


def adopted(entry: Entry, charge: Charge, turn: Turn) -> Entry:
    """The entry once its charge is known to be in this state."""
    return turn.leased(
        replace(
            entry,
            state=charge.state,
            charge_id=charge.charge_id,
            reason=charge.reason,
            unsure_until=None,
        )
    )


def refused(entry: Entry, reason: str, turn: Turn) -> Entry:
    """The provider will not charge this: as good as declined."""
    return turn.leased(replace(entry, state="declined", reason=reason, unsure_until=None))


def nothing_found(entry: Entry, turn: Turn) -> Entry | None:
    """After a lookup that found nothing: what to write before going on.

    None when there is to be no more: the order was cancelled and `never_charged` it stays.

    Raises:
        WaitError: it is too early to believe it.
    """
    if entry.unsure_until is not None and turn.now < entry.unsure_until:
        left = (entry.unsure_until - turn.now).total_seconds()
        raise WaitError(f"A charge of order {entry.order_id} may still appear.", left)
    return None if entry.cancel_requested else sending(entry, turn)


def never_charged(entry: Entry, turn: Turn) -> Entry:
    """Cancelled, and nothing was charged."""
    return turn.leased(replace(entry, state="voided", reason=NEVER_CHARGED, unsure_until=None))


def let_go(entry: Entry, turn: Turn, *, unsure: timedelta | None = None) -> Entry:
    """The entry without its lease: the next delivery need not wait for its end.

    `unsure`: how long from now a charge may still appear; without it what was known stays.
    """
    until = entry.unsure_until if unsure is None else turn.now + unsure
    released = replace(entry, unsure_until=until)
    return replace(turn.leased(released), leased_until=None)


def choose(charges: Sequence[Charge]) -> tuple[Charge | None, list[Charge]]:
    """The charge that counts, and the others that hold a customer's money and must not."""
    if not charges:
        return None, []
    chosen = min(charges, key=lambda charge: RANK[charge.state])
    return chosen, [one for one in charges if one is not chosen and one.state in LIVE]


def _opening(command: PaymentCommand, now: datetime) -> Entry:
    return Entry(
        order_id=command.order_id,
        store_id=command.store_id,
        currency=command.currency,
        amount_minor=command.total_minor,
        placed_at=command.placed_at,
        state="authorising",
        version=0,
        updated_at=now,
        cancel_requested=command.type == CANCEL,
    )


def _take(entry: Entry, turn: Turn) -> Take:
    if entry.state != "authorising" or entry.unsure_until is not None:
        return Take(turn.leased(entry))
    if entry.cancel_requested:
        return Take(never_charged(entry, turn))
    return Take(sending(entry, turn), untouched=True)


def _compare(known: Entry, command: PaymentCommand) -> None:
    ours = (known.store_id, known.currency, known.amount_minor)
    theirs = (command.store_id, command.currency, command.total_minor)
    if ours != theirs:
        raise MismatchError(f"The ledger has {ours} for order {known.order_id}, not {theirs}.")
