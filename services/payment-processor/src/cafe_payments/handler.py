"""The handler of payment commands: the same for Lambda and for the container.

Takes a batch of messages, says of each what is to become of it. Orders are handled side by side,
the messages of one order one after the other; results are sent before a message is `Done`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cafe_kit.errors import UnavailableError
from cafe_kit.events import MalformedEventError, PaymentCommand, PaymentResult, parse_event
from cafe_kit.sqs import Again, Done, Failed, Message, Outcome, Poison, Verdict

from cafe_payments.errors import MismatchError, WaitError
from cafe_payments.models import Entry
from cafe_payments.results import result_of
from cafe_payments.service import Payments

LONGEST_REST_SECONDS = 5.0

Rest = Callable[[float], Awaitable[None]]


class Results(Protocol):
    """Where results go."""

    async def send(self, results: Sequence[PaymentResult]) -> Sequence[Outcome]:
        """One outcome each, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class _Command:
    index: int
    message: Message
    command: PaymentCommand


Settled = Entry | Again | Poison


class PaymentHandler:
    """`handle` is what `SqsConsumer` and Lambda call."""

    def __init__(
        self,
        payments: Payments,
        results: Results,
        *,
        hold_off_seconds: Callable[[], float] | None = None,
        rest: Rest = asyncio.sleep,
    ) -> None:
        """`hold_off_seconds`: asked before a batch; while the provider is away we rest first.

        A Lambda has none of it: resting there is paid for, and Lambda backs off by itself.
        """
        self._payments = payments
        self._results = results
        self._hold_off_seconds = hold_off_seconds
        self._rest = rest

    async def handle(self, messages: Sequence[Message]) -> Sequence[Verdict]:
        """One verdict a message."""
        await self._rest_if_away()
        settled: list[Settled] = [Again("Not reached.")] * len(messages)
        orders: dict[str, list[_Command]] = {}
        for index, message in enumerate(messages):
            command = _parse(message)
            if isinstance(command, Poison):
                settled[index] = command
            else:
                one = _Command(index, message, command)
                orders.setdefault(command.order_id, []).append(one)
        for reached in await asyncio.gather(*(self._one_order(c) for c in orders.values())):
            for index, outcome in reached:
                settled[index] = outcome
        return await self._tell(messages, settled)

    async def _one_order(self, commands: Sequence[_Command]) -> list[tuple[int, Settled]]:
        """One after the other; after one that has to wait the rest is not touched."""
        reached: list[tuple[int, Settled]] = []
        for number, one in enumerate(commands):
            with one.message.traced():
                outcome = await self._settle(one, again=number > 0)
            reached.append((one.index, outcome))
            if isinstance(outcome, Again):
                break
        return reached

    async def _settle(self, one: _Command, *, again: bool) -> Settled:
        try:
            return await self._payments.settle(one.command, again=again or one.message.receives > 1)
        except WaitError as wait:
            return Again(wait.reason, wait.after_seconds)
        except UnavailableError as error:
            return Again(error.detail, error.retry_after_seconds)
        except MismatchError as error:
            return Poison(str(error))

    async def _tell(self, messages: Sequence[Message], settled: Sequence[Settled]) -> list[Verdict]:
        """Send the results; a message whose result is not on the queue comes again."""
        told = [index for index, outcome in enumerate(settled) if isinstance(outcome, Entry)]
        results = [
            result_of(outcome, messages[index].trace_id)
            for index, outcome in enumerate(settled)
            if isinstance(outcome, Entry)
        ]
        outcomes = await self._results.send(results) if results else []
        verdicts: list[Verdict] = [
            Done() if isinstance(outcome, Entry) else outcome for outcome in settled
        ]
        for index, outcome in zip(told, outcomes, strict=True):
            if isinstance(outcome, Failed):
                verdicts[index] = Again(f"The result was not sent: {outcome.reason}")
        return verdicts

    async def _rest_if_away(self) -> None:
        """Leave the other messages on the queue while the provider is away."""
        seconds = self._hold_off_seconds() if self._hold_off_seconds else 0.0
        if seconds > 0:
            await self._rest(min(seconds, LONGEST_REST_SECONDS))


def _parse(message: Message) -> PaymentCommand | Poison:
    try:
        event = parse_event(message.body)
    except MalformedEventError as error:
        return Poison(error.reason)
    if not isinstance(event, PaymentCommand):
        return Poison(f"{event.type} is no payment command.")
    return event
