"""The operator may do what its code does, and no more than a person can read on one page."""

import ast
from pathlib import Path

import cloudcafe_operator
from cloudcafe_operator import kinds
from cloudcafe_operator.faults.registry import faults


def permitted(chart):
    """Return every `verb group/resource` of the operator's roles."""
    roles = (
        chart.get("ClusterRole", "cloudcafe-operator"),
        chart.get("Role", "cloudcafe-operator"),
    )
    return {
        f"{verb} {group}/{resource}".replace(" /", " ")
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_every_fault_may_do_what_it_declares(embedded):
    needed = {each for fault in faults().values() for each in fault.rbac}
    assert needed
    assert needed <= permitted(embedded)


VERBS = {
    "get": ("get",),
    "list": ("list",),
    "create": ("create",),
    "apply": ("patch", "create"),  # server-side apply may create
    "patch": ("patch",),
    "patch_status": ("patch",),
    "delete": ("delete",),
    "may": ("create",),
}
KINDS = {name: kind for name, kind in vars(kinds).items() if isinstance(kind, kinds.Resource)}
OWN = ("cafestores", "chaosexperiments", "chaosruns")
#: Its own kinds, of which modules speak by key; kopf's watches; owner references that block.
FRAMEWORK = {
    f"{verb} cloudcafe.dev/{kind}"
    for kind in OWN
    for verb in ("get", "list", "watch", "patch")
} | {
    call
    for kind in OWN
    for call in (f"patch cloudcafe.dev/{kind}/status", f"update cloudcafe.dev/{kind}/finalizers")
}  # fmt: skip


def called():
    """Return every `verb group/resource` that a module could call, by the kinds it names."""
    found = set(FRAMEWORK) | {each for fault in faults().values() for each in fault.rbac}
    source = Path(cloudcafe_operator.__file__).parent
    for path in source.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & KINDS.keys()
        methods = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for name in names:
            group, plural = KINDS[name].group, KINDS[name].plural
            resource = f"{group}/{plural}" if group else plural
            for method in methods & VERBS.keys():
                status = "/status" if method == "patch_status" else ""
                found |= {f"{verb} {resource}{status}" for verb in VERBS[method]}
    return found


def test_it_may_do_nothing_that_its_code_does_not_call(embedded):
    children = {
        f"{verb} {kind}"
        for verb in ("create", "patch", "get", "delete")
        for kind in ("secrets", "configmaps")
    }  # fmt: skip - by kind of a child's manifest
    reviews = {"create authorization.k8s.io/subjectaccessreviews"}
    unused = permitted(embedded) - called() - children - reviews
    assert unused == set()


def test_it_serves_its_own_resources(embedded):
    own = (kinds.CAFE_STORES, kinds.CHAOS_EXPERIMENTS, kinds.CHAOS_RUNS)
    needed = {
        f"{verb} {resource.group}/{resource.plural}"
        for resource in own
        for verb in ("get", "list", "watch", "patch")
    }
    needed |= {f"patch {resource.group}/{resource.plural}/status" for resource in own}
    assert needed <= permitted(embedded)


def test_it_reads_secrets_by_name_only(embedded):
    allowed = permitted(embedded)
    assert "get secrets" in allowed
    assert not {"list secrets", "watch secrets"} & allowed


def test_it_gives_nobody_rights_and_changes_no_definition_and_no_workload(embedded):
    resources = {each.split(" ")[1] for each in permitted(embedded)}
    groups = {resource.split("/")[0] for resource in resources if "/" in resource}
    assert not groups & {
        *("rbac.authorization.k8s.io", "apiextensions.k8s.io", "admissionregistration.k8s.io"),
        "apps",
    }


def test_nobody_may_break_things_by_being_an_editor(embedded):
    roles = embedded.of("ClusterRole")
    chaos = {
        role["metadata"]["name"]
        for role in roles
        for rule in role["rules"]
        if "inject" in rule["verbs"] or "chaosexperiments" in rule["resources"]
        if not set(rule["verbs"]) <= {"get", "list", "watch"}
    }
    assert chaos == {"cloudcafe-chaos", "cloudcafe-operator"}


def test_the_right_to_inject_is_asked_for_as_it_is_given(embedded):
    """The role's words, the policy's and the operator's own question must be the same."""
    rules = embedded.get("ClusterRole", "cloudcafe-chaos")["rules"]
    assert {"apiGroups": ["cloudcafe.dev"], "resources": ["faults"], "verbs": ["inject"]} in rules
    policy = embedded.get("ValidatingAdmissionPolicy", "cloudcafe-inject")["spec"]
    expression = policy["validations"][0]["expression"]
    assert "authorizer.group('cloudcafe.dev').resource('faults')" in expression
    assert "check('inject')" in expression


def test_the_embedded_aws_may_list_and_delete_pods_of_its_namespace_and_nothing_else(embedded):
    role = embedded.get("Role", "localaws")
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "delete"]}
    ]
    bound = [
        each["roleRef"]["kind"]
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for each in embedded.of(kind)
        for subject in each["subjects"]
        if subject["name"] == "localaws"
    ]
    assert bound == ["Role"]


def test_on_aws_nobody_is_the_embedded_aws(on_aws):
    assert "localaws" not in {each["metadata"]["name"] for each in on_aws.of("ServiceAccount")}
