"""Damage that was not seen mended yet: where its orders are, and what to look at next. Pure.

A look covers the orders of the last window only, and damage does not heal by leaving it. So of each
store the span of its damaged orders is kept. What is looked at inside of the span is cut out, and
what is found there put back: the span shrinks as far as the books were seen to agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cafe_ledger.report import Report

from cloudcafe_operator.resources.store_status import Ledger, Unmended

SECOND = timedelta(seconds=1)
Window = tuple[datetime, datetime]  # orders placed from the first moment on, before the second


@dataclass(frozen=True, slots=True)
class Seen:
    """What one audit, by its end, said of the orders of its window: by store, where they are."""

    window: Window
    damaged: Mapping[str, Unmended] = field(default_factory=dict)
    unsettled: Mapping[str, Unmended] = field(default_factory=dict)


def seen(report: Report, window: Window) -> Seen:
    """Return what a report of a window says, in whole seconds, as a status tells them."""
    first: dict[str, tuple[datetime, str]] = {}
    for one in report.findings:
        if one.placed_at is not None:
            found = one.placed_at, one.sentence
            first[one.store_id] = min(found, first.get(one.store_id, found))
    damaged = {
        store: _span(*moments, first=first[store][1] if store in first else "")
        for store, moments in report.damaged.items()
    }
    unsettled = {store: _span(*moments) for store, moments in report.unsettled.items()}
    return Seen(window, damaged, unsettled)


def remembered(ledger: Ledger | None) -> Unmended | None:
    """Return what a status says; one of an earlier release tells the window of its findings."""
    if ledger is None:
        return None
    if ledger.unmended is None and ledger.findings:
        return Unmended(since=ledger.since, until=ledger.until, first=next(iter(ledger.first), ""))
    return ledger.unmended


def accepted_until(word: str, now: datetime) -> datetime | None:
    """Return the moment of the annotation; no other word accepts anything, nor one to come."""
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and moment <= now else None


def without_accepted(one: Unmended | None, moment: datetime | None) -> Unmended | None:
    """Return what is left where damage of orders placed before a moment is to stay as it is."""
    return one if one is None or moment is None else _between(one, moment, one.until)


def renewed(old: Unmended | None, look: Seen, store_id: str) -> Unmended | None:
    """Return what is left of a store's damage after a look; what it could not judge stays."""
    since, until = look.window
    parts = [look.damaged.get(store_id)]
    if old is not None:
        if parts == [None] and (old.until <= since or old.since >= until):
            return old
        parts += [_between(old, old.since, since), _between(old, until, old.until)]
        if waits := look.unsettled.get(store_id):
            parts.append(_between(old, max(waits.since, since), min(waits.until, until)))
    left = [one for one in parts if one is not None]
    if not left:
        return None
    first = min(left, key=lambda one: one.since)
    return first.model_copy(update={"until": max(one.until for one in left)})


def next_look(
    unmended: Mapping[str, Unmended],
    found_in: Mapping[str, int],
    *,
    before: datetime,
    part: timedelta,
    number: int,
) -> Window | None:
    """Return the next orders to look at again in the round of this number, for all stores at once.

    They are where the damage begins that was found longest ago; `found_in` has the round, by store.
    None: of all that lies before the moment, the begin was found again in this round.
    """
    old = [
        (found_in.get(store, -1), one.since, store)
        for store, one in unmended.items()
        if one.since < before and found_in.get(store, -1) < number
    ]
    if not old:
        return None
    _, since, store = min(old)
    return since, min(since + part, unmended[store].until, before)


def _between(one: Unmended, since: datetime, until: datetime) -> Unmended | None:
    """Return the part of a span; what was found at its beginning is not known of later parts."""
    since, until = max(one.since, since), min(one.until, until)
    if since >= until:
        return None
    return Unmended(since=since, until=until, first=one.first if since == one.since else "")


def _span(first_placed: datetime, last_placed: datetime, *, first: str = "") -> Unmended:
    since, until = (one.replace(microsecond=0) for one in (first_placed, last_placed))
    return Unmended(since=since, until=until + SECOND, first=first)
