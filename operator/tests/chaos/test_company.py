"""Entries that go along with another: only those that were claimed as it was."""

from datetime import timedelta

from cloudcafe_operator.planning.claims import renewed
from cloudcafe_operator.planning.company import (
    TOGETHER,
    beside_injection,
    beside_undo,
    condensed,
)
from cloudcafe_operator.planning.steps import Observed, Story
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.run import JournalEntry, Run, RunSpec, RunStatus, Target

from tests.crash.worlds import experiment_spec
from tests.fakes import FakeClock

NOW = FakeClock().now()


def entry(state="Injecting", by="me", age=0.0, **changes):
    return JournalEntry(
        step=0,
        slot=changes.pop("slot", 0),
        fault="podKill",
        target=Target(id="Pod/shop/p", name="p"),
        state=state,
        claimed_by=by,
        claimed_at=NOW - timedelta(seconds=age),
        **changes,
    )


def observed(*journal, **changes):
    template = ExperimentSpec.model_validate(experiment_spec("podKill"))
    spec = RunSpec(experiment={"name": "e", "uid": "u", "generation": 1}, template=template)
    run = Run(
        name="r",
        namespace="n",
        uid="u",
        resource_version="1",
        created_at=NOW,
        spec=spec,
        status=RunStatus(journal=journal),
    )
    return Observed(run=run, now=NOW, identity="me", **changes)


def test_only_own_young_claims_of_the_same_fault_are_injected_along():
    seen = observed(
        entry(), entry(), entry(by="other"), entry(age=6), entry("Injected"), entry(slot=1)
    )
    assert beside_injection(seen, 0, 5.0) == (0, 1)


def test_one_that_was_put_off_does_not_go_along():
    seen = observed(entry(), entry(), deferred={"inject-1": 3.0})
    assert beside_injection(seen, 0, 5.0) == (0,)


def test_only_what_was_surely_injected_is_undone_along():
    seen = observed(entry("Injected"), entry("Injected"), entry(), entry("Reverted"))
    assert beside_undo(seen, 1) == (1, 0)


def test_a_crowd_goes_in_groups():
    seen = observed(*[entry("Injected")] * (TOGETHER + 1))
    assert len(beside_undo(seen, TOGETHER)) == TOGETHER


def test_one_write_renews_all_own_claims_and_takes_over_the_abandoned():
    seen = observed(entry(age=9), entry(age=9), entry(by="other", age=30), entry(by="other", age=9))
    journal = renewed(seen, 0).status.journal
    assert [(e.claimed_by, e.claimed_at == NOW) for e in journal] == [
        ("me", True),
        ("me", True),
        ("me", True),
        ("other", False),
    ]


def test_what_happened_to_many_is_one_story_that_says_how_many():
    stories = tuple(Story("Injected", f"podKill on p{n}") for n in range(5))
    ended = Story("Holding", "for 4s")
    assert condensed((*stories, ended)) == (
        Story("Injected", "podKill on p0; podKill on p1; podKill on p2 and 2 more"),
        ended,
    )
