"""What is wrong with a run or the world after a round over real processes."""

import json

from tests.crash.sweep import CLOSED, VERDICTS


def is_over(item):
    """Whether a run or an experiment says Finished and may go."""
    finished = (item.get("status") or {}).get("phase") == "Finished"
    return finished and not item["metadata"].get("finalizers")


def has_injected(run):
    """Whether anything was seen to be injected."""
    journal = (run.get("status") or {}).get("journal", ())
    return any(entry.get("injectedAt") for entry in journal)


def wrong(run):
    """Return what is wrong with a run; empty: nothing."""
    status = (run or {}).get("status") or {}
    if status.get("verdict") not in VERDICTS:
        return f"no verdict: {json.dumps(status)[:900]}"
    if run["metadata"].get("finalizers"):
        return "its finalizer is left"
    still_open = [e for e in status.get("journal", []) if e["state"] not in CLOSED]
    if still_open:
        return f"open journal: {still_open}"
    if status["verdict"] == "Passed" and not status.get("journal"):
        return "passed without an injection"
    return ""


def miscounted(usual, counts, run):
    """Say what was injected more often than ever, or was not where the verdict says Passed."""
    for key, count in counts.items():
        if count > usual[key]:
            return f"injected {count} times instead of {usual[key]}: {key[:300]}"
    status = (run or {}).get("status") or {}
    if usual and status.get("verdict") == "Passed" and not any(counts.values()):
        return f"passed without an injection: {json.dumps(status['journal'])[:900]}"
    return ""


def injecting(writes):
    """Return the writes between storing `Injecting` and storing `Injected`."""
    found, begun = [], False
    for write in writes:
        if "/status" in write.what and "chaosruns" in write.what:
            states = {e["state"] for e in json.loads(write.body)["status"].get("journal", ())}
            begun = states == {"Injecting"} if states else begun
        elif begun:
            found.append(write)
    return found


def difference(now, before):
    """Say what is different, and nothing else."""
    if isinstance(now, dict):
        keys = sorted(key for key in {*now, *before} if now.get(key) != before.get(key))
        return str({key: (now.get(key), "instead of", before.get(key)) for key in keys})[:1500]
    return f"{[x for x in now if x not in before]} not {[x for x in before if x not in now]}"[:1500]
