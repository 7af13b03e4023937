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
    """Return the writes to AWS that put a run's mark on, as text."""
    bench = Bench(faults()[name])
    await bench.inject(await bench.entry())
    said = [str(one.body) for one in bench.world.recorder.writes if one.api == "aws"]
    return [body for body in said if RUN_TAG in body or OF_KINESIS in body]


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_whoever_puts_a_runs_mark_on_tells_the_cluster_in_the_same_call(name):
    found = await marks(name)
    assert bool(found) == (name in MARKING)
    assert all(CLUSTER in body for body in found)
