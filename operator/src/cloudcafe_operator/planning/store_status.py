"""From what was found to what a store's status says. Pure.

Each `judge_*` answers one condition; Ready is the last, made of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.manifests.store import is_ours
from cloudcafe_operator.planning.opening import Timetable
from cloudcafe_operator.planning.store import owned, queue_drift, with_redrive
from cloudcafe_operator.planning.store_steps import CAFE, DATA_TIER, Area, Step
from cloudcafe_operator.planning.store_world import (
    AwsSecret,
    Observed,
    Queue,
    Trouble,
    Wanted,
)
from cloudcafe_operator.resources.conditions import Judgement, false, true, unknown
from cloudcafe_operator.resources.store import CafeStoreSpec
from cloudcafe_operator.resources.store_status import Drift, OwnedResource


def judge_data_tier(wanted: Wanted, observed: Observed, todo: Sequence[Step]) -> Judgement:
    """Queues, secret and the Kubernetes objects made of them."""
    name = "DataTierReady"
    taken = someone_elses(wanted, observed)
    if taken:
        return false(
            name,
            "OwnedBySomeoneElse",
            f"{taken} exists and is not this store's: rename the store, or remove it if it is "
            "not needed",
        )
    fine = true(name, "Ready", "Queues, secret and the till's key are in place.")
    return _judge(fine, DATA_TIER, observed, todo)


def judge_menu(observed: Observed, todo: Sequence[Step]) -> Judgement:
    """Store, menu and stock at the cafe's services."""
    fine = true("MenuSynced", "Ready", "The services know the store, its menu and its stock.")
    return _judge(fine, CAFE, observed, todo)


def judge_drift(spec: CafeStoreSpec, drift: Sequence[Drift]) -> Judgement:
    """Settings that somebody changed by hand."""
    if spec.drift_policy == "Ignore":
        return false("Drifted", "Ignored", "spec.driftPolicy is Ignore")
    if not drift:
        return false("Drifted", "NoDrift", "")
    found = "; ".join(f"{one.resource} {one.field}: {one.got}, not {one.want}" for one in drift)
    return true("Drifted", "Drifted", f"{found}. Set spec.driftPolicy: Correct to put it right.")


def judge_paused(spec: CafeStoreSpec) -> Judgement:
    """Whether the operator keeps its hands off."""
    if spec.paused:
        return true("Paused", "Paused", "spec.paused is true: nothing is changed.")
    return false("Paused", "NotPaused", "")


def judge_ready(spec: CafeStoreSpec, times: Timetable, others: Iterable[Judgement]) -> Judgement:
    """Ready means that a coffee could be bought; at night it is proved without guests."""
    if not spec.accepting_orders:
        return false("Ready", "NotAcceptingOrders", "spec.acceptingOrders is false.")
    for type_, status, reason, message in others:
        if type_ in ("DataTierReady", "MenuSynced", "OrderPathVerified") and status != "True":
            said = f"{type_}: {message}" if message else type_
            return "Ready", status, reason, said
    if not times.opening.is_open:
        return true("Ready", "Closed", f"A coffee could be bought; it {times.closed_reason}.")
    return true("Ready", "Ready", "A coffee was bought.")


def find_drift(
    wanted: Wanted, observed: Observed, old: Sequence[Drift], now: datetime
) -> tuple[Drift, ...]:
    """Return what differs, keeping since when it was known."""
    since = {(one.resource, one.field): one.since for one in old}
    found = []
    dead_letters, queue = observed.dead_letters, observed.queue
    pairs = [(wanted.dead_letters, dead_letters)]
    if isinstance(dead_letters, Queue):
        pairs.append((with_redrive(wanted.queue, dead_letters), queue))
    for want, live in pairs:
        if isinstance(live, Queue) and owned(live.tags, wanted):
            found += [(want.name, name, *both) for name, both in queue_drift(want, live).items()]
    moment = now.replace(microsecond=0)
    return tuple(
        Drift(
            resource=resource,
            field=field,
            want=want,
            got=got,
            since=since.get((resource, field), moment),
        )
        for resource, field, want, got in found
    )


def list_resources(wanted: Wanted, observed: Observed) -> tuple[OwnedResource, ...]:
    """Return what exists for the store, as `kubectl describe` shows it."""
    name = wanted.identity.name
    rows: tuple[tuple[str, str, object], ...] = (
        ("SQSQueue", wanted.queue.name, observed.queue),
        ("SQSQueue", wanted.dead_letters.name, observed.dead_letters),
        ("SecretsManagerSecret", wanted.secret, observed.secret),
        ("Secret", naming.till(name), observed.till),
        ("ConfigMap", naming.config(name), observed.config),
    )
    return tuple(
        OwnedResource(kind=kind, name=called, arn=_arn(live), state=_state(live))
        for kind, called, live in rows
    )


def someone_elses(wanted: Wanted, observed: Observed) -> str:
    """Return the name of a resource of ours that is taken, or nothing."""
    for aws_name, live in (
        (wanted.queue.name, observed.queue),
        (wanted.dead_letters.name, observed.dead_letters),
        (wanted.secret, observed.secret),
    ):
        if isinstance(live, Queue | AwsSecret) and not owned(live.tags, wanted):
            return aws_name
    for kind, name, manifest in (
        ("Secret", naming.till(wanted.identity.name), observed.till),
        ("ConfigMap", naming.config(wanted.identity.name), observed.config),
    ):
        known = manifest if manifest and not isinstance(manifest, Trouble) else None
        if known and not is_ours(known, wanted.identity.uid):
            return f"{kind} {name}"
    return ""


def troubles(observed: Observed, areas: Iterable[Area]) -> list[Trouble]:
    """Return what could not be read or changed."""
    found = (getattr(observed, area) for area in areas)
    return [one for one in found if isinstance(one, Trouble)]


def _judge(
    fine: Judgement, areas: Sequence[Area], observed: Observed, todo: Sequence[Step]
) -> Judgement:
    """Return what stands in the way of these parts, else `fine`."""
    type_ = fine[0]
    in_trouble = troubles(observed, areas)
    if in_trouble:
        first = in_trouble[0]
        return false(type_, first.reason, first.message)
    missing = [area for area in areas if getattr(observed, area) is None]
    if missing or any(step.area in areas for step in todo):
        waiting = ", ".join(missing) or "changes"
        return unknown(type_, "Creating", f"Still to do: {waiting.replace('_', ' ')}.")
    return fine


def _state(live: object) -> str:
    if isinstance(live, Trouble):
        return "Unknown"
    return "Ready" if live else "Missing"


def _arn(live: object) -> str:
    return live.arn if isinstance(live, Queue | AwsSecret) else ""
