"""From what was found to what a store's status says. Pure.

Each `judge_*` answers one condition; Ready is the last, made of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.opening import Timetable
from cloudcafe_operator.planning.store_adoption import ask
from cloudcafe_operator.planning.store_extras import has_all, list_extras
from cloudcafe_operator.planning.store_finding import Finding
from cloudcafe_operator.planning.store_owner import nobodys, someone_elses
from cloudcafe_operator.planning.store_steps import CAFE, DATA_TIER, WATCH, Area
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

MOST_TOLD = 3


def judge_data_tier(wanted: Wanted, finding: Finding) -> Judgement:
    """Queues, secret and the Kubernetes objects made of them."""
    name, observed = "DataTierReady", finding.observed
    if taken := someone_elses(wanted, observed):
        return false(
            name,
            "OwnedBySomeoneElse",
            f"{taken} and is never touched: rename the store, or have its owner remove it",
        )
    free = nobodys(wanted, observed)
    if finding.adoption and (free or finding.adoption.word != wanted.terms.word):
        return false(name, "AwaitingAdoption", ask(wanted, finding.adoption))
    if free and wanted.terms.management != "Observe":
        return false(
            name,
            "Unowned",
            f"{', '.join(free)} exists and has no owner: spec.managementPolicy: Adopt shows what "
            "taking it over would change; or remove it, or rename the store",
        )
    fine = true(name, "Ready", "Queues, secret and the till's key are in place.")
    return _judge(fine, DATA_TIER, wanted, finding)


def judge_menu(wanted: Wanted, finding: Finding) -> Judgement:
    """Store, menu and stock at the cafe's services."""
    fine = true("MenuSynced", "Ready", "The services know the store, its menu and its stock.")
    return _judge(fine, CAFE, wanted, finding)


def judge_watch(wanted: Wanted, finding: Finding) -> Judgement:
    """Alarms and dashboard: who looks after the store sees and hears of it."""
    name = "Watched"
    if taken := someone_elses(wanted, finding.observed, WATCH):
        return false(
            name,
            "OwnedBySomeoneElse",
            f"{taken} and is never touched: rename the store, or have its owner remove it",
        )
    fine = true(name, "Ready", "Its alarms are set, and its dashboard where it has one.")
    return _judge(fine, WATCH, wanted, finding)


def judge_drift(spec: CafeStoreSpec, drift: Sequence[Drift]) -> Judgement:
    """Settings that somebody changed by hand."""
    if spec.drift_policy == "Ignore" and not drift:
        return false("Drifted", "Ignored", "spec.driftPolicy is Ignore")
    if not drift:
        return false("Drifted", "NoDrift", "")
    first = [f"{one.resource} {one.field}: {one.got}, not {one.want}" for one in drift[:MOST_TOLD]]
    more = f" and {len(drift) - MOST_TOLD} more" if len(drift) > MOST_TOLD else ""
    remedy = "Set spec.driftPolicy: Correct to put it right."
    if spec.management_policy == "Observe":
        remedy = "spec.managementPolicy is Observe: nothing is put right."
    return true("Drifted", "Drifted", f"{'; '.join(first)}{more}. {remedy}")


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
    own = (
        OwnedResource(kind=kind, name=called, arn=_arn(live), state=_state(live))
        for kind, called, live in rows
    )
    return (*own, *list_extras(wanted, observed))


def troubles(observed: Observed, areas: Iterable[Area]) -> list[Trouble]:
    """Return what could not be read or changed."""
    found = (getattr(observed, area) for area in areas)
    return [one for one in found if isinstance(one, Trouble)]


def _judge(fine: Judgement, areas: Sequence[Area], wanted: Wanted, finding: Finding) -> Judgement:
    """Return what stands in the way of these parts, else `fine`."""
    type_, observed = fine[0], finding.observed
    in_trouble = troubles(observed, areas)
    if in_trouble:
        first = in_trouble[0]
        return false(type_, first.reason, first.message)
    missing = [
        area
        for area in areas
        if getattr(observed, area) is None or not has_all(wanted, observed, area)
    ]
    waiting = ", ".join(missing).replace("_", " ")
    if missing and wanted.terms.management == "Observe":
        said = f"Missing: {waiting}. spec.managementPolicy is Observe: nothing is made."
        return false(type_, "Observed", said)
    if missing or any(step.area in areas for step in finding.todo):
        return unknown(type_, "Creating", f"Still to do: {waiting or 'changes'}.")
    return fine


def _state(live: object) -> str:
    if isinstance(live, Trouble):
        return "Unknown"
    return "Ready" if live else "Missing"


def _arn(live: object) -> str:
    return live.arn if isinstance(live, Queue | AwsSecret) else ""
