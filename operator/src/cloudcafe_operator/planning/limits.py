"""The part of the checklist that keeps the blast radius: one function per limit. Pure.

Each takes the findings and returns sentences that name the field and the remedy; `checks.py` has
them in its list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from cloudcafe_operator.planning.findings import Findings
from cloudcafe_operator.planning.guards import crowd, protection
from cloudcafe_operator.planning.samples import intervals
from cloudcafe_operator.planning.words import counted
from cloudcafe_operator.resources.duration import seconds, short

MOST_ENTRIES = 500


def targets_within_limit(findings: Findings) -> Iterator[str]:
    """limits.maxTargets, step by step."""
    allowed = findings.spec.limits.max_targets
    for number, step in enumerate(findings.spec.steps):
        ids = {target.id for slot, target in findings.hit() if slot.step == number}
        if len(ids) > allowed:
            yield (
                f"step {step.name} would hit {len(ids)} targets and limits.maxTargets is "
                f"{allowed}: narrow the selector, or use mode one or fixed"
            )


def journal_has_room(findings: Findings) -> Iterator[str]:
    """A run is one object, and etcd takes no more than a megabyte and a half of it."""
    hits = sum(1 for _ in findings.hit())
    if hits > MOST_ENTRIES:
        yield (
            f"the run would hit {hits} targets in all and its journal has room for {MOST_ENTRIES}: "
            "narrow the selectors, or make it several experiments"
        )


def zones_within_limit(findings: Findings) -> Iterator[str]:
    """limits.maxZones, step by step: what is lost with one zone must be able to move."""
    allowed = findings.spec.limits.max_zones
    for number, step in enumerate(findings.spec.steps):
        hit = {target.zone for slot, target in findings.hit() if slot.step == number}
        zones = sorted(hit - {""})
        if len(zones) > allowed:
            yield (
                f"step {step.name} would hit {', '.join(zones)} and limits.maxZones is {allowed}: "
                "narrow the selector to a zone, or raise the limit"
            )


def share_within_limit(findings: Findings) -> Iterator[str]:
    """limits.maxPercent of each workload, step by step."""
    allowed = findings.spec.limits.max_percent
    hit: dict[tuple[int, str], set[str]] = defaultdict(set)
    sizes: dict[str, int] = {}
    for slot, target in findings.hit():
        if target.group:
            hit[slot.step, target.group].add(target.id)
            sizes[target.group] = max(target.group_size, 1)
    for (step, group), ids in sorted(hit.items()):
        if 100 * len(ids) > allowed * sizes[group]:
            yield (
                f"step {findings.spec.steps[step].name} would hit {len(ids)} of {sizes[group]} of "
                f"{group} and limits.maxPercent is {allowed}: hit fewer, or raise the limit"
            )


def service_keeps_enough(findings: Findings) -> Iterator[str]:
    """limits.maxServicePercent: what customers of a service lose, over all faults of a step."""
    limits, field = findings.spec.limits, "maxServicePercent"
    allowed = limits.max_service_percent
    if allowed is None:
        allowed, field = limits.max_percent, "maxPercent"
    yield from _too_much(findings, ("service", allowed, field))


def zone_keeps_enough(findings: Findings) -> Iterator[str]:
    """limits.maxZonePercent: what is lost of all that serves in one zone, in a step."""
    allowed = findings.spec.limits.max_zone_percent
    yield from _too_much(findings, ("zone", allowed, "maxZonePercent"))


def _too_much(findings: Findings, limit: tuple[str, int, str]) -> Iterator[str]:
    kind, allowed, field = limit
    for step, share in findings.shares():
        if share.kind == kind and share.exceeds(allowed):
            yield (
                f"step {findings.spec.steps[step].name} would leave {share.left} of {kind} "
                f"{share.name} and limits.{field} is {allowed}: hit fewer, or raise the limit"
            )


def time_suffices(findings: Findings) -> Iterator[str]:
    """Otherwise the deadline would abort every run."""
    spec = findings.spec
    needed = seconds(spec.steady_state.baseline) + sum(seconds(step.hold) for step in spec.steps)
    if needed >= seconds(spec.limits.max_duration):
        yield (
            f"baseline and holds take {needed:g}s and limits.maxDuration is "
            f"{spec.limits.max_duration}: raise it, or hold for a shorter time"
        )


def recovery_is_sampled(findings: Findings) -> Iterator[str]:
    """A recovery that is promised sooner than anybody looks could not be kept, however fast."""
    for step in findings.spec.steps:
        within = step.recovery.within
        for name, every in intervals(findings.spec).items():
            if every > seconds(within):
                yield (
                    f"step {step.name} promises recovery within {within}, and probe {name} is "
                    f"asked every {short(every)}: ask it more often, or promise more"
                )


def faults_outlast_holds(findings: Findings) -> Iterator[str]:
    """Recovery is counted from an undo, which must have something to undo."""
    for slot in findings.slots:
        step = findings.spec.steps[slot.step]
        if slot.ends_after is not None and seconds(step.hold) >= slot.ends_after:
            yield (
                f"step {step.name} holds for {step.hold} and {slot.fault} ends by itself after "
                f"{short(slot.ends_after)}: hold for less, or give it a longer duration if it "
                "takes one"
            )


def holds_are_long_enough(findings: Findings) -> Iterator[str]:
    """Who is to be served while the faults are in force must not be by their undo."""
    for step in findings.spec.steps:
        wanted = step.recovery
        if wanted.while_in_force and seconds(step.hold) < seconds(wanted.within):
            yield (
                f"step {step.name} holds for {step.hold} and promises recovery within "
                f"{wanted.within} while its faults are in force: hold for as long, or promise less"
            )


def stores_are_not_protected(findings: Findings) -> Iterator[str]:
    """spec.chaos.protectedHours of the stores that are touched."""
    if why := protection(findings.guards, findings.reach, findings.now):
        yield f"{why}: run it later"


def stores_are_not_crowded(findings: Findings) -> Iterator[str]:
    """spec.chaos.maxConcurrent of the stores that are touched."""
    for guard, runs in crowd(findings.guards, findings.reach, findings.others):
        yield (
            f"store {guard.store} bears {counted(guard.chaos.max_concurrent or 0, 'run')} at once "
            f"(its spec.chaos.maxConcurrent) and is touched by {', '.join(runs)}: wait for the end"
        )
