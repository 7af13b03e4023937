"""What decision 0019 says of stores whose queues have their names of before."""

import pytest
from cloudcafe_operator.planning import naming

from tests.fakes.stores import DEAD_LETTERS, QUEUE, REF, StoreWorld

OLD = {"order_queue": "-orders.fifo", "dead_letter_queue": "-orders-dlq.fifo"}
OF_BEFORE = {f"cloudcafe-default-corner{ending}" for ending in OLD.values()}


async def upgraded(monkeypatch, **spec):
    """A flagship with queues of before, in order until an operator of today has looked at it."""
    world = StoreWorld()
    with monkeypatch.context() as before:
        for name, ending in OLD.items():
            before.setattr(naming, name, f"cloudcafe-{{}}-{{}}{ending}".format)
        await world.apply(tier="flagship")
        await world.settle()
        assert world.aws.queues.keys() == OF_BEFORE
        await world.kubernetes.patch(REF, {"spec": spec})
        await world.settle()
    assert world.condition("DataTierReady")[0] == "True"
    assert world.condition("Drifted")[0] == "False"
    world.recorder.forget()
    world.restart()
    world.clock.advance(601)
    await world.settle_for(60)
    return world


def tickets_go_to(world):
    return world.cafe.stores["default.corner"]["ticketsQueue"].rpartition("/")[2]


async def test_a_store_makes_its_queues_anew_and_leaves_those_of_before(monkeypatch):
    world = await upgraded(monkeypatch)
    assert world.condition("Ready")[0] == "True"
    assert world.aws.queues.keys() == {QUEUE, DEAD_LETTERS, *OF_BEFORE}
    assert tickets_go_to(world) == QUEUE


@pytest.mark.parametrize(
    ("spec", "said", "drifting"),
    [
        ({"paused": True}, ("Unknown", "Creating"), {"CloudWatchAlarm", "CloudWatchDashboard"}),
        (
            {"managementPolicy": "Observe"},
            ("False", "Observed"),
            {"CloudWatchAlarm", "CloudWatchDashboard", "SQSQueue"},
        ),
    ],
    ids=["paused", "Observe"],
)
async def test_where_hands_are_kept_off_it_is_not_ready_until_they_are_not(
    monkeypatch, spec, said, drifting
):
    world = await upgraded(monkeypatch, **spec)
    assert world.condition("Ready")[:2] == world.condition("DataTierReady")[:2] == said
    assert world.condition("Drifted")[0] == "True"
    assert {one["kind"] for one in world.store["status"]["drift"]} == drifting
    assert [one for one in world.recorder.writes if one.api == "aws"] == []
    assert tickets_go_to(world) in OF_BEFORE  # it sells as before
    await world.kubernetes.patch(REF, {"spec": {"paused": False, "managementPolicy": "Manage"}})
    await world.settle_for(60)
    assert world.condition("Ready")[0] == "True"
    assert world.condition("Drifted")[0] == "False"
    assert tickets_go_to(world) == QUEUE


async def test_what_was_adopted_under_its_name_of_before_is_left_and_new_ones_are_made(monkeypatch):
    world = await upgraded(monkeypatch, managementPolicy="Adopt")
    assert world.condition("Ready")[0] == "True"
    assert not world.store["status"].get("adoption")
    assert world.aws.queues.keys() == {QUEUE, DEAD_LETTERS, *OF_BEFORE}
    owner = "cloudcafe.dev/owner"
    assert len({queue["tags"][owner] for queue in world.aws.queues.values()}) == 1
