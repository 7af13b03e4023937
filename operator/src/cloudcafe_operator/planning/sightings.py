"""What it makes of a run's status that its targets were seen in force, or whole again. Pure.

`effects/look_run.py` uses these for what it read; the other outcomes are in `outcomes.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from cloudcafe_operator.planning import outcomes
from cloudcafe_operator.planning.steps import Observed, Store, Story, with_entry
from cloudcafe_operator.resources.duration import short


def in_force(observed: Observed, seen: Sequence[int]) -> Store:
    """Note that faults were seen to have taken effect."""
    status, stories = observed.status, []
    for index in seen:
        status = with_entry(status, index, in_force_at=observed.now)
        entry = status.journal[index]
        after = (observed.now - (entry.injected_at or observed.now)).total_seconds()
        message = f"{entry.fault} on {entry.target.name}, {short(after)} after its injection"
        stories.append(Story("InForce", message))
    return Store(status, tuple(stories))


def at_the_end(observed: Observed, seen: Sequence[int], gone: Sequence[int]) -> Store:
    """End the hold with what its last look found.

    An entry that nobody had time to look at before is in force now; one that was, and is not any
    more, has lapsed.
    """
    journal = observed.status.journal
    noted = in_force(observed, [index for index in seen if journal[index].in_force_at is None])
    lapsed = [index for index in gone if journal[index].in_force_at is not None]
    ended = outcomes.start_undo(observed, noted.status, lapsed)
    return Store(ended.status, (*noted.stories, *ended.stories))


def healthy(observed: Observed, seen: Sequence[int]) -> Store:
    """Note that targets were seen whole again."""
    status, stories = observed.status, []
    for index in seen:
        status = with_entry(status, index, healthy_at=observed.now)
        entry = status.journal[index]
        if status.steps[status.step].momentary:
            after = (observed.now - (entry.injected_at or observed.now)).total_seconds()
            message = f"{entry.target.group or entry.target.name} is whole after {short(after)}"
            stories.append(Story("WholeAgain", message))
    return Store(status, tuple(stories))
