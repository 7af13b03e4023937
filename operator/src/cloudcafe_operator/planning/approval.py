"""A human's yes between steps. Pure; used by `run.py`.

People may change experiments and never runs, so the yes is an annotation on the experiment that
names the run and the step: an old one does not count for the next run.
"""

from __future__ import annotations

from datetime import timedelta

from cloudcafe_operator.planning import outcomes
from cloudcafe_operator.planning.measure import served_again
from cloudcafe_operator.planning.precedence import Desire
from cloudcafe_operator.planning.steps import (
    Observed,
    Step,
    Store,
    Story,
    Wait,
    changed,
    with_step,
)
from cloudcafe_operator.resources.duration import seconds
from cloudcafe_operator.resources.run import RunStatus

APPROVED = "cloudcafe.dev/approved"
LOOK_AGAIN_S = 1.0


def approved_steps(annotation: str, run: str) -> frozenset[str]:
    """Return the steps of a run that an annotation `run/step,run/step` agrees to."""
    pairs = (item.strip().rpartition("/") for item in annotation.split(","))
    return frozenset(step for named, _, step in pairs if named == run and step)


def begin_step(observed: Observed, status: RunStatus, step: int, *stories: Story) -> Store:
    """Go to a step: to its injection, or to the question whether it may begin."""
    spec = observed.run.spec.template
    status = changed(
        status, step=step, phase_since=observed.now, fault=outcomes.fault_names(spec, step)
    )
    approval, name = spec.steps[step].approval, spec.steps[step].name
    if approval is None:
        return Store(changed(status, phase="Injecting"), stories)
    status = with_step(status, step, approval_asked_at=observed.now)
    run, experiment = observed.run.name, observed.run.spec.experiment.name
    asked = (
        f"{name}: {approval.message or 'may it begin?'} To agree within {approval.within}: "
        f"kubectl annotate --overwrite chaosexperiment {experiment} {APPROVED}={run}/{name}"
    )
    return Store(changed(status, phase="Approving"), (*stories, Story("ApprovalNeeded", asked)))


def approving(observed: Observed, wish: Desire) -> Step:
    """Wait for the yes, and for users who are served: it was given for a system that is well."""
    status = observed.run.status
    wanted = observed.run.spec.template.steps[status.step]
    asked, within = status.steps[status.step].approval_asked_at, wanted.approval
    if wish.kind == "Pause":
        return Wait(LOOK_AGAIN_S)
    agreed = wanted.name in observed.approved
    since = outcomes.since(status, asked)
    if agreed and served_again(observed.run.spec.template, observed.settled, since):
        now = observed.now
        new = with_step(observed.status, status.step, approved_at=now)
        story = Story("Approved", f"step {wanted.name} may begin")
        return Store(changed(new, phase="Injecting", phase_since=now), (story,))
    if asked and within and observed.now >= asked + timedelta(seconds=seconds(within.within)):
        why = "users were not served meanwhile" if agreed else "nobody agreed"
        message = f"step {wanted.name} was not begun: {why} within {within.within}"
        return outcomes.stop(observed, "NotApproved", message)
    return Wait(LOOK_AGAIN_S)
