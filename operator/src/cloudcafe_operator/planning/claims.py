"""The sole right to touch an entry whose injection may be under way. Pure; asked by `run.py`.

A claim is stored under resourceVersion, so only one process can have it; one that lost it to
another finds its own store refused.
"""

from __future__ import annotations

from cloudcafe_operator.planning.moments import claim
from cloudcafe_operator.planning.steps import Observed, Step, Store, Wait, changed
from cloudcafe_operator.resources.run import JournalEntry

OWN_CLAIM_S = 5.0  # our own claim is renewed before an injection when it is older


def is_ours(entry: JournalEntry, identity: str) -> bool:
    """Whether this process alone has the right to inject an entry that nobody stored as Injected.

    What it remembers of its own acts is all that can have happened only while that is so.
    """
    return entry.state == "Injecting" and entry.claimed_by == identity


def claimed(observed: Observed, index: int, own_s: float) -> Step | None:
    """Return how to get an entry's claim, or a younger one than so many seconds.

    None: it is ours, and may be acted on.
    """
    entry = observed.run.status.journal[index]
    age = observed.since(claim(index), entry.claimed_at)
    if entry.claimed_by == observed.identity:
        if age < own_s:
            return None
    elif age < observed.claim_seconds:
        return Wait(min(1.0, observed.claim_seconds - age))
    return renewed(observed, index)


def renewed(observed: Observed, index: int) -> Store:
    """Claim an entry, and with it all of its step that are ours or nobody's any more.

    One write for all: a step of a hundred targets takes longer than a claim is good for.
    """
    status, now = observed.status, observed.now
    step = status.journal[index].step

    def mine(one: int, entry: JournalEntry) -> bool:
        old = observed.since(claim(one), entry.claimed_at) >= observed.claim_seconds
        ours = entry.claimed_by == observed.identity
        return entry.step == step and entry.state == "Injecting" and (ours or old)

    new = {"claimed_by": observed.identity, "claimed_at": now}
    journal = tuple(
        entry.model_copy(update=new) if mine(one, entry) else entry
        for one, entry in enumerate(status.journal)
    )
    return Store(changed(status, journal=journal))
