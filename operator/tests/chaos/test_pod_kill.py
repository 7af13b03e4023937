"""podKill: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.pod_kill import PodKill
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.ports import Ref

from tests.crash.bench import Bench
from tests.crash.worlds import NAMESPACE, OPTED_IN


def pod(name, **meta):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, **meta},
        "status": {"phase": "Running"},
    }


async def test_refuses_a_pod_that_nobody_would_replace():
    bench = Bench(PodKill(), selector={"names": ["alone"]})
    bench.world.kubernetes.seed(pod("alone"))
    with pytest.raises(UserError, match="no workload that would replace it: narrow the selector"):
        await bench.entry()


async def test_spares_a_pod_of_the_same_name_that_came_later():
    bench = Bench(PodKill())
    entry = await bench.entry()
    ref = Ref(PODS, entry.target.name, NAMESPACE)
    await bench.world.kubernetes.delete(ref)
    bench.world.kubernetes.seed(pod(entry.target.name))
    bench.world.recorder.forget()
    assert await bench.inject(entry) == {"already": True}
    assert bench.writes() == []


async def test_pods_of_a_deployment_are_one_group_with_its_size():
    targets = await Bench(PodKill(), selector={"names": ["order-abc-1"]}).targets()
    assert [(t.group, t.group_size, t.opted_in) for t in targets] == [("Deployment order", 3, True)]


async def test_pods_that_do_not_run_are_no_targets():
    bench = Bench(PodKill())
    bench.world.kubernetes.set_status("Pod", "order-abc-1", NAMESPACE, {"phase": "Pending"})
    assert [target.name for target in await bench.targets()] == ["order-abc-2", "order-abc-3"]


async def test_the_operator_is_marked_as_protected():
    bench = Bench(PodKill(), selector={"names": ["op"]})
    labels = {"app.kubernetes.io/name": "cloudcafe-operator"}
    bench.world.kubernetes.seed(pod("op", labels=labels))
    (target,) = await bench.targets()
    assert target.protected == "is the operator itself"


WANTED = {"spec": {"replicas": 2}}
WORKLOADS = {
    "Deployment": ("abc", "ReplicaSet", WANTED),
    "StatefulSet": ("", "StatefulSet", WANTED),
    "ReplicaSet": ("", "ReplicaSet", WANTED),
    "DaemonSet": ("", "DaemonSet", {"status": {"desiredNumberScheduled": 2}}),
}


def owned(name, workload):
    """Return a ready pod of a workload called order."""
    template, kind, _ = WORKLOADS[workload]
    owner = f"order-{template}" if template else "order"
    labels = {"app": "till"} | ({"pod-template-hash": template} if template else {})
    owners = [{"kind": kind, "name": owner, "uid": "o", "controller": True}]
    made = pod(name, labels=labels, ownerReferences=owners)
    made["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    return made


@pytest.mark.parametrize("workload", WORKLOADS)
async def test_a_workload_that_was_scaled_in_meanwhile_is_whole_with_what_it_wants(workload):
    bench = Bench(PodKill(), selector={"labels": {"app": "till"}})
    kubernetes = bench.world.kubernetes
    kubernetes.watchers.clear()  # nobody replaces anything
    for name in [key[3] for key in kubernetes.objects if key[1] == "Pod"]:
        await kubernetes.delete(Ref(PODS, name, NAMESPACE))
    kubernetes.seed(*(owned(f"till-{number}", workload) for number in range(4)))
    entry = await bench.entry()
    await bench.inject(entry)
    bench.world.clock.advance(1)
    assert not await bench.fault.healthy(entry, bench.reach)
    meta = {"name": "order", "namespace": NAMESPACE}
    kubernetes.seed(
        {"apiVersion": "apps/v1", "kind": workload, "metadata": meta} | WORKLOADS[workload][2]
    )
    assert await bench.fault.healthy(entry, bench.reach)
    for name in ("till-1", "till-2"):
        await kubernetes.delete(Ref(PODS, name, NAMESPACE))
    bench.world.clock.advance(1)
    assert not await bench.fault.healthy(entry, bench.reach)


async def test_another_namespace_must_have_opted_in_itself():
    bench = Bench(PodKill(), selector={"namespace": "other", "labels": OPTED_IN})
    bench.world.kubernetes.seed(
        pod("p", labels=OPTED_IN)
        | {"metadata": pod("p", labels=OPTED_IN)["metadata"] | {"namespace": "other"}}
    )
    (target,) = await bench.targets()
    assert (target.id, target.opted_in) == ("Pod/other/p", False)
