"""What a look at all books means for a store, and a run's audit for its probe. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cafe_ledger.report import Report

from cloudcafe_operator.resources.common import format_time
from cloudcafe_operator.resources.conditions import Judgement, false, true, unknown
from cloudcafe_operator.resources.duration import seconds
from cloudcafe_operator.resources.probe import LedgerProbe
from cloudcafe_operator.resources.run import BooksAnswer, BooksOutcome
from cloudcafe_operator.resources.store_status import Ledger, Unmended

NAME = "LedgerBalanced"
SHOWN = 5
NO_STATEMENT = "the provider's statement is not available"


@dataclass(slots=True)
class Share:
    """One store's share of a look."""

    orders: int = 0
    pending: int = 0
    findings: int = 0
    first: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the books of the whole fleet; `problem` says why it came to nothing."""

    since: datetime
    until: datetime
    shares: Mapping[str, Share] = field(default_factory=dict)
    problem: str = ""
    statement: bool = True  # whether the provider's was read, too


def shares(report: Report) -> dict[str, Share]:
    """Group a report by store, in one pass: there may be thousands."""
    found: defaultdict[str, Share] = defaultdict(Share)
    for (store, _), totals in report.totals.items():
        found[store].orders += totals.orders
        found[store].pending += totals.pending
    for (store, _), number in report.counts.items():
        found[store].findings += number
    for finding in report.findings:
        first = found[finding.store_id].first
        if len(first) < SHOWN:
            first.append(finding.sentence)
    return dict(found)


def judge_ledger(look: Look | None, store_id: str, unmended: Unmended | None = None) -> Judgement:
    """Return the condition. Its words depend on the verdict only: a new look alone is no news."""
    if look is None:
        return unknown(NAME, "Waiting", "The books were not compared yet.")
    if look.problem:
        return unknown(NAME, "Unavailable", look.problem)
    share = look.shares.get(store_id, Share())
    if share.findings or unmended is not None:
        return false(NAME, "BooksDiffer", _differ(share, store_id, unmended))
    if not share.orders:
        return unknown(NAME, "NoOrders", "No orders were placed lately: nothing to compare.")
    if share.pending == share.orders:
        return unknown(NAME, "Waiting", "All orders are still under way.")
    agree = "Orders, charges, stock, points and analytics agree."
    if not look.statement:
        agree = f"Orders, payments, stock, points and analytics agree; {NO_STATEMENT}."
    return true(NAME, "Balanced", agree)


def _differ(share: Share, store_id: str, unmended: Unmended | None) -> str:
    found, first = f"{share.findings} findings", next(iter(share.first), "")
    if not share.findings and unmended is not None:
        found, first = "Damage of an earlier look is not mended", unmended.first
    # of very many findings in all, a report keeps the first
    told = f", the first: {first}" if first else ""
    return f"{found}{told}. {_command(store_id, unmended)}"


def _command(store_id: str, unmended: Unmended | None) -> str:
    """Return what shows all of it: an audit of the last hour alone would not."""
    span = ""
    if unmended is not None:
        since, until = format_time(unmended.since), format_time(unmended.until)
        span = f" --since {since} --until {until}"
    return f"Run cafectl audit --store {store_id}{span}."


def ledger_status(look: Look, store_id: str, unmended: Unmended | None = None) -> Ledger | None:
    """Return what the status keeps of a look; None where it came to nothing."""
    if look.problem:
        return None
    share = look.shares.get(store_id, Share())
    return Ledger(
        since=look.since,
        until=look.until,
        orders=share.orders,
        findings=share.findings,
        first=tuple(share.first),
        unmended=unmended,
    )


def settle_of(probe: LedgerProbe, usual: timedelta) -> timedelta:
    """Return when an order of a run counts as settled: a short objective allows no long wait."""
    return min(usual, timedelta(seconds=seconds(probe.within) / 2))


def _orders(number: int) -> str:
    return "1 order is" if number == 1 else f"{number} orders are"


def answer_of(name: str, report: Report, *, at: datetime) -> BooksAnswer:
    """Return what a ledger probe found."""
    outcome: BooksOutcome = "Balanced"
    message = ""
    if not report.statement:
        message = f"{report.orders} orders agree in the services' books; {NO_STATEMENT}"
    if report.damages:
        outcome, message = "Damaged", report.findings[0].sentence
    elif report.pending:
        outcome, message = "Pending", f"{_orders(report.pending)} still under way"
    elif not report.judged:
        outcome = "NoOrders"
        message = (
            "no orders were placed at the store during the run (those of order probes are in no "
            "book): let something order meanwhile, for example cafectl trickle"
        )
    return BooksAnswer(
        probe=name,
        outcome=outcome,
        at=at,
        orders=report.orders,
        findings=report.damages,
        message=message,
    )


def is_final(answer: BooksAnswer, report: Report | None) -> bool:
    """Whether a later look could not change the answer for the better."""
    if answer.outcome == "Damaged":
        return report is not None and not report.may_settle
    return answer.outcome in ("Balanced", "NoOrders")
