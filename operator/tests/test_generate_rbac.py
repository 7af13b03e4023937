"""The operator's roles are what its code calls: found, refused where not found, and no more."""

from functools import cache

import pytest
from cloudcafe_operator import generate_rbac
from cloudcafe_operator.effects.news import News
from cloudcafe_operator.errors import Bug
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.handlers.routes import chaos_reconciler, store_reconciler
from cloudcafe_operator.settings import Settings

from tests.fakes.stores import CLUSTER, StoreWorld

NEW = "effects/new.py"
SOURCES = list(generate_rbac.PACKAGE.rglob("*.py"))


@cache
def real():
    return generate_rbac.sources()


def with_module(text, name=NEW):
    return {**real(), name: text}


def changed(module, old, new):
    assert old in real()[module]
    return {**real(), module: real()[module].replace(old, new)}


def needed(source, *, module=None):
    """Return what is needed, as `delete pods` and `patch leases at home`."""
    found = generate_rbac.needs(source)
    return {
        f"{one}{' at home' if one.at_home else ''}"
        for one in found
        if module in (None, one.call.module)
    }


def refusal(source):
    with pytest.raises(Bug) as refused:
        generate_rbac.roles(source)
    return str(refused.value)


def test_a_call_gives_its_right_and_names_its_caller():
    source = with_module("async def look(kubernetes):\n    await kubernetes.get(Ref(EVENTS, 'a'))")
    assert needed(source, module=NEW) == {"get events"}
    everywhere, _ = generate_rbac.roles(source)
    assert "#   get: effects/events, effects/new\n" in everywhere


def test_a_call_that_is_made_no_more_takes_its_right_away():
    assert "delete pods" in needed(real())
    source = changed("faults/pod_kill.py", "world.kubernetes.delete(", "forget(")
    assert needed(real()) - needed(source) == {"delete pods"}


def test_the_last_call_of_a_kind_takes_its_reason_along():
    source = changed("faults/budgets.py", "world.kubernetes.list(", "recall(")
    said = "nothing of policy/poddisruptionbudgets is called any more: take it from EVERYWHERE"
    assert said in refusal(source)


def test_a_right_without_a_reason_is_refused_with_the_place_that_needs_it():
    source = with_module("\n\nasync def look(kubernetes):\n    await kubernetes.list(SERVICES)")
    assert f"{NEW}:4: needs `list services`: say what for in EVERYWHERE" in refusal(source)


def test_a_call_of_a_kind_that_is_handed_in_is_refused_with_its_place_and_what_to_do():
    source = with_module("async def look(kubernetes, ref):\n    await kubernetes.delete(ref)")
    said = refusal(source)
    assert f"{NEW}:2: of which kind `ref` is, the source does not say" in said
    assert "declare it in DECLARED" in said


DIRECT = """
async def end(kubernetes, name):
    await kubernetes.delete(Ref(PODS, name))
"""
NAMED = """
async def end(kubernetes, name):
    kind = PODS
    ref = Ref(kind, name)
    await kubernetes.delete(ref)
"""
HELPED = """
async def end(kubernetes, name):
    await kubernetes.delete(_ref(name))

def _ref(name):
    return Ref(PODS, name)
"""
METHOD = """
class Ender:
    async def end(self):
        await self._kubernetes.delete(self._ref())

    def _ref(self):
        return Ref(PODS, self.name)
"""


@pytest.mark.parametrize("text", [DIRECT, NAMED, HELPED, METHOD])
def test_a_kind_is_followed_through_names_and_helpers_of_the_module(text):
    assert needed(with_module(text), module=NEW) == {"delete pods"}


LOOPED = """
async def end(kubernetes, found):
    ref = Ref(PODS, "a")
    for ref in found:
        await kubernetes.delete(ref)
"""
HANDED_IN = """
async def end(kubernetes, ref):
    await kubernetes.delete(ref)
    ref = Ref(PODS, "a")
"""


@pytest.mark.parametrize("text", [LOOPED, HANDED_IN])
def test_a_name_that_is_sometimes_something_else_is_not_followed(text):
    assert "of which kind `ref` is" in refusal(with_module(text))


def test_either_of_two_kinds_is_needed():
    text = "async def end(kubernetes, x):\n    await kubernetes.list(PODS if x else NODES)"
    assert needed(with_module(text), module=NEW) == {"list pods", "list nodes"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("put = self.kubernetes.create", "kubernetes.create is used and not called"),
        ("api = self.kubernetes", "kubernetes gets another name"),
        ("api, clock = ports.kubernetes, ports.clock", "kubernetes gets another name"),
        ("def act(api: Kubernetes): ...", "api is a port: call it kubernetes"),
        ("class A:\n    api: KubernetesApi | None", "api is a port: call it kubernetes"),
        ("async def act(world):\n    await world.kubernetes.replace(PODS)", "replace is unknown"),
        ("async def act(world):\n    await world.lists.nodes('a')", "lists.nodes is unknown"),
        ("run = kopf.operator", "of which kind `kopf.operator` is"),
        ("from kopf import operator", "kopf gets another name"),
        ("import kopf as watcher", "kopf gets another name"),
        (
            "async def act(world, kind):\n    await world.lists.fresh(kind)",
            "of which kind `kind` is",
        ),
        ("meta = {'blockOwnerDeletion': True}", "of which kind `blockOwnerDeletion` is"),
    ],
)
def test_what_would_hide_calls_is_refused_with_its_place(text, said):
    found = next(line for line in refusal(with_module(text)).splitlines() if NEW in line)
    assert said in found
    assert found.startswith(f"{NEW}:")


def test_a_declaration_that_nothing_calls_any_more_is_refused():
    source = changed("effects/finalizer.py", "kubernetes.", "somebody.")
    assert "effects/finalizer.py: no call has `ref` any more: take it from DECLARED" in refusal(
        source
    )
    source = changed("effects/rush.py", "self.kubernetes.apply(", "self.put(")
    said = "effects/rush.py: no call has `horizontalpodautoscalers` any more: take it from"
    assert f"{said} NEVER_MADE" in refusal(source)
    source = changed("effects/shown.py", "self.namespace", "self.place")
    assert "effects/shown.py: no call has `self.namespace` any more" in refusal(source)


def test_only_what_is_asked_of_its_own_namespace_is_a_right_at_home():
    home = {one for one in needed(real()) if one.endswith(" at home")}
    assert home == {
        *(f"{verb} coordination.k8s.io/leases at home" for verb in ("get", "create", "patch")),
        *(f"{verb} configmaps at home" for verb in ("get", "create", "patch")),
        *(f"{verb} autoscaling/horizontalpodautoscalers at home" for verb in ("list", "patch")),
    }


@pytest.mark.parametrize("where", ["'namespace': 'elsewhere'", ""])
def test_what_may_also_be_asked_of_another_namespace_is_a_right_everywhere(where):
    lease = "    async def make(self, one):\n        await self._kubernetes.create(\n"
    lease += f"            LEASES, self._lease() if one else {{'metadata': {{{where}}}}})\n"
    source = {**real(), "effects/lease.py": real()["effects/lease.py"] + "\n" + lease}
    assert needed(source) - needed(real()) == {"create coordination.k8s.io/leases"}


def test_a_namespace_of_its_own_name_elsewhere_is_not_taken_for_home():
    text = "class A:\n    async def look(self):\n"
    text += "        await self.kubernetes.list(PODS, namespace=self.namespace)"
    assert needed(with_module(text), module=NEW) == {"list pods"}


def test_what_counts_as_home_is_the_namespace_of_the_operators_pod():
    settings = Settings(POD_NAMESPACE="home", service_token="token")
    ports = StoreWorld().ports()
    stores = store_reconciler(settings, ports, News(), CLUSTER)
    chaos = chaos_reconciler(settings, ports, CLUSTER)
    told = (stores.rush, stores.rush.capacity, stores.fleet, chaos._observer)
    assert {one.namespace for one in told} == {"home"}


def test_what_is_applied_only_where_it_exists_may_not_be_created():
    assert "create autoscaling/horizontalpodautoscalers at home" not in needed(real())
    text = "async def put(kubernetes, x):\n    await kubernetes.apply(EVENTS, x)"
    assert needed(with_module(text), module=NEW) == {"patch events", "create events"}


def test_every_fault_declares_what_it_calls_and_nothing_else():
    assert list(generate_rbac.fault_problems(real(), faults().values())) == []


def test_a_fault_that_declares_too_little_or_too_much_is_named():
    source = changed("faults/pod_kill.py", "world.kubernetes.delete(", "world.kubernetes.patch(")
    few, many = generate_rbac.fault_problems(source, [faults()["podKill"]])
    assert few == "faults/pod_kill.py: calls `patch pods`: add it to the fault's rbac"
    assert many.startswith("faults/pod_kill.py: declares `delete pods` and does not call it")


def test_of_a_shared_module_a_fault_needs_what_it_uses_and_what_that_uses():
    """`_with_fields` is called by what selects pods, and not by what counts them (the NLB's)."""
    source = changed(
        "faults/pods.py", "kubernetes.list_metadata(\n        PODS", "kubernetes.watch(PODS"
    )
    problems = generate_rbac.fault_problems(source, faults().values())
    named = {one.partition(": ")[0] for one in problems if "calls `watch pods`" in one}
    assert named == {f"faults/{one}.py" for one in ("cpu_stress", "pod_kill", "pod_partition")}


def test_the_roles_are_read_from_all_but_what_generates():
    every = {str(one.relative_to(generate_rbac.PACKAGE)) for one in SOURCES}
    assert {one for one in every - real().keys() if not one.startswith("generate")} == set()
