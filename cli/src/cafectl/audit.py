"""What `cafectl audit` asks for and how it is shown; the audit itself is `cafe_ledger`'s.

The exit codes are an interface: CI and load tests end with this command.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cafe_ledger.findings import MEANINGS, Kind
from cafe_ledger.report import Report, Totals
from rich import box

from cafectl.plain import line
from cafectl.terminal import Rows

BALANCED, DAMAGED, UNKNOWN, EMPTY = 0, 1, 2, 3
SHOWN_OF_A_KIND = 10
SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The exit code and the sentence that goes with it."""

    code: int
    sentence: str


def span(text: str) -> timedelta:
    """Read `30s`, `10m`, `1h30m`, `7d`; ValueError names what would be right."""
    found = SPAN.fullmatch(text.strip())
    if not text.strip() or found is None:
        raise ValueError(f"{text!r} is no span of time: write for example 30s, 10m, 1h30m or 7d")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def moment(text: str, now: datetime) -> datetime:
    """Read a moment: `now`, a span before it (`1h`), or ISO 8601; ValueError where it is none."""
    if text.strip() == "now":
        return now
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            return now - span(text)
        except ValueError as problem:
            raise ValueError(
                f"{text!r} is no moment: write a span before now as 24h, or 2026-11-22T20:00Z"
            ) from problem
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def judge(report: Report, *, waited: bool) -> Verdict:
    """Return how the audit ends. `waited`: it was asked to wait until nothing is under way.

    0 balanced, 1 damage, 2 not to be judged yet, 3 no orders at all: silence is never green.
    """
    if report.damages:
        return Verdict(DAMAGED, f"The books do NOT balance: {report.damages} findings.")
    if report.pending and (waited or not report.judged):
        return Verdict(
            UNKNOWN,
            f"Cannot be judged yet: {report.pending} of {report.orders} orders are still under "
            "way. Wait longer with --wait, or look with --since at an earlier time.",
        )
    if not report.judged:
        return Verdict(
            EMPTY,
            "No orders were placed in that time, so nothing was compared: widen --since, or look "
            "whether --store and the URLs are those you mean.",
        )
    pending = f"; {report.pending} still under way" if report.pending else ""
    return Verdict(
        BALANCED, f"The books balance: {report.judged} orders, {report.levels} items{pending}."
    )


def remarks(report: Report) -> Iterator[str]:
    """Yield what a reader must know besides the verdict."""
    if not report.statement:
        yield (
            "Provider statement not available: charges are judged by the payment processor's own "
            "book alone. Set --provider-url or CAFE_PAYMENT_PROVIDER_URL."
        )
    if report.forgotten:
        yield (
            f"Stock was not compared for {report.forgotten} of the orders: they are so old that "
            "the inventory keeps their reservations no more. All else of them was."
        )
    if report.points_forgotten:
        yield (
            f"Points were not compared for {report.points_forgotten} of the orders: they are so "
            "old that loyalty keeps their grants no more."
        )


def stores_table(report: Report) -> Rows:
    """Return the sums, a row for each store."""
    table = Rows(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("Store", overflow="fold")
    for heading in (
        "Orders", "Sold", "Under way", "Revenue", "Charged", "Refunds", "Points", "Rows", "Damage"
    ):  # fmt: skip
        table.add_column(heading, justify="right", no_wrap=True)
    for store, totals in report.by_store().items():
        table.add_row(store, *_figures(totals, report), str(report.of_store(store)[0]))
    return table


def _figures(totals: Totals, report: Report) -> tuple[str, ...]:
    statement = report.statement
    return (
        str(totals.orders),
        str(totals.completed),
        str(totals.pending),
        money(totals.revenue),
        f"{totals.charges}: {money(totals.charged)}" if statement else "-",
        str(totals.refunded) if statement else "-",
        str(totals.points),
        str(totals.rows),
    )


def money(sums: Mapping[str, int]) -> str:
    """Return `12.50 EUR`, or several joined; currencies have two decimals here as in the menus."""
    shown = [f"{minor / 100:.2f} {name}" for name, minor in sorted(sums.items())]
    return " + ".join(shown) or "0"


def findings_text(report: Report) -> Iterator[str]:
    """Yield the findings grouped by kind, bounded: a heading, then a line for each."""
    for kind, number in report.by_kind().items():
        yield f"{kind} ({number}): {MEANINGS[kind]}"
        yield from _lines(report, kind, number)


def _lines(report: Report, kind: Kind, number: int) -> Iterator[str]:
    kept = [finding for finding in report.findings if finding.kind == kind]
    for finding in kept[:SHOWN_OF_A_KIND]:
        place = f"{finding.store_id} {finding.about}"
        yield "  " + line(f"{place}: found {finding.found}; expected {finding.expected}")
    more = number - min(len(kept), SHOWN_OF_A_KIND)
    if more:
        stores = Counter(finding.store_id for finding in kept[SHOWN_OF_A_KIND:])
        where = f", among others in {', '.join(sorted(stores)[:5])}" if stores else ""
        yield f"  and {more} more{where}; --json lists up to 20 of each store"
