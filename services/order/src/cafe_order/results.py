"""What the payment processor says, taken from its queue. Called by the kit's SQS consumer.

A batch of results is one transaction. A repetition changes nothing; what cannot be read or cannot
be true is parked with its reason.
"""

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from cafe_kit.errors import UnavailableError
from cafe_kit.events import MalformedEventError, PaymentResult, parse_event
from cafe_kit.sqs import Again, Done, Message, Poison, Verdict

from cafe_order import saga
from cafe_order.saga import Contradiction, Step
from cafe_order.transitions import Advance, Missing, Saga, Wish


class PaymentResults:
    """The consumer's handler."""

    def __init__(self, orders: Saga, *, wake_relay: Callable[[], None]) -> None:
        self._orders = orders
        self._wake_relay = wake_relay

    async def handle(self, messages: Sequence[Message]) -> list[Verdict]:
        """One verdict a message."""
        verdicts: dict[int, Verdict] = {}
        wishes: dict[int, Wish] = {}
        for number, message in enumerate(messages):
            try:
                wishes[number] = _wish(message)
            except MalformedEventError as error:
                verdicts[number] = Poison(error.reason)
        try:
            outcomes = await self._orders.advance(list(wishes.values())) if wishes else []
        except UnavailableError as error:
            return [verdicts.get(number, Again(error.detail)) for number in range(len(messages))]
        for number, outcome in zip(wishes, outcomes, strict=True):
            verdicts[number] = _verdict(outcome)
        if any(isinstance(outcome, Step) for outcome in outcomes):
            self._wake_relay()
        return [verdicts[number] for number in range(len(messages))]


def _wish(message: Message) -> Wish:
    event = parse_event(message.body)
    if not isinstance(event, PaymentResult):
        raise MalformedEventError(f"{event.type} is no payment result.")
    try:
        order_id = UUID(event.order_id)
    except ValueError:
        raise MalformedEventError(f"No order has the id {event.order_id!r}.") from None
    return Wish(order_id, partial(saga.after_payment, event))


def _verdict(outcome: Advance) -> Verdict:
    match outcome:
        case Missing():
            return Poison("There is no such order.")
        case Contradiction(why=why):
            return Poison(why)
        case _:
            return Done()
