"""When a coffee is bought to prove the order path, and how a purchase ended. Pure.

The key of a purchase follows from what the status says, so that a restarted operator asks about
the same order instead of buying again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cloudcafe_operator.resources.conditions import Judgement, false, true, unknown
from cloudcafe_operator.resources.store import CafeStoreSpec
from cloudcafe_operator.resources.store_status import Hop, OrderPath

NAME = "OrderPathVerified"
PATIENCE_SECONDS = 30.0
CLOCKS_APART = timedelta(minutes=1)
RETRY = timedelta(seconds=15)
SECOND = timedelta(seconds=1)  # what a moment in the status is rounded down by, at most
POLLS = ((1.0, 0.2), (5.0, 0.5), (float("inf"), 1.0))  # up to an age in seconds: wait so long
SPREAD = 0.2  # stores that were made together shall not all buy at the same moment


@dataclass(frozen=True, slots=True)
class Bought:
    """What is known of a purchase: the order with its history, and the HTTP answer's time."""

    order: Mapping[str, Any]
    accept_ms: float


def is_due(last: OrderPath | None, *, generation: int, now: datetime) -> bool:
    """Whether the order path must be proved (again), also where the clock was set back since."""
    if last is None or last.generation != generation:
        return True
    return now >= last.next_at or last.at - now > CLOCKS_APART


def cannot_buy(
    spec: CafeStoreSpec, *, in_place: bool, before: Judgement | None
) -> Judgement | None:
    """Return what is said where no coffee can or may be bought now; None: go and buy."""
    if spec.management_policy == "Observe":
        return unknown(NAME, "Observed", "spec.managementPolicy is Observe: nothing is bought.")
    if not spec.accepting_orders:
        return unknown(NAME, "NotAcceptingOrders", "spec.acceptingOrders is false.")
    if not in_place:
        return unknown(NAME, "WaitingForStore", "The store is not complete yet.")
    if spec.paused:
        return before or unknown(NAME, "Paused", "spec.paused is true.")
    return None


def purchase_key(uid: str, generation: int, last: OrderPath | None) -> str:
    """Return the Idempotency-Key: the same until this purchase's end is in the status."""
    number = int(last.next_at.timestamp()) if last else 0
    return f"verify-{uid}-{generation}-{number}"


def ended(bought: Bought, now: datetime) -> bool:
    """Whether it is known how the purchase ended."""
    if bought.order["status"] != "placed":
        return True
    return age_seconds(bought, now) > PATIENCE_SECONDS


def age_seconds(bought: Bought, now: datetime) -> float:
    """Return how long ago the order was placed."""
    return (now - _time(bought.order["placedAt"])).total_seconds()


def poll_after(bought: Bought, now: datetime) -> float:
    """Return seconds until the order is looked at again: eagerly at first."""
    age = age_seconds(bought, now)
    return next(wait for limit, wait in POLLS if age < limit)


def pending(bought: Bought) -> Judgement:
    """Return the judgement while the confirmation is awaited."""
    return unknown(NAME, "Verifying", f"Order {bought.order['id']} is not confirmed yet.")


def judge_purchase(bought: Bought) -> Judgement:
    """Return the judgement of a purchase that ended."""
    order = bought.order
    status, number = order["status"], order["id"]
    if status == "confirmed":
        return true(NAME, "Verified", f"A coffee was bought in {_total_ms(bought)} ms.")
    if status == "placed":
        return false(
            NAME,
            "NotConfirmed",
            f"Order {number} was accepted and not confirmed within "
            f"{PATIENCE_SECONDS:.0f} s: look at the order service's outbox lag.",
        )
    reasons = [entry.get("reason") for entry in order.get("history", []) if entry.get("reason")]
    why = f": {reasons[-1]}" if reasons else ""
    return false(NAME, "Rejected", f"Order {number} was {status}{why}.")


def is_confirmed(bought: Bought | None) -> bool:
    """Whether a purchase proved the order path; None: the order was not taken."""
    return bought is not None and bought.order["status"] == "confirmed"


def believed_for(every: timedelta, uid: str) -> timedelta:
    """Return how long a store's proof is believed: each store's a bit longer than that."""
    return every * (1 + SPREAD * _share(uid))


def retry_after(turn_seconds: float) -> timedelta:
    """Return when a purchase that failed is repeated, whose turn comes in so many seconds.

    Of a few stores each is soon tried again. Where a whole fleet cannot buy, the line is as long as
    the pace wants it, and it moves on at that pace when the first coffee comes again.
    """
    return max(RETRY, timedelta(seconds=turn_seconds) + SECOND)


def record(bought: Bought | None, *, generation: int, now: datetime, wait: timedelta) -> OrderPath:
    """Return what the status keeps of a purchase that ended; None: the order was not taken."""
    moment = now.replace(microsecond=0)
    confirmed = is_confirmed(bought)
    return OrderPath(
        order_id=bought.order["id"] if bought else "",
        at=moment,
        next_at=(now + wait).replace(microsecond=0),
        generation=generation,
        total_ms=_total_ms(bought) if bought and confirmed else None,
        hops=_hops(bought) if bought else (),
    )


def _hops(bought: Bought) -> tuple[Hop, ...]:
    """The HTTP answer, then each change of status from the one before."""
    hops = [Hop(name="accept", ms=round(bought.accept_ms))]
    before = _time(bought.order["placedAt"])
    for entry in bought.order.get("history", []):
        at = _time(entry["at"])
        if entry["status"] != "placed":
            hops.append(Hop(name=entry["status"], ms=_ms(at - before)))
        before = at
    return tuple(hops)


def _total_ms(bought: Bought) -> int:
    return sum(hop.ms for hop in _hops(bought))


def _ms(length: timedelta) -> int:
    return max(0, round(length.total_seconds() * 1000))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _share(uid: str) -> float:
    """Return a number from 0 to 1 that is always the same for a store."""
    return int(hashlib.sha256(uid.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
