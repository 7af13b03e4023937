"""The operator's ClusterRole and Role, from the calls that the code makes. Called by `generate.py`.

`generate_rbac_calls.py` finds the calls, `generate_rbac_verbs.py` knows their verbs. Here is what
the source does not say: of which kinds a call is whose argument is handed in, which namespace is
the operator's own, and what each right is for. Whatever is missing or no longer called is refused,
with its place and what to do.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cloudcafe_operator.errors import Bug
from cloudcafe_operator.faults.contract import Fault
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.generate_rbac_calls import Call, Module, module
from cloudcafe_operator.generate_rbac_verbs import VERBS
from cloudcafe_operator.handlers.routes import WATCHED, WATCHED_BY_KOPF
from cloudcafe_operator.kinds import (
    AUTOSCALERS,
    CAFE_STORES,
    CHAOS_EXPERIMENTS,
    CHAOS_RUNS,
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    LEASES,
    REPLICA_SETS,
    SECRETS,
    STATEFUL_SETS,
)
from cloudcafe_operator.ports import Resource

PACKAGE = Path(__file__).parent
ORDER = ("get", "list", "watch", "create", "update", "patch", "delete")
WIDTH = 100


class Declared(NamedTuple):
    """Of which kinds an argument is that the module is handed, and how one knows."""

    kinds: Sequence[Resource]
    reason: str


CHILDREN = Declared((SECRETS, CONFIG_MAPS), "what planning/manifests/store.py builds for a store")
STORE = Declared((CAFE_STORES,), "the store's reconciler hands in its store")
UNDONE = Declared((CHAOS_EXPERIMENTS, CHAOS_RUNS), "only what must be undone first is held back")
#: By module and argument.
DECLARED: Mapping[tuple[str, str], Declared] = {
    ("effects/execute_experiment.py", "ref_of(experiment)"): Declared(
        (CHAOS_EXPERIMENTS,), "the manifest was read as one"
    ),
    ("effects/execute_experiment.py", "ref_of(run)"): Declared(
        (CHAOS_RUNS,), "the manifest is planning's, made by build_run"
    ),
    ("effects/execute_store.py", "resource_of(step.manifest)"): CHILDREN,
    ("effects/observe_store.py", "kind"): CHILDREN,
    ("effects/finalizer.py", "ref"): UNDONE,
    ("effects/known.py", "self._resource"): Declared(
        (CHAOS_EXPERIMENTS, CHAOS_RUNS), "handlers/chaos.py makes one of each"
    ),
    ("effects/lease.py", "self._ref"): Declared((LEASES,), "main.py names the Lease"),
    ("effects/report_store.py", "ref_of(store)"): STORE,
    ("effects/shared_lists.py", "resource"): Declared((), "who asks `lists.fresh` names it"),
    ("faults/pods.py", "WORKLOADS[kind]"): Declared(
        (DEPLOYMENTS, STATEFUL_SETS, REPLICA_SETS, DAEMON_SETS), "all that make pods and are known"
    ),
    ("handlers/store.py", "ref"): STORE,
    ("handlers/store_watch.py", "self.resource"): Declared(
        (CAFE_STORES,), "main.py has stores watched so"
    ),
    ("handlers/watch.py", "resource"): Declared(
        WATCHED_BY_KOPF, "main.py compares with full lists what kopf watches"
    ),
    ("handlers/watch.py", "kopf.operator"): Declared(WATCHED_BY_KOPF, "main.py hands them to kopf"),
    ("main.py", "resource"): Declared(WATCHED, "it waits until all of these are served"),
}
#: What is the operator's own namespace, by module; handlers/routes.py and main.py hand it in.
AT_HOME = {
    ("effects/capacity.py", "self.namespace"),
    ("effects/lease.py", "self._ref"),
    ("effects/lease.py", "self._ref.namespace"),
    ("effects/observe_run.py", "self.namespace"),
    ("effects/rush.py", "self.namespace"),
    ("effects/shown.py", "self.namespace"),
}
#: Applied only where it exists, so the right to create is not needed, with the reason.
NEVER_MADE = {
    ("effects/rush.py", AUTOSCALERS): "one that was removed since the look must not come back",
}
#: Modules that hand calls on: what is called is found where it is asked for.
FORWARDS = {"effects/fence.py"}

OWN = "our own; of metadata (finalizers) it writes, never a person's spec"
STATUS = "the status that kubectl and cafectl show, and a run's journal"
WANTED = "how many pods it wants now: who scales it in while a fault lasts breaks nothing"
#: What each right is for, by resource, in the order of the roles.
EVERYWHERE = {
    "cloudcafe.dev/cafestores": OWN,
    "cloudcafe.dev/chaosexperiments": OWN,
    "cloudcafe.dev/chaosruns": f"{OWN}; an experiment makes runs, and removes old ones",
    "cloudcafe.dev/cafestores/status": STATUS,
    "cloudcafe.dev/chaosexperiments/status": STATUS,
    "cloudcafe.dev/chaosruns/status": STATUS,
    "pods": "faults choose, kill and mark pods; probes count the ready ones",
    "pods/eviction": "a fault: a drained node's pods go as their budgets allow",
    "policy/poddisruptionbudgets": "a drain that budgets forbid is refused before it begins",
    "apps/deployments": WANTED,
    "apps/statefulsets": WANTED,
    "apps/replicasets": WANTED,
    "apps/daemonsets": WANTED,
    "nodes": "a fault cordons nodes and uncordons them; in which zone a pod runs",
    "networking.k8s.io/networkpolicies": "a fault denies marked pods their traffic, and undoes it; "
    "it looks for those that would let it through",
    "namespaces": "has the namespace agreed to chaos, and to probes from elsewhere? The uid of "
    "kube-system tells which cluster this is",
    "authorization.k8s.io/subjectaccessreviews": "may this person inject there?",
    "secrets": "a store's till key, in the store's namespace. Which names there are cannot be said "
    "beforehand, so any is read by its name, and none is ever listed",
    "configmaps": "what a store's till must know, in the store's namespace",
    "events": "the story of a store and of a run",
}
HOME = {
    "coordination.k8s.io/leases": "leader election",
    "autoscaling/horizontalpodautoscalers": "the rush plan: the least replicas of the services",
    "configmaps": "the lever that halts all chaos, the rush plan's journal of AWS capacity, what "
    "cafectl shows of plan and fleet",
}


@dataclass(frozen=True, slots=True)
class Need:
    """One right, and the call that needs it."""

    verb: str
    kind: Resource
    part: str  # /status, /eviction
    at_home: bool
    call: Call

    @property
    def resource(self) -> str:
        """The resource as faults and the tables of reasons name it: policy/…budgets."""
        group = f"{self.kind.group}/" if self.kind.group else ""
        return f"{group}{self.kind.plural}{self.part}"

    def __str__(self) -> str:
        """Return it as faults declare it."""
        return f"{self.verb} {self.resource}"


def sources() -> dict[str, str]:
    """Return the operator's source by module, without what only generates."""
    found = (one for one in PACKAGE.rglob("*.py") if not one.name.startswith("generate"))
    return {str(one.relative_to(PACKAGE)): one.read_text() for one in found}


def roles(source: Mapping[str, str]) -> tuple[str, str]:
    """Return the rules of the ClusterRole and those of the Role, with their reasons, as YAML."""
    found = needs(source)
    everywhere = [one for one in found if not one.at_home]
    home = [one for one in found if one.at_home]
    problems = [
        *_unexplained(everywhere, EVERYWHERE, "EVERYWHERE"),
        *_unexplained(home, HOME, "HOME"),
        *fault_problems(source, faults().values()),
    ]
    _refuse(problems)
    return _text(everywhere, EVERYWHERE), _text(home, HOME)


def needs(source: Mapping[str, str]) -> list[Need]:
    """Return what all calls need; Bug naming each that cannot be told, and what to do."""
    problems: list[str] = []
    calls: list[Call] = []
    for name, text in sorted(source.items()):
        problems += module(name, text).problems(forwards=name in FORWARDS)
        calls += module(name, text).calls
    problems += _undeclared(calls)
    problems += _unused(calls)
    _refuse(problems)
    return [need for call in calls for need in _needs(call)]


def fault_problems(source: Mapping[str, str], of: Collection[Fault[Any]]) -> Iterator[str]:
    """Yield where a fault declares other rights than its module and those it uses need."""
    modules = {
        name: module(name, text) for name, text in source.items() if name.startswith("faults/")
    }
    for fault in of:
        name = f"faults/{type(fault).__module__.rpartition('.')[2]}.py"
        calls = [*modules[name].calls, *_shared(name, modules)]
        called, declared = {str(one) for call in calls for one in _needs(call)}, set(fault.rbac)
        for one in sorted(called - declared):
            yield f"{name}: calls `{one}`: add it to the fault's rbac"
        for one in sorted(declared - called):
            yield f"{name}: declares `{one}` and does not call it: take it from the fault's rbac"


def _shared(name: str, modules: Mapping[str, Module]) -> Iterator[Call]:
    """Yield the calls of what a fault imports from modules that faults share."""
    for other, function in modules[name].imported():
        reached = modules[other].reached(function)
        yield from (call for call in modules[other].calls if call.within in reached)


def _needs(call: Call) -> Iterator[Need]:
    declared = [kind for one in call.unknown for kind in DECLARED[call.module, one].kinds]
    at_home = {(call.module, one) for one in call.namespaces}
    for kind in {*call.kinds, *declared}:
        for asked in VERBS[call.method]:
            verb, _, part = asked.partition(" ")
            if verb == "create" and (call.module, kind) in NEVER_MADE and call.method == "apply":
                continue
            yield Need(verb, kind, part, bool(at_home) and at_home <= AT_HOME, call)


def _undeclared(calls: Sequence[Call]) -> Iterator[str]:
    for call in calls:
        for one in call.unknown:
            declared = DECLARED.get((call.module, one))
            listed_elsewhere = declared and VERBS[call.method] == ("list",)
            if not (declared and declared.kinds) and not listed_elsewhere:
                yield (
                    f"{call}: of which kind `{one}` is, the source does not say: name a constant "
                    "of kinds.py there, or declare it in DECLARED of generate_rbac.py"
                )


def _unused(calls: Sequence[Call]) -> Iterator[str]:
    """Yield what is declared of calls that are no longer made."""
    unknown = {(call.module, one) for call in calls for one in call.unknown}
    namespaces = {(call.module, one) for call in calls for one in call.namespaces}
    applied = {
        (call.module, kind) for call in calls if call.method == "apply" for kind in call.kinds
    }
    tables: Sequence[tuple[str, Collection[tuple[str, Any]], Collection[tuple[str, Any]]]] = (
        ("DECLARED", DECLARED, unknown),
        ("AT_HOME", AT_HOME, namespaces),
        ("NEVER_MADE", NEVER_MADE, applied),
    )
    for table, declared, used in tables:
        for where, what in declared:
            if (where, what) not in used:
                named = what.plural if isinstance(what, Resource) else what
                yield f"{where}: no call has `{named}` any more: take it from {table}"


def _unexplained(found: Sequence[Need], reasons: Mapping[str, str], table: str) -> Iterator[str]:
    for one in found:
        if one.resource not in reasons:
            yield f"{one.call}: needs `{one}`: say what for in {table} of generate_rbac.py"
    for resource in reasons.keys() - {one.resource for one in found}:
        yield f"nothing of {resource} is called any more: take it from {table} of generate_rbac.py"


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise Bug("the operator's roles cannot be generated:\n" + "\n".join(problems))


def _text(found: Sequence[Need], reasons: Mapping[str, str]) -> str:
    return "\n".join(
        _rule(reason, [one for one in found if one.resource == resource])
        for resource, reason in reasons.items()
    )


def _rule(reason: str, found: Sequence[Need]) -> str:
    """Return a rule with its reason, and who calls for each verb."""
    verbs = sorted({one.verb for one in found}, key=ORDER.index)
    lines = textwrap.wrap(reason, WIDTH - 2)
    for verb in verbs:
        callers = sorted({one.call.module.removesuffix(".py") for one in found if one.verb == verb})
        said = f"{verb}: {', '.join(callers)}"
        lines += textwrap.wrap(said, WIDTH - 2, initial_indent="  ", subsequent_indent="    ")
    kind, part = found[0].kind, found[0].part
    group = kind.group or '""'
    return "\n".join(
        [
            *(f"# {line}" for line in lines),
            f"- apiGroups: [{group}]",
            f"  resources: [{kind.plural}{part}]",
            f"  verbs: [{', '.join(verbs)}]\n",
        ]
    )
