"""The audit: window by window through the books, merged into one report.

Called by `cafectl audit` and by the operator. A run over a million orders holds one window at a
time. What could still change (orders under way, messages that are late) is looked at again, and
only the windows that need it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cafe_ledger.collect import BookError, Collector, Window
from cafe_ledger.compare import Rules, compare
from cafe_ledger.report import Report
from cafe_ledger.stock import Stock

WIDEST = timedelta(hours=1)
NARROWEST = timedelta(seconds=1)
SLICE = 50  # orders compared before others on the event loop get their turn
FIRST_LOOK_S = 1.0
SLOWEST_LOOK_S = 5.0
Tell = Callable[[str], None]


def _silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When an order is judged, and how long to wait for what is under way."""

    settle: timedelta = timedelta(seconds=30)
    stuck_after: timedelta = timedelta(minutes=10)
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits. `now` and `sleep` are injected, so that tests own the time."""

    collector: Collector
    timing: Timing = Timing()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    tell: Tell = field(default=_silent)

    async def audit(self, window: Window, *, levels: bool = True) -> Report:
        """Audit a span of time; looks again at what is unsettled until `timing.wait` is over.

        Without `levels` the stock of all items, which has no time, is left out.

        Raises:
            BookError: a book cannot be read, so nothing can be said.
        """
        until = self.now() + self.timing.wait
        total = Report(statement=self.collector.statement)
        stock = Stock(self.collector, window) if levels else None
        if stock is not None:
            total.merge(await stock.counters())
        unsettled: list[tuple[Window, Report]] = []
        async for part, report in self._parts(window, stock):
            if report.may_settle:
                unsettled.append((part, report))
            else:
                total.merge(report)
            seen = total.orders + sum(one.orders for _, one in unsettled)
            self.tell(f"{seen} orders up to {part.until.isoformat(timespec='seconds')}")
        if stock is not None:
            total.merge(await stock.sales())
        pause = FIRST_LOOK_S
        while unsettled and self.now() < until:
            waiting = sum(one.pending for _, one in unsettled)
            self.tell(f"{waiting} orders still under way, {len(unsettled)} windows to settle")
            await self.sleep(pause)
            pause = min(SLOWEST_LOOK_S, pause * 2)
            unsettled = await self._again(unsettled, total)
        for _, report in unsettled:
            total.merge(report)
        return total

    async def _again(
        self, unsettled: list[tuple[Window, Report]], total: Report
    ) -> list[tuple[Window, Report]]:
        """Look at these windows once more; return those that are still not settled."""
        rest = []
        for window, _ in unsettled:
            whole = Report(statement=self.collector.statement)
            async for _, report in self._parts(window):
                whole.merge(report)
            if whole.may_settle:
                rest.append((window, whole))
            else:
                total.merge(whole)
        return rest

    async def _parts(
        self, window: Window, stock: Stock | None = None
    ) -> AsyncIterator[tuple[Window, Report]]:
        """Yield the windows in order, each as wide as its orders can be held, with its report."""
        since, width = window.since, WIDEST
        while since < window.until:
            part = replace(window, since=since, until=min(since + width, window.until))
            read_at = self.now()
            orders = await self.collector.orders(part, bounded=part.width > NARROWEST)
            if orders is None:
                width = max(NARROWEST, part.width // 2 // NARROWEST * NARROWEST)
                continue
            report = Report(statement=self.collector.statement)
            books = await self.collector.others(part, orders)
            if stock is not None:
                stock.moved(books.movements)
            rules = Rules(read_at, self.timing.settle, self.timing.stuck_after)
            for number, outcome in enumerate(compare(books, rules)):
                report.add(outcome)
                if number % SLICE == 0:
                    await asyncio.sleep(0)
            yield part, report
            since = part.until
            if len(orders) < self.collector.most / 4:
                width = min(WIDEST, width * 2)


__all__ = ["Auditor", "BookError", "Timing", "Window"]
