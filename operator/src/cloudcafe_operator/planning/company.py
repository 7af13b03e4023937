"""Which journal entries go along with one that is injected or undone, where targets share nothing.

Asked by `effects/execute.py` for faults whose targets are apart. All entries that come back were
stored as Injecting and claimed before, exactly as the one that they accompany. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cloudcafe_operator.planning.claims import is_ours
from cloudcafe_operator.planning.moments import claim
from cloudcafe_operator.planning.steps import Observed, Store, Story, deferred
from cloudcafe_operator.resources.run import JournalEntry

TOGETHER = 100  # a whole step; no write begins once the claim is too old
MOST_TOLD = 3


class Folded:
    """Outcomes of one step after each other, as one write."""

    def __init__(self, observed: Observed) -> None:
        self.observed = observed
        self._stories: tuple[Story, ...] = ()
        self._changed = False

    def add(self, outcome: Store | None) -> None:
        """Let the next outcome start from this one."""
        if outcome is None:
            return
        run = self.observed.run.model_copy(update={"status": outcome.status})
        self.observed = replace(self.observed, run=run)
        self._stories += outcome.stories
        self._changed = True

    @property
    def store(self) -> Store | None:
        """All of them together; None where there was nothing to store."""
        if not self._changed:
            return None
        return Store(self.observed.run.status, self._stories)


def beside_injection(observed: Observed, index: int, claim_s: float) -> tuple[int, ...]:
    """Return the entry and others of its fault that this process may inject now."""

    def may(one: int, entry: JournalEntry) -> bool:
        young = observed.since(claim(one), entry.claimed_at) < claim_s
        return is_ours(entry, observed.identity) and young

    return _company(observed, index, "inject", may)


def beside_undo(observed: Observed, index: int) -> tuple[int, ...]:
    """Return the entry and others of its fault whose injection is known to be over."""
    return _company(observed, index, "undo", lambda _, entry: entry.state == "Injected")


def _company(
    observed: Observed, index: int, effect: str, may: Callable[[int, JournalEntry], bool]
) -> tuple[int, ...]:
    journal = observed.run.status.journal
    first = journal[index]
    others = [
        other
        for other, entry in enumerate(journal)
        if other != index
        and (entry.step, entry.slot) == (first.step, first.slot)
        and may(other, entry)
        and deferred(observed, f"{effect}-{other}") <= 0
    ]
    return (index, *others[: TOGETHER - 1])


def condensed(stories: tuple[Story, ...]) -> tuple[Story, ...]:
    """Tell what happened to many targets at once in one event: the first few, and how many."""
    told: dict[tuple[str, str], list[str]] = {}
    for story in stories:
        told.setdefault((story.reason, story.kind), []).append(story.message)
    return tuple(
        Story(reason, _first(messages), kind)  # type: ignore[arg-type] # as they came
        for (reason, kind), messages in told.items()
    )


def _first(messages: list[str]) -> str:
    more = len(messages) - MOST_TOLD
    said = "; ".join(messages[:MOST_TOLD])
    return f"{said} and {more} more" if more > 0 else said
