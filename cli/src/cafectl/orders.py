"""Buying coffee the way a careful till does: one key per order, retried until it is known.

Used by `cafectl buy` and `cafectl trickle`, and by the demo to count what a fault cost. An order
is acknowledged when the service answered 201; the same Idempotency-Key is sent again after every
answer that leaves the outcome open, so that a retry can never charge twice.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# Answers that leave the outcome open or promise that a later try may succeed.
_TRY_AGAIN = frozenset({409, 425, 429, 500, 502, 503, 504})
_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 1.0
#: So many guests collect points; their ids say what they are.
_GUESTS = 20


@dataclass(frozen=True, slots=True)
class Till:
    """Where and as whom to order: the order service, a store and its till's key."""

    url: str
    store: str
    key: str
    timeout_s: float = 2.0
    give_up_s: float = 60.0


@dataclass(slots=True)
class Attempted:
    """One order and what became of it. Times are seconds of the running loop's clock."""

    idempotency_key: str
    started: float
    finished: float = 0.0
    tries: int = 0
    order: dict[str, Any] | None = None  # the answer, once acknowledged
    refusals: list[str] = field(default_factory=list)  # one line for each try that failed

    @property
    def waited_s(self) -> float:
        """How long the customer stood at the till."""
        return self.finished - self.started


def _backoff(answer: httpx.Response | None, tries: int) -> float:
    """Seconds to wait: what the service asks for, else doubling from 100 ms to 1 s."""
    asked = answer.headers.get("retry-after", "") if answer is not None else ""
    if asked.isdigit():
        return min(float(asked), _LONGEST_BACKOFF_S)
    return float(min(_FIRST_BACKOFF_S * 2 ** (tries - 1), _LONGEST_BACKOFF_S))


def _reason(answer: httpx.Response) -> str:
    """Say a refusal in one line: the problem document's title and detail, where there is one."""
    try:
        problem = answer.json()
    except ValueError:
        return f"{answer.status_code} {answer.reason_phrase}"
    if not isinstance(problem, dict):
        return f"{answer.status_code} {answer.reason_phrase}"
    parts = [str(problem[name]) for name in ("title", "detail", "remedy") if problem.get(name)]
    return f"{answer.status_code} " + ": ".join(parts)


async def buy(client: httpx.AsyncClient, till: Till, sku: str) -> Attempted:
    """Buy one item; returns when it is acknowledged, refused for good, or given up."""
    loop = asyncio.get_running_loop()
    bought = Attempted(idempotency_key=str(uuid.uuid4()), started=loop.time())
    key_number = uuid.UUID(bought.idempotency_key).int
    body = {
        "storeId": till.store,
        "customerId": f"guest-{key_number % _GUESTS}",
        "lines": [{"sku": sku, "quantity": 1}],
    }
    headers = {
        "Idempotency-Key": bought.idempotency_key,
        "Authorization": f"Bearer {till.key}",
    }
    while True:
        bought.tries += 1
        answer: httpx.Response | None = None
        try:
            answer = await client.post(
                f"{till.url}/orders", json=body, headers=headers, timeout=till.timeout_s
            )
        except httpx.HTTPError as problem:
            bought.refusals.append(f"{type(problem).__name__}: {problem}")
        bought.finished = loop.time()
        if answer is not None:
            if answer.is_success:
                bought.order = answer.json()
                return bought
            bought.refusals.append(_reason(answer))
            if answer.status_code not in _TRY_AGAIN:
                return bought
        if bought.waited_s > till.give_up_s:
            return bought
        await asyncio.sleep(_backoff(answer, bought.tries))


async def first_item(client: httpx.AsyncClient, menu_url: str, store: str) -> str:
    """Return the sku of the menu's cheapest item; raise httpx.HTTPError where there is none."""
    answer = await client.get(f"{menu_url}/stores/{store}/menu", timeout=5.0)
    answer.raise_for_status()
    items = answer.json()["items"]
    return str(min(items, key=lambda item: item["priceMinor"])["sku"])


async def trickle(
    order: Callable[[], Awaitable[Attempted]],
    *,
    per_second: float,
    stop: asyncio.Event,
    tell: Callable[[list[Attempted]], None],
) -> list[Attempted]:
    """Order at a steady rate (open model: a slow answer does not slow the arrivals) until `stop`.

    `tell` is called with all finished orders each time one finishes.
    """
    loop = asyncio.get_running_loop()
    finished: list[Attempted] = []
    pending: set[asyncio.Future[Attempted]] = set()

    def done(task: asyncio.Future[Attempted]) -> None:
        pending.discard(task)
        finished.append(task.result())
        tell(finished)

    due = loop.time()
    while not stop.is_set():
        task = asyncio.ensure_future(order())
        pending.add(task)
        task.add_done_callback(done)
        due += 1 / per_second
        try:
            await asyncio.wait_for(stop.wait(), timeout=max(0.0, due - loop.time()))
        except TimeoutError:
            continue
    if pending:
        await asyncio.gather(*pending)
    return finished


@dataclass(frozen=True, slots=True)
class Account:
    """What the orders of a trickle came to."""

    orders: int
    acknowledged: int
    refused_tries: int  # answers or silences that made a customer try again
    delayed: int  # acknowledged, but after more than a second
    unknown: int  # given up: never acknowledged, never refused for good
    lost: int  # acknowledged, and the service does not have it
    twice: int  # two orders for one key: the same id must come back for a key
    longest_wait_s: float


async def account_for(client: httpx.AsyncClient, till: Till, attempted: list[Attempted]) -> Account:
    """Ask the service for every acknowledged order and count what is missing or doubled."""
    acknowledged = [one for one in attempted if one.order is not None]
    ids = [str(one.order["id"]) for one in acknowledged if one.order is not None]
    lost = 0
    for order_id in ids:
        answer = await client.get(
            f"{till.url}/orders/{order_id}",
            headers={"Authorization": f"Bearer {till.key}"},
            timeout=10.0,
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            lost += 1
        else:
            answer.raise_for_status()
    return Account(
        orders=len(attempted),
        acknowledged=len(acknowledged),
        refused_tries=sum(len(one.refusals) for one in attempted),
        delayed=sum(one.waited_s > 1.0 for one in acknowledged),
        unknown=len(attempted) - len(acknowledged),
        lost=lost,
        twice=len(ids) - len(set(ids)),
        longest_wait_s=round(max((one.waited_s for one in attempted), default=0.0), 3),
    )
