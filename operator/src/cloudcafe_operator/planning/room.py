"""Whether a run can remember all that it has to: it is one object, and etcd bounds it. Pure.

Asked by `effects/execute.py` before a run begins and before each step's targets are stored. A run
that outgrew its object could not store any more that something is undone, so it is refused while
nothing of it is in force, by the most that it can grow to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cloudcafe_operator.planning.samples import MOST_SAMPLES
from cloudcafe_operator.resources.run import Run, Target

Json = Mapping[str, Any]
MOST_BYTES = 1_400_000  # etcd refuses more than 1,572,864, what the API server adds included
ENTRY = 500  # claim, times, state, detail
TROUBLE = 500  # what is said of an undo that fails: at most so much
SAMPLE = len(" 7199.99+60000")
STEP = 3_000  # measures, their twenty gaps included
PROBE = 400  # name and what it met last
SAID = 100_000  # the verdict, conditions, and a refusal by every check


def lacking(run: Run, captured: Iterable[tuple[Target, Json]]) -> str:
    """Say what the run would need for these targets besides those it has; empty: it has room."""
    spec = run.spec.template
    held = [(entry.target, entry.captured) for entry in run.status.journal]
    entries = [_entry(target, content) for target, content in (*held, *captured)]
    needed = (
        SAID
        + _size(run.spec.manifest())
        + len(spec.steps) * STEP
        + len(spec.steady_state.probes) * (PROBE + MOST_SAMPLES * SAMPLE)
        + sum(entries)
    )
    if needed <= MOST_BYTES:
        return ""
    return (
        f"the run would have to remember up to {needed // 1000} kB, {sum(entries) // 1000} kB of "
        f"them to undo {len(entries)} targets, and its object has room for {MOST_BYTES // 1000} "
        "kB: narrow the selectors, or make it several experiments"
    )


def _entry(target: Target, captured: Json) -> int:
    """Return the bytes of one entry; what an injection puts in place may be as long as before."""
    return ENTRY + TROUBLE + _size(target.manifest()) + 2 * _size(captured)


def _size(content: Json) -> int:
    return len(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode())
