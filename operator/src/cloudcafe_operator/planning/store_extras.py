"""The parts that a store may have beside its queues and secret, and what they come to. Pure.

`EXTRAS` is the whole list: a new kind is its own file and one entry here (docs/recipes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeGuard

from cloudcafe_operator.planning.store_alarms import ALARMS, alarm_arn
from cloudcafe_operator.planning.store_cost import estimate
from cloudcafe_operator.planning.store_dashboards import DASHBOARD
from cloudcafe_operator.planning.store_owner import owned
from cloudcafe_operator.planning.store_parts import (
    ChangePart,
    Live,
    Lives,
    Part,
    PartArea,
    Tags,
    Thing,
    plan_part,
)
from cloudcafe_operator.planning.store_table import TABLE
from cloudcafe_operator.planning.store_world import (
    CHAOS_TAG,
    Identity,
    Observed,
    Platform,
    Queue,
    Trouble,
    Wanted,
)
from cloudcafe_operator.resources.store import CafeStoreSpec
from cloudcafe_operator.resources.store_status import CostEstimate, OwnedResource

OPTIONAL = (CHAOS_TAG,)
EXTRAS: tuple[Part, ...] = (ALARMS, DASHBOARD, TABLE)


def wanted_extras(
    spec: CafeStoreSpec, identity: Identity, platform: Platform, tags: Tags
) -> dict[PartArea, tuple[Thing, ...]]:
    """Return what a store has of each part."""
    return {part.area: part.wanted(spec, identity, platform, tags) for part in EXTRAS}


def plan_extras(wanted: Wanted, observed: Observed) -> list[ChangePart]:
    """Return what can be done now for all parts."""
    steps: list[ChangePart] = []
    for part in EXTRAS:
        live = getattr(observed, part.area)
        if is_known(live) and (part is TABLE or _has_queues(wanted, observed)):
            steps += plan_part(
                part,
                wanted.extras[part.area],
                live,
                ours=lambda tags: owned(tags, wanted),
                ours_before=lambda tags: _was_owned(tags, wanted),
                optional_tags=OPTIONAL,
            )
    return [_with_arn(step, observed.queue) for step in steps]


def _was_owned(tags: Tags, wanted: Wanted) -> bool:
    """Whether it was this store's before it adopted anything."""
    return owned(tags, replace(wanted, adopting=False))


def _with_arn(step: ChangePart, queue: Queue | Trouble | None) -> ChangePart:
    """Tell the ARN of an alarm that is made: the answer of CloudWatch does not."""
    if step.area == "alarms" and step.what == "create" and isinstance(queue, Queue):
        return replace(step, arn=alarm_arn(queue.arn, step.name))
    return step


def _has_queues(wanted: Wanted, observed: Observed) -> bool:
    """Whether what alarms and dashboard look at is there, and is the store's."""
    queues = (observed.queue, observed.dead_letters)
    return all(isinstance(one, Queue) and owned(one.tags, wanted) for one in queues)


def has_all(wanted: Wanted, observed: Observed, area: str) -> bool:
    """Whether all that is wanted of a part is there; other areas have no such things."""
    live = getattr(observed, area)
    things = next((wanted.extras[part.area] for part in EXTRAS if part.area == area), ())
    return not things or (is_known(live) and all(thing.name in live for thing in things))


def absent(wanted: Wanted, observed: Observed) -> Iterator[tuple[PartArea, str]]:
    """Yield what is wanted and not there, where that could be looked at."""
    for area, things in wanted.extras.items():
        live = getattr(observed, area)
        if is_known(live):
            yield from ((area, thing.name) for thing in things if thing.name not in live)


def extras_of_ours(wanted: Wanted, observed: Observed) -> Iterator[tuple[Part, Thing, Live]]:
    """Yield what is wanted, there, and ours."""
    for part in EXTRAS:
        live = getattr(observed, part.area)
        for thing in wanted.extras[part.area]:
            found = live.get(thing.name) if is_known(live) else None
            if found and owned(found.tags, wanted):
                yield part, thing, found


def list_extras(wanted: Wanted, observed: Observed) -> tuple[OwnedResource, ...]:
    """Return a row for each thing that is wanted, or that is there and ours."""
    rows = []
    for part in EXTRAS:
        live = getattr(observed, part.area)
        known: Lives = live if is_known(live) else {}
        unseen = "Missing" if is_known(live) else "Unknown"
        names = {thing.name: None for thing in wanted.extras[part.area]}
        for name in {**names, **dict.fromkeys(known)}:
            found = known.get(name)
            state = found.state if found else unseen
            if found and name not in names:
                if not _was_owned(found.tags, wanted):
                    continue
                state = "Kept" if part.kept else "Leaving"
            arn = found.arn if found else ""
            rows.append(OwnedResource(kind=part.kind, name=name, arn=arn, state=state))
    return tuple(rows)


def orders_table(wanted: Wanted, observed: Observed) -> dict[str, str | None]:
    """Return what the order service must know: the table that exists for a flagship's orders.

    What cannot be looked at now is as the service knows it.
    """
    if not is_known(observed.table):
        store = observed.store
        known = store.get("ordersTable") if isinstance(store, Mapping) else None
        return {"ordersTable": known}
    ours = (thing for part, thing, _ in extras_of_ours(wanted, observed) if part is TABLE)
    return {"ordersTable": next((thing.name for thing in ours), None)}


def cost_of(spec: CafeStoreSpec) -> CostEstimate:
    """Return what a store costs for being there."""
    return estimate(line for part in EXTRAS for line in part.cost(spec))


def is_known(live: Lives | Trouble | None) -> TypeGuard[Lives]:
    """Whether a part was looked at and could be read."""
    return isinstance(live, Mapping)
