"""eksNodeDrain: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import Retry, UserError
from cloudcafe_operator.faults.eks_node_drain import MARK, EksNodeDrain
from cloudcafe_operator.kinds import NODES
from cloudcafe_operator.ports import Ref

from tests.crash.bench import Bench
from tests.crash.engines import all_finished, drive
from tests.crash.pods import LABELS, OPTED_IN, node
from tests.crash.worlds import NAMESPACE, World, experiment

NODE = Ref(NODES, "node-1")


def pod(name, labels=(), kind="ReplicaSet", namespace=NAMESPACE, on="node-1"):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": dict(labels),
            "ownerReferences": [{"kind": kind, "name": "a", "uid": "u", "controller": True}],
        },
        "spec": {"nodeName": on},
        "status": {"phase": "Running"},
    }


def budget(allowed, selector):
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "order", "namespace": NAMESPACE},
        "spec": {"selector": selector},
        "status": {"disruptionsAllowed": allowed},
    }


def cordoned(bench):
    return bool(bench.world.kubernetes.find("Node", "node-1")["spec"].get("unschedulable"))


STAYING = {
    "of a DaemonSet": pod("stays", kind="DaemonSet"),
    "static": pod("stays", kind="Node"),
    "the operator's": pod("stays", {"app.kubernetes.io/name": "cloudcafe-operator"}),
    "whose owner forbade it": pod("stays", {"cloudcafe.dev/chaos": "forbidden"}),
    "of a namespace that did not opt in": pod("stays", namespace="other"),
}


@pytest.mark.parametrize("what", STAYING)
async def test_a_pod_stays_that_is(what):
    bench = Bench(EksNodeDrain(), selector={"names": ["node-1"]})
    bench.world.kubernetes.seed(STAYING[what])
    entry = await bench.entry()
    assert entry.captured["pods"] == 1
    await bench.inject(entry)
    meta = STAYING[what]["metadata"]
    assert bench.world.kubernetes.find("Pod", "stays", meta["namespace"])
    assert await bench.in_force(entry)


async def test_the_node_of_the_operator_is_no_candidate_and_refused_by_name():
    operator = pod("op", {"app.kubernetes.io/name": "cloudcafe-operator"}, namespace="cloudcafe")
    bench = Bench(EksNodeDrain())
    bench.world.kubernetes.seed(operator)
    assert [target.name for target in await bench.targets()] == ["node-2", "node-3"]
    bench = Bench(EksNodeDrain(), selector={"names": ["node-1"]})
    bench.world.kubernetes.seed(operator)
    (target,) = await bench.targets()
    assert target.protected == "carries the operator"


async def test_control_planes_and_nodes_that_are_not_ready_take_no_pods():
    bench = Bench(EksNodeDrain())
    taints = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    bench.world.kubernetes.seed(node("control") | {"spec": {"taints": taints}})
    bench.world.kubernetes.seed(node("broken") | {"status": {}})
    targets = await bench.targets()
    assert [(one.name, one.group_size) for one in targets] == [
        ("node-1", 3),
        ("node-2", 3),
        ("node-3", 3),
    ]


async def test_an_owner_that_does_not_control_the_pod_is_no_trouble():
    bench = Bench(EksNodeDrain(), selector={"names": ["node-1"]})
    owned = pod("owned")
    owned["metadata"]["ownerReferences"].append({"kind": "Node", "name": "b", "uid": "v"})
    bench.world.kubernetes.seed(owned)
    assert (await bench.entry()).captured["pods"] == 2


async def test_the_only_node_is_refused():
    bench = Bench(EksNodeDrain())
    for name in ("node-2", "node-3"):
        await bench.world.kubernetes.delete(Ref(NODES, name))
    with pytest.raises(UserError, match="the only node that takes pods"):
        await bench.entry()


SELECTORS = {
    "labels": {"matchLabels": LABELS},
    "an expression": {
        "matchExpressions": [
            {"key": "app.kubernetes.io/name", "operator": "In", "values": ["order", "menu"]},
            {"key": "app.kubernetes.io/name", "operator": "NotIn", "values": ["menu"]},
            {"key": "app.kubernetes.io/name", "operator": "Exists"},
            {"key": "canary", "operator": "DoesNotExist"},
        ]
    },
    "everything": {},
}


@pytest.mark.parametrize("by", SELECTORS)
async def test_a_drain_that_a_budget_forbids_is_refused_beforehand(by):
    bench = Bench(EksNodeDrain())
    bench.world.kubernetes.seed(budget(0, SELECTORS[by]))
    with pytest.raises(UserError, match="budget order in namespace shop allows no disruption now"):
        await bench.entry()


async def test_a_budget_of_others_and_one_with_room_forbid_nothing():
    bench = Bench(EksNodeDrain())
    bench.world.kubernetes.seed(budget(0, {"matchLabels": {"app": "other"}}))
    assert await bench.entry()
    bench.world.kubernetes.seed(budget(1, {"matchLabels": LABELS}))
    assert await bench.entry()


async def test_a_pod_that_nobody_would_replace_is_refused():
    bench = Bench(EksNodeDrain())
    alone = pod("alone")
    del alone["metadata"]["ownerReferences"]
    bench.world.kubernetes.seed(alone)
    with pytest.raises(UserError, match="nobody would replace shop/alone of Node/node-1"):
        await bench.entry()


async def test_waits_for_a_budget_and_goes_on():
    bench = Bench(EksNodeDrain())
    entry = await bench.entry()
    bench.world.kubernetes.seed(budget(0, {}))
    with pytest.raises(Retry, match="1 pods of Node/node-1 wait for their budgets"):
        await bench.inject(entry)
    assert cordoned(bench)
    assert not await bench.in_force(entry)
    bench.world.kubernetes.set_status(
        "PodDisruptionBudget", "order", NAMESPACE, {"disruptionsAllowed": 1}
    )
    await bench.inject(entry)
    assert await bench.in_force(entry)


async def test_a_node_that_was_cordoned_before_stays_so():
    bench = Bench(EksNodeDrain(), selector={"names": ["node-1"]})
    await bench.world.kubernetes.patch(NODE, {"spec": {"unschedulable": True}})
    entry = await bench.entry()
    await bench.inject(entry)
    assert await bench.in_force(entry)
    await bench.revert(entry)
    assert cordoned(bench)


async def test_who_uncordons_it_meanwhile_is_not_overruled():
    bench = Bench(EksNodeDrain())
    entry = await bench.entry()
    await bench.inject(entry)
    await bench.world.kubernetes.patch(NODE, {"spec": {"unschedulable": None}})
    undone = await bench.revert(entry)
    assert undone.detail == "somebody had uncordoned it already"
    assert MARK not in bench.world.kubernetes.find("Node", "node-1")["metadata"]["annotations"]


async def test_a_node_is_for_those_who_may_inject_in_all_namespaces():
    world = World()
    world.kubernetes.seed(experiment("eksNodeDrain"))
    world.kubernetes.forbidden.add(("ada", "inject", "eksNodeDrain"))
    await drive(world, until=all_finished)
    (run,) = world.runs()
    assert (
        "bind the ClusterRole cloudcafe-chaos by a ClusterRoleBinding" in run["status"]["message"]
    )
    assert OPTED_IN.items() <= world.kubernetes.find("Node", "node-1")["metadata"]["labels"].items()
    assert world.injections()["eksNodeDrain"] == 0
