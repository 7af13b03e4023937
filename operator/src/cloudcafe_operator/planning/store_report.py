"""The status of a store as a whole, and the events that tell its changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cloudcafe_operator.planning.opening import Timetable
from cloudcafe_operator.planning.store_drift import shown
from cloudcafe_operator.planning.store_extras import cost_of
from cloudcafe_operator.planning.store_finding import Finding
from cloudcafe_operator.planning.store_status import (
    judge_data_tier,
    judge_drift,
    judge_menu,
    judge_paused,
    judge_ready,
    judge_watch,
    list_resources,
)
from cloudcafe_operator.planning.store_world import Observed, Wanted
from cloudcafe_operator.resources.conditions import (
    Condition,
    Judgement,
    false,
    get_condition,
    set_conditions,
    true,
    unknown,
)
from cloudcafe_operator.resources.store import CafeStoreSpec
from cloudcafe_operator.resources.store_status import CafeStoreStatus, Ledger, NextRush, OrderPath

FINE_WHEN_FALSE = ("Drifted", "Paused")
TYPES = (
    "DataTierReady", "MenuSynced", "OrderPathVerified", "LedgerBalanced", "Watched",
    "Drifted", "Paused",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """One event to publish."""

    reason: str
    message: str
    kind: Literal["Normal", "Warning"]


def in_place(wanted: Wanted, finding: Finding) -> bool:
    """Whether all that a purchase needs is there."""
    judged = (
        judge_data_tier(wanted, finding),
        judge_menu(wanted, finding),
    )
    return all(status == "True" for _, status, _, _ in judged)


def status_of(  # noqa: PLR0913 - the one place where all findings meet
    spec: CafeStoreSpec,
    wanted: Wanted,
    finding: Finding,
    *,
    old: CafeStoreStatus,
    path: tuple[Judgement, OrderPath | None],
    ledger: tuple[Judgement, Ledger | None],
    times: Timetable,
    generation: int,
    now: datetime,
) -> CafeStoreStatus:
    """Return the whole status."""
    drift = shown(finding.differences, wanted, old.drift, now)
    others = (
        judge_data_tier(wanted, finding),
        judge_menu(wanted, finding),
        path[0],
        ledger[0],
        judge_watch(wanted, finding),
        judge_drift(spec, drift),
        judge_paused(spec),
    )
    ready = judge_ready(spec, times, others)
    peak = times.peak if spec.accepting_orders else None
    return CafeStoreStatus(
        observed_generation=generation,
        store_id=wanted.store_id,
        accepting_orders=_accepting(finding.observed),
        open=times.opening.is_open,
        next_change=times.opening.changes_at if spec.accepting_orders else None,
        next_rush=peak
        and NextRush(
            name=peak.name,
            start=peak.when.start,
            end=peak.when.end,
            orders_per_minute=peak.orders_per_minute,
        ),
        conditions=set_conditions(old.conditions, (ready, *others), generation=generation, now=now),
        resources=list_resources(wanted, finding.observed),
        drift=drift,
        adoption=finding.adoption,
        applied=dict(finding.applied),
        order_path=path[1],
        ledger=ledger[1],
        cost_estimate=cost_of(spec),
    )


def with_unknown_fields(status: CafeStoreStatus, fields: Sequence[str]) -> CafeStoreStatus:
    """Say in Ready which fields of the spec this operator is too old to obey."""
    if not fields:
        return status
    said = f"{', '.join(fields)}: no effect, this operator is older than the definition: upgrade it"
    conditions = tuple(
        one.model_copy(update={"message": f"{one.message} {said}".strip()})
        if one.type == "Ready"
        else one
        for one in status.conditions
    )
    return status.model_copy(update={"conditions": conditions})


def refused_status(
    old: CafeStoreStatus, error: Exception, *, generation: int, now: datetime
) -> CafeStoreStatus:
    """Return the status of a store whose spec cannot be served: the rest is unknown."""
    judged = [false("Ready", "InvalidSpec", str(error))]
    judged += [unknown(type_, "InvalidSpec") for type_ in TYPES]
    conditions = set_conditions(old.conditions, judged, generation=generation, now=now)
    return old.model_copy(update={"conditions": conditions, "observed_generation": generation})


def tell(old: Sequence[Condition], new: Sequence[Condition]) -> list[Story]:
    """Return the events of what changed: each condition that got an answer, or another one."""
    stories = []
    for condition in sorted(new, key=lambda one: one.type == "Ready"):  # it ends the story
        before = get_condition(old, condition.type)
        same = before and (before.status, before.reason) == (condition.status, condition.reason)
        if same or condition.status == "Unknown":
            continue
        fine = (condition.status == "False") == (condition.type in FINE_WHEN_FALSE)
        if fine and condition.type in FINE_WHEN_FALSE and not (before and before.status == "True"):
            continue  # it was never otherwise
        reason = condition.type if condition.status == "True" else condition.reason
        message = condition.message or f"{condition.type} is {condition.status}"
        stories.append(Story(reason, message, "Normal" if fine else "Warning"))
    return [story for story in stories if story.kind == "Normal"] + _once(stories)


def _once(stories: Sequence[Story]) -> list[Story]:
    """Ready repeats what another condition says: one warning of each sentence is enough."""
    warnings: list[Story] = []
    for story in stories:
        heard = any(story.message in one.message or one.message in story.message
                    for one in warnings)  # fmt: skip
        if story.kind == "Warning" and not heard:
            warnings.append(story)
    return warnings


def _accepting(observed: Observed) -> bool:
    store = observed.store
    return isinstance(store, dict) and bool(store.get("acceptingOrders"))


def as_told(old: Sequence[Condition], type_: str) -> Judgement | None:
    """Return an old condition as a judgement, whatever its answer was."""
    found = get_condition(old, type_)
    return (found.type, found.status, found.reason, found.message) if found else None


def previous(old: Sequence[Condition], type_: str) -> Judgement | None:
    """Return an old condition as a judgement, if it had an answer."""
    found = get_condition(old, type_)
    if found is None or found.status == "Unknown":
        return None
    make = true if found.status == "True" else false
    return make(type_, found.reason, found.message)
