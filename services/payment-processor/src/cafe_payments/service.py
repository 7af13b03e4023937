"""Takes a payment from the command to its end. Used by `handler.py`; the decisions are `rules.py`.

Every step is: judge, write the entry, call the provider, write the entry. Dying anywhere between
leaves an entry from which the next delivery goes on.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from cafe_kit.events import PaymentCommand
from cafe_kit.wire import utc_now

from cafe_payments import rules
from cafe_payments.errors import (
    MismatchError,
    NotReachedError,
    OutcomeUnknownError,
    ProviderError,
    RefusedError,
    WaitError,
)
from cafe_payments.guard import CardTestingGuard
from cafe_payments.models import Bounds, Charge, Entry

log = structlog.get_logger()

NOTHING_SENT = timedelta(0)
WRITES = 5
"""How often an order may be taken from under us before we let the queue try again."""
COUNTED = {
    "captured": "PaymentsCaptured",
    "declined": "PaymentsDeclined",
    "refunded": "PaymentsRefunded",
    "voided": "PaymentsVoided",
}


class Ledger(Protocol):
    """The entries; raises `UnavailableError` when it is away."""

    async def read(self, order_id: str) -> Entry | None:
        """The entry as it is now."""
        ...

    async def write(self, entry: Entry) -> Entry | None:
        """Store it if it follows the stored version; None when stored, else what is there."""
        ...


class Provider(Protocol):
    """The card provider. Every call is bounded in time and raises a `ProviderError`.

    `capture`, `void` and `refund` may be repeated; they return the charge as it then is, which is
    another state than wished for when the charge did not allow it.
    """

    def hold_off_seconds(self) -> float:
        """How long it is best left alone; 0 when it may be called."""
        ...

    async def authorise(self, entry: Entry, key: str) -> Charge:
        """Reserve the money. Repeating it may reserve it again!"""
        ...

    async def find(self, order_id: str) -> Sequence[Charge]:
        """All charges of an order, oldest first."""
        ...

    async def capture(self, charge_id: str) -> Charge:
        """Take the money."""
        ...

    async def void(self, charge_id: str) -> Charge:
        """Let the reserved money go."""
        ...

    async def refund(self, charge_id: str) -> Charge:
        """Give the money back."""
        ...


class Counts(Protocol):
    """Business metrics."""

    def count(self, name: str, value: float = 1.0) -> None:
        """Something happened."""
        ...


class Payments:
    """The rules at work."""

    def __init__(  # noqa: PLR0913 - all of them are wiring, by name
        self,
        ledger: Ledger,
        provider: Provider,
        bounds: Bounds,
        *,
        guard: CardTestingGuard,
        counts: Counts,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._ledger = ledger
        self._provider = provider
        self._bounds = bounds
        self._guard = guard
        self._counts = counts
        self._clock = clock

    async def settle(self, command: PaymentCommand, *, again: bool = False) -> Entry:
        """Do what a command asks for, or find it done; returns the settled entry.

        `again`: it was delivered before, or something came before it, so an entry is expected.

        Raises:
            WaitError: not now.
            MismatchError: never.
            UnavailableError: the ledger is away.
        """
        owner = secrets.token_hex(8)
        held = self._provider.hold_off_seconds()
        expected = again or command.type == rules.CANCEL or held > 0
        known = await self._ledger.read(command.order_id) if expected else None
        for _ in range(WRITES):
            decision = rules.decide(known, command, self._turn(owner))
            if isinstance(decision, rules.Answer):
                return decision.entry
            if held > 0 and not decision.entry.settled:
                raise WaitError("The provider is away.", held)
            known = await self._ledger.write(decision.entry)
            if known is None or known == decision.entry:
                return await self._finish(decision, owner)
        raise WaitError(f"Too many work on order {command.order_id} at once.")

    async def _finish(self, taken: rules.Take, owner: str) -> Entry:
        entry = taken.entry
        if entry.settled:
            self._noted(entry)
        elif taken.untouched:
            entry = await self._authorise(entry, owner)
        elif entry.state == "authorising":
            entry = await self._look_up(entry, owner)
        while not entry.settled:
            entry = await self._go_on(entry, owner)
        return entry

    async def _authorise(self, entry: Entry, owner: str) -> Entry:
        """Needs an entry that was written with `rules.sending`, and nothing unknown before it."""
        self._in_time(entry)
        try:
            charge = await self._provider.authorise(entry, f"{entry.order_id}:authorise")
        except RefusedError as error:
            return await self._write(rules.refused(entry, str(error), self._turn(owner)))
        except NotReachedError as error:
            await self._write(rules.let_go(entry, self._turn(owner), unsure=NOTHING_SENT))
            raise WaitError(str(error)) from error
        except OutcomeUnknownError as error:
            log.info("charge unknown, looking it up", order=entry.order_id, why=str(error))
            longest = self._bounds.provider_longest
            unsure = rules.let_go(entry, self._turn(owner), unsure=longest)
            found = await self._find(entry, owner, otherwise=unsure)
            if found is not None:
                return found
            await self._write(unsure)
            raise WaitError(str(error), longest.total_seconds()) from error
        return await self._adopt(rules.adopted(entry, charge, self._turn(owner)), charge)

    async def _adopt(self, entry: Entry, charge: Charge) -> Entry:
        """Write our charge into the ledger; if another's is there by now, ours is given back."""
        stored = await self._ledger.write(entry)
        if stored is None or stored == entry:
            return self._noted(entry)
        other = stored.charge_id is not None and stored.charge_id != charge.charge_id
        if other or (stored.settled and stored.charge_id is None):
            self._told_twice(entry, charge)
            try:
                await self._give_back(charge)
            except ProviderError:
                log.exception("a second charge stays", charge=charge.charge_id)
        raise WaitError(f"Somebody else took up order {entry.order_id}.")

    async def _look_up(self, entry: Entry, owner: str) -> Entry:
        """Somebody may have charged before us."""
        before = self._turn(owner)  # what appears after the lookup began is not ruled out by it
        found = await self._find(entry, owner, otherwise=rules.let_go(entry, before))
        if found is not None:
            return found
        try:
            following = rules.nothing_found(entry, before)
        except WaitError:
            await self._write(rules.let_go(entry, before))
            raise
        if following is None:
            return await self._write(rules.never_charged(entry, self._turn(owner)))
        return await self._authorise(await self._write(following), owner)

    async def _find(self, entry: Entry, owner: str, *, otherwise: Entry) -> Entry | None:
        """The entry with the charge that the provider has; None if it has none.

        A second charge that holds the customer's money is given back before the first is adopted.
        When the provider cannot be asked, `otherwise` is written.
        """
        try:
            chosen, surplus = rules.choose(await self._provider.find(entry.order_id))
            for charge in surplus:
                self._in_time(entry)
                self._told_twice(entry, charge)
                await self._give_back(charge)
        except ProviderError as error:
            await self._write(otherwise)
            raise WaitError(str(error)) from error
        if chosen is None:
            return None
        return await self._write(rules.adopted(entry, chosen, self._turn(owner)))

    async def _go_on(self, entry: Entry, owner: str) -> Entry:
        """From authorised or captured to the end that is wished for."""
        if entry.charge_id is None:
            raise MismatchError(f"Order {entry.order_id} is {entry.state} without a charge.")
        self._in_time(entry)
        try:
            if entry.state == "captured":
                charge = await self._provider.refund(entry.charge_id)
            elif entry.cancel_requested:
                charge = await self._provider.void(entry.charge_id)
            else:
                charge = await self._provider.capture(entry.charge_id)
        except RefusedError as error:
            await self._write(rules.let_go(entry, self._turn(owner)))
            raise MismatchError(str(error)) from error
        except ProviderError as error:
            await self._write(rules.let_go(entry, self._turn(owner)))
            raise WaitError(str(error)) from error
        if charge.state == entry.state:
            await self._write(rules.let_go(entry, self._turn(owner)))
            raise WaitError(f"Charge {charge.charge_id} stays {charge.state}.")
        return await self._write(rules.adopted(entry, charge, self._turn(owner)))

    async def _give_back(self, charge: Charge) -> None:
        """Void or refund, whatever it is when the provider gets to it."""
        if charge.state == "authorised":
            charge = await self._provider.void(charge.charge_id)
        if charge.state == "captured":
            await self._provider.refund(charge.charge_id)

    async def _write(self, entry: Entry) -> Entry:
        stored = await self._ledger.write(entry)
        if stored is not None and stored != entry:
            raise WaitError(f"Somebody else took up order {entry.order_id}.")
        return self._noted(entry)

    def _noted(self, entry: Entry) -> Entry:
        """The entry, counted if this was its end."""
        if entry.settled:
            self._counts.count(COUNTED[entry.state])
        if entry.state == "declined":
            self._guard.note(entry.store_id, entry.updated_at)
        return entry

    def _told_twice(self, entry: Entry, charge: Charge) -> None:
        log.warning("charged twice, giving back", order=entry.order_id, charge=charge.charge_id)
        self._counts.count("ChargesSurplus")

    def _in_time(self, entry: Entry) -> None:
        """Nothing is sent that could arrive after our lease: by then it is another's turn."""
        if entry.leased_until is None or self._clock() + self._bounds.call > entry.leased_until:
            raise WaitError(f"The turn at order {entry.order_id} is over.")

    def _turn(self, owner: str) -> rules.Turn:
        return rules.Turn(owner, self._clock(), self._bounds)
