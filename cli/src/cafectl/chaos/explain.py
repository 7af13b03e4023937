"""What a fault does, what a reason means, why a run ended as it did and what to do about it. Pure.

The catalogue is generated from the operator's code by `make generate`; what a refusal means is
there too. What a verdict asks of a reader stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cafectl import plain
from cafectl.catalogue import catalogue
from cafectl.chaos.view import Run

VERDICTS = {
    "Passed": "The baseline was steady, the fault was seen in force, users were served again "
    "within the objective, and the undo was read back.",
    "Failed": "The fault did what it should, and users were not served again in time, or what "
    "they bought does not stand in all books.",
    "Inconclusive": "Nothing can be said: nothing was touched, the fault was not seen in force, "
    "the probes had no answers meanwhile, or the system was not steady to begin with.",
    "Aborted": "It was ended before its time, and undone.",
}
#: Reasons of the run itself; those of its checklist are in the catalogue.
REASONS = {
    "BaselineNotSteady": (
        "A probe failed before anything was broken.",
        "Repair what the probe met first: nothing was touched.",
    ),
    "Halted": (
        "The halt lever was pulled.",
        "Lift it with cafectl resume, then run the experiment again.",
    ),
    "StopCondition": (
        "A stop condition held, or nobody could tell whether it did, so it was undone early.",
        "Look at the stop condition's probe in the timeline; hit fewer targets or mend the system.",
    ),
    "ProtectedHours": (
        "The protected hours of a store that it touched began, so it was undone.",
        "Start it earlier, or at another time: kubectl get cafestore -o yaml shows spec.chaos.",
    ),
    "DeadlineExceeded": (
        "The run took longer than limits.maxDuration.",
        "Look in the journal for what took so long; raise limits.maxDuration or hold for less.",
    ),
    "Deleted": ("The run or its experiment was deleted.", "Apply the experiment again."),
    "NotApproved": (
        "Nobody approved the next step in time.",
        "Run it again, and approve with cafectl approve.",
    ),
    "UndoFailing": (
        "An undo is refused by what it should mend; it is tried again and again.",
        "Run the command of the message, or remove what hinders it.",
    ),
}
FAILED = (
    "Look where the timeline stays red: that part did not heal by itself. Mend it, or raise the "
    "objective if that recovery is good enough."
)
NOT_IN_FORCE = (
    "The call was accepted and had no effect that could be seen: hold for longer than the effect "
    "needs, or look whether the targets are in use at all."
)
NOT_NOTICED = (
    "No probe tells whether users were hit: hold for longer than the probes need to notice, see "
    "that whom they ask answers and that the targets are in use, then run it again."
)
DIVERGED = "Somebody changed a target meanwhile and their value was kept: look whether it is right."


def remedy(run: Run) -> str:
    """Return what a reader can do about how the run ended; nothing where it passed."""
    status = run.status
    if status.verdict in {"", "Passed"}:
        return ""
    if status.stop:
        known = REASONS.get(status.stop.reason)
        return known[1] if known else "Nothing was touched: correct it and run it again."
    if status.verdict == "Failed":
        return FAILED
    if any(entry.state == "Diverged" for entry in status.journal):
        return DIVERGED
    if not status.journal:
        return ""
    in_force = all(entry.in_force_at for entry in status.journal)
    noticed = all(one.measures.noticed_after is not None for one in run.steps if one.injected_at)
    return NOT_NOTICED if in_force and not noticed else NOT_IN_FORCE


def overview() -> Iterator[str]:
    """Yield all that can be explained."""
    faults = catalogue()["faults"]
    yield "Faults:"
    width = max(map(len, faults))
    for name, fault in faults.items():
        yield f"  {name:<{width}}  {fault['summary']}"
    yield ""
    yield "Verdicts: " + ", ".join(VERDICTS)
    yield "Reasons of runs: " + ", ".join(sorted([*REASONS, *catalogue()["reasons"]]))
    yield "Reasons of stores: " + ", ".join(sorted(catalogue()["storeReasons"]))
    yield ""
    yield "cafectl explain NAME tells more of any of them, and of a run."


def explain(name: str) -> list[str] | None:
    """Return what is known of a fault, a verdict or a reason; None where it is none of them."""
    if name in catalogue()["faults"]:
        return list(_fault(name, catalogue()["faults"][name]))
    if name in VERDICTS:
        return [f"{name}: {VERDICTS[name]}"]
    if name in REASONS:
        return [f"{name}: {REASONS[name][0]}", REASONS[name][1]]
    if name in catalogue()["storeReasons"]:
        return list(_of_a_store(name, **catalogue()["storeReasons"][name]))
    meaning = catalogue()["reasons"].get(name)
    if meaning is None:
        return None
    return [
        f"{name}: {meaning}",
        "A refusal before anything is touched; its message names the field and the remedy.",
    ]


def _of_a_store(name: str, meaning: str, remedy: str) -> Iterator[str]:
    yield f"{name}: of a store's condition: {meaning}."
    if remedy:
        yield f"What to do: {remedy}."


def verdict(run: Run) -> list[str]:
    """Explain how a run ended."""
    status = run.status
    lines = [f"{run.name}: {status.verdict or status.phase}. {status.message}"]
    if status.verdict:
        lines.append(VERDICTS.get(status.verdict, ""))
    stop = status.stop
    if stop:
        known = REASONS.get(stop.reason, (catalogue()["reasons"].get(stop.reason, ""), ""))
        lines.append(f"{stop.reason}: {known[0]}".removesuffix(": "))
    lines += [f"{entry.target.name}: {entry.trouble}" for entry in status.journal if entry.trouble]
    lines.append(remedy(run))
    return [plain.line(one) for one in lines if one]


def _fault(name: str, fault: Mapping[str, Any]) -> Iterator[str]:
    yield f"{name}: {fault['summary']}"
    yield ""
    yield str(fault["about"])
    yield ""
    yield "Fields:"
    width = max(len(field["name"]) for field in fault["fields"])
    for field in fault["fields"]:
        default = f" (default {field['default']})" if field["default"] else ""
        yield f"  {field['name']:<{width}}  {field['meaning']}{default}"
    yield ""
    if fault["irreversible"]:
        yield f"Undo: none; it {fault['irreversible']}. Name it in consent[] to agree."
    elif fault["momentary"]:
        yield "Undo: nothing to restore; recovery counts from the injection."
    else:
        yield "Undo: what was captured is restored, unless somebody else changed it meanwhile."
    for heading, key in (("IAM", "iam"), ("RBAC", "rbac")):
        if fault[key]:
            yield f"{heading}: {', '.join(fault[key])}"
    yield f"Who may: verb inject on faults.cloudcafe.dev, resource name {name}"
    if fault["scenarios"]:
        yield f"Try it: cafectl preview {fault['scenarios'][0]}"
