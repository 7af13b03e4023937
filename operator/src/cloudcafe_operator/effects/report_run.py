"""What a stored status adds to metrics and memory. Called by `execute.py` after each store.

Durations end when they are stored: what is not in the journal yet did not happen for anybody else.
"""

from __future__ import annotations

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.observe_run import Memory
from cloudcafe_operator.ports import Clock
from cloudcafe_operator.resources.run import RunStatus


def report_stored(old: RunStatus, new: RunStatus, memory: Memory, clock: Clock) -> None:
    """Observe what became of journal entries, and of the run."""
    now = clock.monotonic()
    for index in range(len(old.journal), len(new.journal)):
        memory.captured_at[index] = now
        memory.untried.add(index)
    for index, (before, after) in enumerate(zip(old.journal, new.journal, strict=False)):
        if before.claimed_by != after.claimed_by:  # it was another's meanwhile
            memory.untried.discard(index)
        captured_at = memory.captured_at.get(index)  # unknown to a process that took it over
        if before.state == "Injecting" and after.state == "Injected" and captured_at is not None:
            metrics.inject_seconds.labels(after.fault).observe(now - captured_at)
        revert_at = new.steps[after.step].revert_at
        if before.open and not after.open and revert_at and after.undone_at:
            took = (after.undone_at - revert_at).total_seconds()
            metrics.undo_seconds.labels(after.fault).observe(took)
    if new.phase == "Finished" and old.phase != "Finished":
        metrics.runs.labels(new.verdict or "Preview").inc()
        for step in new.steps:
            if step.measures.recovered_after is not None:
                metrics.recovery_seconds.observe(step.measures.recovered_after)
