"""Of what a run makes or marks on AWS everybody can tell whose run it was, and in which cluster."""

import pytest
from cloudcafe_operator.faults.aws_tags import RUN_TAG
from cloudcafe_operator.faults.registry import faults

from tests.crash.bench import Bench
from tests.crash.worlds import FAULTS
from tests.fakes.stores import CLUSTER

MARKING = {"azNetworkPartition", "kinesisThrottle", "nlbTargetLoss", "securityGroupLockdown"}
OF_KINESIS = "cloudcafe.dev/chaos-run"


async def marks(name):
    """Return a run's entry, and the writes to AWS that put its mark on, as text."""
    bench = Bench(faults()[name])
    entry = await bench.entry()
    await bench.inject(entry)
    said = [str(one.body) for one in bench.world.recorder.writes if one.api == "aws"]
    return entry, [body for body in said if RUN_TAG in body or OF_KINESIS in body]


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_whoever_puts_a_runs_mark_on_tells_the_cluster_in_the_same_call(name):
    _, found = await marks(name)
    assert bool(found) == (name in MARKING)
    assert all(CLUSTER in body for body in found)


@pytest.mark.parametrize("name", sorted(MARKING - {"nlbTargetLoss"}))  # its tag's name has the run
async def test_what_tells_the_cluster_tells_of_which_run_it_does(name):
    entry, found = await marks(name)
    assert all(f"{CLUSTER}/{entry.run_uid}" in body for body in found)
