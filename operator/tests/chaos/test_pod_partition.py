"""podPartition: what only this fault knows."""

from dataclasses import replace

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.pod_partition import LABEL_OF_BEFORE, LABELS, PodPartition
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.ports import Ref

from tests.crash.bench import Bench
from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import NAMESPACE, World, experiment

IN, OUT = LABELS["Ingress"], LABELS["Egress"]
POLICY = "cloudcafe-partition-ingress-egress-run-uid"
POLICY_OF_BEFORE = "cloudcafe-partition-run-uid"
SPARED = [{"key": IN, "operator": "DoesNotExist"}]


def policy(selector, **spec):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "allow-order", "namespace": NAMESPACE},
        "spec": {"podSelector": selector, **spec},
    }


@pytest.mark.parametrize(
    "selector",
    [
        {},
        {"matchLabels": {"app.kubernetes.io/name": "order"}},
        {"matchExpressions": [{"key": IN, "operator": "Exists"}]},
        {"matchExpressions": [{"key": LABEL_OF_BEFORE, "operator": "DoesNotExist"}]},
        {"matchExpressions": [{"key": "pod-template-hash", "operator": "In", "values": ["abc"]}]},
        {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["gold"]}]},
    ],
)
async def test_refuses_where_a_policy_would_still_let_traffic_through_and_names_it(selector):
    bench = Bench(PodPartition())
    bench.world.kubernetes.seed(policy(selector, ingress=[{}]))
    with pytest.raises(UserError, match="NetworkPolicy shop/allow-order would still allow"):
        await bench.entry()


@pytest.mark.parametrize(
    "made",
    [
        policy({}, policyTypes=["Ingress"]),
        policy({"matchExpressions": SPARED}, ingress=[{}]),
        policy({"matchLabels": {"app": "other"}}, ingress=[{}]),
    ],
)
async def test_a_policy_that_denies_or_spares_or_means_others_is_no_hindrance(made):
    bench = Bench(PodPartition())
    bench.world.kubernetes.seed(made)
    assert await bench.entry()


async def test_only_the_direction_that_is_cut_matters():
    bench = Bench(PodPartition(), direction="Egress")
    bench.world.kubernetes.seed(policy({}, ingress=[{}]))
    assert (await bench.entry()).captured == {"policyTypes": ["Egress"], "labels": [OUT]}


async def test_the_policy_goes_with_the_first_undo_and_each_label_with_its_own():
    bench = Bench(PodPartition())
    first, second, _ = [await bench.entry(target) for target in await bench.targets()]
    await bench.inject(first)
    await bench.inject(second)
    await bench.revert(first)
    assert await bench.verify(first)
    assert bench.world.kubernetes.find("NetworkPolicy", POLICY, NAMESPACE) is None
    assert not await bench.verify(second)  # its label is left
    await bench.revert(second)
    assert await bench.verify(second)


async def test_a_policy_that_a_late_injection_made_anew_goes_with_the_next_undo():
    bench = Bench(PodPartition())
    first, second, _ = [await bench.entry(target) for target in await bench.targets()]
    await bench.inject(first)
    await bench.revert(first)
    await bench.inject(second)
    assert not await bench.verify(second)
    await bench.revert(second)
    assert await bench.verify(first)
    assert await bench.verify(second)


@pytest.mark.parametrize("label", [IN, OUT, LABEL_OF_BEFORE])
async def test_refuses_a_pod_that_another_run_has_cut_off(label):
    bench = Bench(PodPartition())
    (target, *_) = await bench.targets()
    ref = Ref(PODS, target.name, NAMESPACE)
    await bench.world.kubernetes.patch(ref, {"metadata": {"labels": {label: "other-run"}}})
    with pytest.raises(UserError, match=r"partitioned already by run other-run$"):
        await bench.entry(target)


async def test_the_policy_denies_and_is_owned_by_the_run():
    bench = Bench(PodPartition())
    await bench.inject(await bench.entry())
    made = bench.world.kubernetes.find("NetworkPolicy", POLICY, NAMESPACE)
    assert made["metadata"]["ownerReferences"][0]["uid"] == "run-uid"
    assert made["spec"] == {
        "podSelector": {"matchLabels": {IN: "run-uid", OUT: "run-uid"}},
        "policyTypes": ["Ingress", "Egress"],
    }


async def test_two_directions_in_one_run_are_a_policy_each():
    world = World()
    one, other, *_ = sorted(pod["metadata"]["name"] for pod in _all(world, "Pod"))
    faults = [
        {"podPartition": {"selector": {"names": [name]}, "direction": direction}}
        for name, direction in ((one, "Ingress"), (other, "Egress"))
    ]
    steps = [{"name": "cut", "faults": faults, "hold": "9s", "recovery": {"within": "60s"}}]
    limits = {"maxTargets": 2, "maxPercent": 100, "maxDuration": "5m"}
    world.kubernetes.seed(experiment("podPartition", steps=steps, limits=limits))
    before = world.snapshot()
    engine = Engine(world)
    for _ in range(12):
        await engine.tick()
        world.clock.advance(1.0)
    marks = {pod["metadata"]["name"]: _marks(pod) for pod in _all(world, "Pod")}
    assert (set(marks[one]), set(marks[other])) == ({IN}, {OUT})
    specs = [policy["spec"] for policy in _all(world, "NetworkPolicy")]
    cut = [(one["podSelector"]["matchLabels"], one["policyTypes"]) for one in specs]
    assert sorted(cut, key=str) == [(marks[other], ["Egress"]), (marks[one], ["Ingress"])]
    await drive(world, until=all_finished)
    assert world.snapshot() == before


async def test_a_label_that_somebody_took_off_is_not_in_force_and_what_is_left_goes():
    bench = Bench(PodPartition())
    entry = await bench.entry()
    await bench.inject(entry)
    pod = Ref(PODS, entry.target.name, NAMESPACE)
    await bench.world.kubernetes.patch(pod, {"metadata": {"labels": {IN: None}}})
    assert not await bench.in_force(entry)
    assert not await bench.verify(entry)
    await bench.revert(entry)
    assert await bench.verify(entry)
    assert _marks(bench.world.kubernetes.find("Pod", entry.target.name, NAMESPACE)) == {}


async def test_what_an_operator_that_had_one_label_for_both_directions_cut_is_undone():
    bench = Bench(PodPartition())
    entry = await bench.entry()
    entry = replace(entry, captured={"policyTypes": entry.captured["policyTypes"]})
    await bench.inject(entry)
    assert bench.world.kubernetes.find("NetworkPolicy", POLICY_OF_BEFORE, NAMESPACE)
    pod = bench.world.kubernetes.find("Pod", entry.target.name, NAMESPACE)
    assert _marks(pod) == {LABEL_OF_BEFORE: "run-uid"}
    assert f"delete networkpolicy {POLICY_OF_BEFORE}" in bench.fault.by_hand(entry)
    await bench.revert(entry)
    assert await bench.verify(entry)
    assert _all(bench.world, "NetworkPolicy") == []


def _all(world, kind):
    return [item for key, item in world.kubernetes.objects.items() if key[1] == kind]


def _marks(pod):
    labels = pod["metadata"].get("labels", {})
    return {name: value for name, value in labels.items() if name.startswith(LABEL_OF_BEFORE)}
