"""What a run would hit, call and need, from a survey. Pure; called by `execute.py`."""

from __future__ import annotations

from collections.abc import Iterable

from cloudcafe_operator.effects.survey import Faults, Survey, fault_spec
from cloudcafe_operator.planning.findings import Findings, Slot
from cloudcafe_operator.resources.run import Preview, PreviewCapacity, PreviewTarget, Target

MOST_SHOWN = 100


def build_preview(survey: Survey, faults: Faults, refusals: Iterable[str]) -> Preview:
    """Return what a run would hit, call and need. Pure."""
    findings, targets = survey.findings, []
    used: set[str] = set()
    hits = list(findings.hit())
    for slot, target in hits[:MOST_SHOWN]:
        used.add(slot.fault)
        entry = findings.spec.steps[slot.step].faults[slot.number]
        fault = faults[slot.fault]
        targets.append(
            PreviewTarget(
                step=findings.spec.steps[slot.step].name,
                fault=slot.fault,
                target=target.id,
                group=target.group,
                capacity_left=_capacity_left(findings, slot, target),
                calls=tuple(fault.calls(fault_spec(fault, entry), target)),
                refused=slot.refused.get(target.id, ""),
            )
        )
    return Preview(
        targets=tuple(targets),
        total=len(hits),
        by_chance=_by_chance(findings),
        capacity=_services_left(findings),
        iam_actions=tuple(sorted({a for name in used for a in faults[name].iam_actions})),
        rbac=tuple(sorted({verb for name in used for verb in faults[name].rbac})),
        refusals=tuple(refusals),
    )


def _by_chance(findings: Findings) -> bool:
    chosen = any(0 < len(slot.chosen) < slot.matched for slot in findings.slots)
    return chosen and findings.spec.seed is None


def _services_left(findings: Findings) -> tuple[PreviewCapacity, ...]:
    return tuple(
        PreviewCapacity(
            step=findings.spec.steps[step].name, of=f"{share.kind} {share.name}", left=share.left
        )
        for step, share in findings.shares()
    )[:MOST_SHOWN]


def _capacity_left(findings: Findings, slot: Slot, target: Target) -> str:
    if not target.group:
        return ""
    hit = {
        other.id
        for peer, other in findings.hit()
        if peer.step == slot.step and other.group == target.group
    }
    return f"{target.group_size - len(hit)} of {target.group_size}"
