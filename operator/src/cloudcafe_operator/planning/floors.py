"""What follows when an owner changes the least that a dial may have. Pure.

Terraform ignores the numbers that rushes turn, so a lower floor comes by the tag alone. A number
says not who set it: the old floor is what the tag said before, which is remembered, and what
somebody set above it by hand is another number, which is kept. Used by `effects/capacity.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from cloudcafe_operator.planning.capacity import RAISED_ONLY, Dial, Entry, Journal, resting

Floors = Mapping[str, float]  # by dial: what its tag said at the last look


def follow_floors(
    dials: Sequence[Dial], journal: Journal, floors: Floors, unread: Collection[str] = ()
) -> tuple[Journal, Floors]:
    """Return the journal by which dials follow their floors, and the floors to remember.

    Both are to be stored together, before anything is turned.
    """
    entries = dict(journal)
    known = {dial.key for dial in dials}
    kept = {
        key: floor
        for key, floor in floors.items()
        if key in known or key.partition(" ")[2] in unread
    }
    at_once = {
        dial.arn: resting(dial, journal.get(dial.key))
        for dial in dials
        if dial.kind == "lambdaPoller"
    }
    for dial in dials:
        if not _tells(dial):
            continue
        before = kept.setdefault(dial.key, dial.least)
        # no less is reserved than its queue may use: what is polled in vain counts as tried
        queue = at_once.get(dial.arn, 0) if dial.kind == "lambda" else 0
        floor = kept[dial.key] = max(dial.least, min(before, queue))
        entry = entries.get(dial.key)
        if entry is None and dial.now == before != floor:
            entries[dial.key] = Entry(name=dial.name, was=floor, ours=(dial.now,))
        elif entry is not None and entry.was == before:
            seen = entry.seen and floor == before  # ours may be the floor now: it was not put back
            entries[dial.key] = entry.model_copy(update={"was": floor, "seen": seen})
    return entries, kept


def _tells(dial: Dial) -> bool:
    """Say whether a dial's floor counts now: none is 0, and one of a stopped function may wait."""
    stopped = dial.kind == "lambda" and dial.now == 0  # who starts it puts the old number back
    return dial.takes_part and dial.least > 0 and dial.kind not in RAISED_ONLY and not stopped
