"""After the storm: everything drains, and what was promised is held against the books."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from cafe_ledger.audit import Auditor, Timing, Window
from cafe_ledger.collect import Book, BookError, Collector
from cafe_ledger.report import Report

from tests.crash.orders.cafe import Cafe
from tests.crash.orders.driver import Promises

READ_S = 60.0  # after the storm a service may still be on its way up
TICKETS_S = 60.0  # a queue that was away is tried again each quarter of a minute


@dataclass
class Reader:
    """Reads a book over HTTP, as `cafectl audit` does."""

    cafe: Cafe

    async def get(self, book: Book, path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        """One page."""
        url = self.cafe.tills[0] if book == "order" else self.cafe.book(book)
        latest = asyncio.get_running_loop().time() + READ_S
        while True:
            left = asyncio.get_running_loop().time() < latest
            try:
                answer = await self.cafe.http.get(url + path, params=dict(params))
            except httpx.HTTPError as error:
                if not left:
                    raise BookError(book, f"cannot be read: {error!r}") from error
            else:
                if answer.is_success:
                    found: Mapping[str, Any] = answer.json()
                    return found
                if answer.status_code < 500 or not left:
                    raise BookError(book, f"answered {answer.status_code}: {answer.text[:300]}")
            await asyncio.sleep(0.2)  # before the page is asked for again


@dataclass
class Verdict:
    """All that can be said against the run."""

    report: Report
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


async def judge(cafe: Cafe, promises: Promises, since: datetime, *, patience: timedelta) -> Verdict:
    """Wait until nothing is under way, then compare promises and books."""
    window = Window(since - timedelta(seconds=1), datetime.now(UTC) + timedelta(seconds=1))
    collector = Collector(Reader(cafe))
    timing = Timing(settle=timedelta(0), stuck_after=timedelta(hours=1), wait=patience)
    report = await Auditor(collector, timing).audit(window)
    verdict = Verdict(report)
    blame = verdict.faults.append
    for finding in report.findings:
        blame(finding.sentence)
    if report.pending:
        blame(f"{report.pending} orders did not come to an end")
    await _promises_kept(collector, window, promises, verdict)
    await _points_add_up(cafe, collector, window, verdict)
    await _coffee_is_made_once(cafe, collector, window, verdict)
    for queue, number in cafe.parked().items():
        blame(f"{number} messages were parked in {queue}")
    return verdict


async def _promises_kept(
    collector: Collector, window: Window, promises: Promises, verdict: Verdict
) -> None:
    """Each acknowledged order is there as it was acknowledged; no more orders than were meant."""
    orders = await collector.orders(window, bounded=False)
    assert orders is not None
    known = {order.order_id: order for order in orders}
    verdict.counts.update(order.status for order in orders)
    for key, promised in promises.orders.items():
        order = known.get(promised["id"])
        if order is None:
            verdict.faults.append(f"order {promised['id']} was acknowledged and is lost")
            continue
        if order.total_minor != promised["totalMinor"]:
            verdict.faults.append(f"order {order.order_id} was acknowledged with another total")
        if key in promises.cancelled and order.status != "cancelled":
            verdict.faults.append(f"order {order.order_id} is {order.status}, it was cancelled")
    verdict.faults += [f"key {key} brought two orders" for key in promises.twice]
    if len(known) > len(promises.orders) + promises.unknown:
        verdict.faults.append(
            f"{len(known)} orders, but only {len(promises.orders)} acknowledged and"
            f" {promises.unknown} unknown"
        )


async def _points_add_up(
    cafe: Cafe, collector: Collector, window: Window, verdict: Verdict
) -> None:
    """Balances are what completed orders earned: the list of grants could agree and they not."""
    orders = await collector.orders(window, bounded=False)
    earned: Counter[str] = Counter()
    for order in orders or ():
        if order.status == "completed" and order.customer_id:
            earned[order.customer_id] += order.total_minor // 100
    for customer, points in earned.items():
        answer = await cafe.http.get(f"{cafe.book('loyalty')}/customers/{customer}")
        balance = answer.json()["balance"] if answer.is_success else answer.text[:200]
        if balance != points:
            verdict.faults.append(f"{customer} has {balance} points and earned {points}")


async def _coffee_is_made_once(
    cafe: Cafe, collector: Collector, window: Window, verdict: Verdict
) -> None:
    """The stores' tills have one ticket for each completed order, and none for any other."""
    orders = await collector.orders(window, bounded=False)
    paid = Counter(order.order_id for order in orders or () if order.status == "completed")
    loop = asyncio.get_running_loop()
    end = loop.time() + TICKETS_S
    taken: Counter[str] = Counter()
    while True:
        taken.update(await asyncio.to_thread(cafe.take_tickets))
        if taken >= paid or loop.time() > end:
            break
        await asyncio.sleep(0.5)  # before the queues are looked at again
    verdict.counts["tickets"] = taken.total()
    verdict.faults += [f"order {one} is paid and has no ticket" for one in paid - taken]
    verdict.faults += [f"order {one} has a ticket too many" for one in taken - paid]
