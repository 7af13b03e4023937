"""The checklist that a run passes before it touches anything. Pure.

Each check takes the findings and returns a sentence that names the field and the remedy, or
nothing. All are gone through, so that a user sees every reason at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cloudcafe_operator.planning import limits
from cloudcafe_operator.planning.experiment import CREATED_BY, CREATED_BY_GROUPS
from cloudcafe_operator.planning.fence import host_of, namespace_of, refused_url, urls
from cloudcafe_operator.planning.findings import Findings, Slot

PROTECTED_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")
OPT_IN = "cloudcafe.dev/chaos"
MOST_SAID = 10
PROBES = "cloudcafe.dev/probes"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run must not start; `reason` goes into a condition and an event."""

    reason: str
    message: str


def faults_are_known(findings: Findings) -> Iterator[str]:
    """The one-of of the CRD has it, unless the operator is older than the CRD."""
    for slot in findings.slots:
        if not slot.known:
            known = ", ".join(findings.known_faults)
            yield f"{_where(slot)}.{slot.fault} is no fault of this operator: use one of {known}"


def arguments_are_right(findings: Findings) -> Iterator[str]:
    """What only the fault itself can judge."""
    for slot in findings.slots:
        if slot.problem:
            yield f"{_where(slot)}.{slot.fault}: {slot.problem}"


def something_matches(findings: Findings) -> Iterator[str]:
    """A run that touches nothing must not look like one that survived."""
    for slot in findings.slots:
        if slot.known and not slot.problem and not slot.chosen:
            yield (
                f"{_where(slot)}.{slot.fault}.selector matches nothing: "
                "correct it, or create what it should match"
            )


def targets_opted_in(findings: Findings) -> Iterator[str]:
    """Chaos is opt-in: the owner of the target says so, not the author of the experiment."""
    for _, target in findings.hit():
        if not target.opted_in:
            owner = (
                f"namespace {target.namespace}: kubectl label namespace {target.namespace} "
                if target.namespace
                else f"{target.name}: tag it "
            )
            yield f"{target.id} did not opt in: ask the owner of {owner}{OPT_IN}=allowed"


def system_is_spared(findings: Findings) -> Iterator[str]:
    """Without its own system namespaces a cluster cannot undo anything."""
    for slot, target in findings.hit():
        if target.namespace in PROTECTED_NAMESPACES:
            yield (
                f"{_where(slot)}.{slot.fault}.selector reaches {target.id}: {target.namespace} is "
                "never a target, choose another namespace"
            )


def operator_is_spared(findings: Findings) -> Iterator[str]:
    """Whoever undoes must not be broken."""
    for slot, target in findings.hit():
        if target.protected:
            yield (
                f"{_where(slot)}.{slot.fault}.selector reaches {target.id}, which "
                f"{target.protected}: narrow the selector"
            )


def creator_reaches(findings: Findings) -> Iterator[str]:
    """An experiment must not be a way into namespaces its author could not break."""
    if findings.out_of_reach and not findings.author:
        yield (
            "the selector reaches beyond the experiment's namespace, and its author is not known: "
            "this cluster writes none down, so name yourself in the annotations "
            f"{CREATED_BY} and {CREATED_BY_GROUPS} (a line for each group)"
        )
        return
    for name in sorted(findings.out_of_reach):
        if not name:
            yield (
                "the selector reaches what all namespaces depend on, and the author may not inject "
                "in all of them: bind the ClusterRole cloudcafe-chaos by a ClusterRoleBinding"
            )
            continue
        yield (
            f"the selector's namespace {name} is not the experiment's ({findings.namespace}) and "
            f"its author may not inject there: grant verb inject on faults.cloudcafe.dev in {name}"
        )


def consent_is_given(findings: Findings) -> Iterator[str]:
    """What cannot be undone must be agreed to by name."""
    for slot in findings.slots:
        if slot.irreversible and slot.fault not in findings.spec.consent:
            yield f"{slot.fault} {slot.irreversible}: add {slot.fault} to consent[] to agree"


def probes_are_fenced(findings: Findings) -> Iterator[str]:
    """A probe must not read the node's credentials, the operator's ports or others' services."""
    for where, url in urls(findings.spec):
        host = host_of(url)
        namespace = namespace_of(host)
        if why := refused_url(url):
            yield f"{where} points at {host or url}, {why}: probe a service by its name"
        elif namespace in findings.closed_to_probes:
            yield (
                f"{where} points into namespace {namespace}: ask its owner to agree with kubectl "
                f"label namespace {namespace} {PROBES}=allowed"
            )


def stop_conditions_are_safe(findings: Findings) -> Iterator[str]:
    """What would stop the run at once, or what nobody could read, is no stop condition."""
    for probe, why in findings.unsafe.items():
        yield f"stopWhen[] rests on probe {probe}, which is not good now: {why}"


def nobody_else_holds(findings: Findings) -> Iterator[str]:
    """Two runs on one target would undo each other's values."""
    for _, target in findings.hit():
        holder = findings.busy.get(target.id)
        if holder:
            yield f"{target.id} is held by run {holder}: wait until that run is finished"


def capture_agrees(findings: Findings) -> Iterator[str]:
    """What each fault itself refuses, for example a single-instance cluster."""
    for slot in findings.slots:
        for target, why in slot.refused.items():
            yield f"{slot.fault} on {target}: {why}"


CHECKS: tuple[tuple[str, Callable[[Findings], Iterator[str]]], ...] = (
    ("UnknownFault", faults_are_known),
    ("InvalidFault", arguments_are_right),
    ("NoTargets", something_matches),
    ("SystemNamespace", system_is_spared),
    ("OperatorTargeted", operator_is_spared),
    ("NotAllowed", creator_reaches),
    ("NotOptedIn", targets_opted_in),
    ("TooManyTargets", limits.targets_within_limit),
    ("TooManyInAll", limits.journal_has_room),
    ("TooManyZones", limits.zones_within_limit),
    ("TooLargeShare", limits.share_within_limit),
    ("TooMuchOfService", limits.service_keeps_enough),
    ("TooMuchOfZone", limits.zone_keeps_enough),
    ("TooShort", limits.time_suffices),
    ("HoldTooLong", limits.faults_outlast_holds),
    ("HoldTooShort", limits.holds_are_long_enough),
    ("SampledTooSeldom", limits.recovery_is_sampled),
    ("ConsentMissing", consent_is_given),
    ("ProbeRefused", probes_are_fenced),
    ("StopConditionUnsafe", stop_conditions_are_safe),
    ("TargetBusy", nobody_else_holds),
    ("StoreProtected", limits.stores_are_not_protected),
    ("StoreBusy", limits.stores_are_not_crowded),
    ("CaptureRefused", capture_agrees),
)


def refusals(findings: Findings) -> tuple[Refusal, ...]:
    """Go through the whole checklist; of many sentences of one check the first are said."""
    return tuple(
        Refusal(reason, message)
        for reason, check in CHECKS
        for message in _first(tuple(dict.fromkeys(check(findings))))
    )


def _first(messages: tuple[str, ...]) -> tuple[str, ...]:
    more = len(messages) - MOST_SAID
    return (*messages[:MOST_SAID], f"and {more} more like it") if more > 0 else messages


def _where(slot: Slot) -> str:
    return f"steps[{slot.step}].faults[{slot.number}]"
