"""What becomes of a run whose work somebody else did first. Pure; used by `effects/execute.py`.

A fault that finds its target changed "already" cannot know by whom, and after a crash it was this
very run. So the process that stored the capture remembers that nobody has tried the entry yet, and
only what is found at that first try is somebody else's; found at any later try, or by a process
that took the entry over, it counts as the run's own.
"""

from __future__ import annotations

from cloudcafe_operator.planning.steps import Observed, Store, Story, with_entry

ALREADY = "already"  # in what `inject` returns: the change was there, and no call was made


def forestalled(observed: Observed, index: int) -> Store:
    """Note that somebody else was first: the run says nothing about its fault then."""
    status = with_entry(observed.status, index, forestalled_at=observed.now)
    entry = status.journal[index]
    said = f"somebody else did {entry.fault} to {entry.target.name}, or removed it"
    return Store(status, (Story("Forestalled", said, "Warning"),))
