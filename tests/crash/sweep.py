"""Run an experiment again and again, each time with one more write going wrong, and judge it.

A plan is (number of the write, before or after it). The sweep ends with the first plan that has
no such write left, so that it covers every write there is, also those made only after a crash.
"""

from dataclasses import dataclass

from tests.crash.engines import all_finished, drive
from tests.crash.worlds import World, experiment
from tests.fakes import Died

VERDICTS = ("Passed", "Failed", "Inconclusive", "Aborted")
CLOSED = ("Reverted", "Diverged")
MOMENTS = ("before", "after")
LONGEST = 120  # writes: a run has about twenty


@dataclass
class Swept:
    """How many plans were tried, and what was found wrong."""

    plans: int
    failures: list[str]


async def sweep(fault, *, meanwhile=None, error=None, first=False, **changes):
    """Try every write. `meanwhile` is a user's act on the world; `error` replaces the kill.

    With `first` it ends with the first failure, as is enough to find a bug.
    """
    plans, failures = 0, []
    for moment in MOMENTS:
        for number in range(1, LONGEST):
            hit, problem = await attempt(
                fault, number, moment, meanwhile=meanwhile, error=error, **changes
            )
            if not hit:
                break
            plans += 1
            if problem:
                failures.append(f"{fault}, {moment} write {number} ({hit}): {problem}")
                if first:
                    return Swept(plans, failures)
    return Swept(plans, failures)


async def attempt(fault, number, moment, *, meanwhile=None, error=None, **changes):
    """Try one plan; return the write that it hit, and what was wrong afterwards."""
    world = World()
    world.kubernetes.seed(experiment(fault, **changes))
    before = world.snapshot()
    hits = []
    world.recorder.hook = _trap(world, number, moment, error, hits)
    until = meanwhile(world) if meanwhile else all_finished
    try:
        await drive(world, until=until)
    except AssertionError as stuck:
        return hits, str(stuck)[:300]
    return hits, judge(world, before, fault, gone=meanwhile is not None)


def _trap(world, number, moment, error, hits):
    seen = 0

    def hook(write, now):
        nonlocal seen
        seen += now == "before"
        if seen == number and now == moment and not hits:
            hits.append(f"{write.verb} {write.target}")
            if error:
                raise error()
            world.recorder.hook = None
            raise Died

    return hook


def judge(world, before, fault, *, gone=False):
    """Return what is wrong with a world after its run; empty: nothing."""
    after = world.snapshot()
    if not gone and after != before:
        return f"the world is not as before: {after} instead of {before}"
    count = world.injections()[fault]
    if count > 1:
        return f"injected {count} times"
    for run in world.runs():
        status = run["status"]
        if status["verdict"] not in VERDICTS:
            return f"no verdict: {status}"
        still_open = [e for e in status.get("journal", []) if e["state"] not in CLOSED]
        if still_open:
            return f"open journal: {still_open}"
        if status["verdict"] == "Passed" and not count:
            return "passed without an injection"
    return ""
