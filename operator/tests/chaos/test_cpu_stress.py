"""cpuStress: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import Unavailable, UserError
from cloudcafe_operator.faults.cpu_stress import LONGEST_S, CpuStress
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.ports import Ref

from tests.crash.bench import Bench
from tests.crash.worlds import NAMESPACE

BUSY = {"active": True, "owner": "somebody", "until": "noon"}


async def test_it_burns_the_share_that_was_asked_for_in_the_name_of_the_run():
    bench = Bench(CpuStress(), percent=40)
    entry = await bench.entry()
    assert (await bench.inject(entry))["story"] == "Morning Rush"
    (burning,) = bench.world.pods.stress.values()
    asked = (burning["share"], burning["seconds"], burning["owner"])
    assert asked == (0.4, LONGEST_S, entry.run_uid)


async def test_refuses_a_pod_that_is_stressed_already():
    bench = Bench(CpuStress())
    bench.world.pods.stress["10.0.0.1"] = BUSY
    with pytest.raises(UserError, match="stressed already until noon: wait"):
        await bench.entry()


async def test_somebody_elses_stress_goes_on():
    bench = Bench(CpuStress())
    entry = await bench.entry()
    await bench.inject(entry)
    bench.world.pods.stress["10.0.0.1"] = BUSY
    undone = await bench.revert(entry)
    assert undone.outcome == "Diverged"
    assert bench.world.pods.stress["10.0.0.1"] == BUSY
    assert await bench.verify(entry)


async def test_a_pod_that_is_gone_took_its_stress_along():
    bench = Bench(CpuStress())
    entry = await bench.entry()
    await bench.inject(entry)
    await bench.world.kubernetes.delete(Ref(PODS, entry.target.name, NAMESPACE))
    bench.world.recorder.forget()
    assert (await bench.revert(entry)).detail == "the pod is gone, and with it what burnt"
    assert await bench.verify(entry)
    assert bench.writes() == []


async def test_a_pod_whose_port_does_not_answer_is_asked_again_later():
    bench = Bench(CpuStress())
    entry = await bench.entry()
    await bench.inject(entry)

    def silent(*_):
        raise Unavailable("no answer")

    bench.world.admin.mount("order", silent)
    with pytest.raises(Unavailable):
        await bench.revert(entry)


async def test_what_is_no_service_of_the_cafe_is_refused():
    bench = Bench(CpuStress(), selector={"names": ["db"]})
    bench.world.kubernetes.seed(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "db", "namespace": NAMESPACE, "labels": {}},
            "status": {"phase": "Running", "podIP": "10.9.9.9"},
        }
    )
    with pytest.raises(UserError, match="is no service of the cafe"):
        await bench.entry()


def test_the_catalogue_says_that_it_ends_by_itself():
    assert "ends by itself" in CpuStress.summary
