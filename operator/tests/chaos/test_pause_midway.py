"""What `next_step` says of a pause in the middle of a step, whatever its journal looks like."""

from datetime import timedelta

from cloudcafe_operator.planning.claims import OWN_CLAIM_S
from cloudcafe_operator.planning.run import next_step
from cloudcafe_operator.planning.steps import Observed, Store, Wait
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.run import (
    JournalEntry,
    Run,
    RunSpec,
    RunStatus,
    StepStatus,
    Target,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.crash.worlds import FAULTS, experiment_spec
from tests.fakes import FakeClock

NOW = FakeClock().now()
HOLD_S = 30.0
FIRST = {
    "name": "first",
    "faults": [{"dynamodbThrottle": FAULTS["dynamodbThrottle"]}],
    "hold": "30s",
}


def entry(step, state, by, age):
    return JournalEntry(
        step=step,
        slot=0,
        fault="dynamodbThrottle",
        target=Target(id="table", name="table"),
        state=state,
        claimed_by=by,
        claimed_at=NOW - timedelta(seconds=age),
    )


ENTRIES = st.builds(
    entry,
    st.just(1),
    st.sampled_from(["Injecting", "Injecting", "Injected"]),
    st.sampled_from(["me", "me", "other"]),
    st.floats(0, 2 * HOLD_S),
)


@st.composite
def paused(draw):
    """A paused run that is injecting its second step; what it captured may be tried or not."""
    journal = (entry(0, "Reverted", "me", 99.0), *draw(st.lists(ENTRIES, min_size=1, max_size=4)))
    steps = [FIRST, {**FIRST, "name": "second"}]
    template = ExperimentSpec.model_validate(experiment_spec("dynamodbThrottle") | {"steps": steps})
    run = Run(
        name="r",
        namespace="n",
        uid="u",
        resource_version="1",
        created_at=NOW,
        held=True,
        spec=RunSpec(experiment={"name": "e", "uid": "u", "generation": 1}, template=template),
        status=RunStatus(
            phase="Injecting",
            step=1,
            journal=journal,
            steps=tuple(StepStatus(name=one["name"]) for one in steps),
        ),
    )
    untried = draw(st.frozensets(st.integers(0, len(journal)), max_size=len(journal) + 1))
    everything = frozenset(range(len(journal)))
    untried = draw(st.sampled_from([untried, everything]))
    return Observed(run=run, now=NOW, identity="me", paused=True, untried=untried)


def surely_untouched(observed):
    mine = list(enumerate(observed.run.status.journal))[1:]
    return all(
        one.state == "Injecting" and one.claimed_by == "me" and index in observed.untried
        for index, one in mine
    )


@given(paused())
def test_a_pause_begins_nothing_and_only_waits_where_nothing_can_be_in_force(observed):
    step, before = next_step(observed), observed.run.status
    assert isinstance(step, Wait | Store)
    ages = [(NOW - one.claimed_at).total_seconds() for one in before.journal[1:]]
    if surely_untouched(observed):
        assert isinstance(step, Store) is (min(ages) >= OWN_CLAIM_S)
        if isinstance(step, Store):
            assert (step.status.phase, step.status.journal) == ("Injecting", before.journal[:1])
    else:
        assert isinstance(step, Store) is (max(ages) >= HOLD_S)
        if isinstance(step, Store):
            assert (step.status.phase, step.status.journal) == ("Reverting", before.journal)
