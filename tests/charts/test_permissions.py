"""What the operator may do is what its code calls, and the most that it may ever be."""

import yaml
from cloudcafe_operator import generate_rbac

from dev.system import ROOT

FILES = ROOT / "charts/cloudcafe/charts/cloudcafe-operator/files"


def rights(*roles):
    """Return every `verb group/resource` of roles."""
    return {
        f"{verb} {group}/{resource}".replace(" /", " ")
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def permitted(chart):
    return rights(
        chart.get("ClusterRole", "cloudcafe-operator"), chart.get("Role", "cloudcafe-operator")
    )


def verbs(chart, resource):
    """Return what the operator may do to a resource, in whatever namespace."""
    return {one.split(" ")[0] for one in permitted(chart) if one.split(" ")[1] == resource}


def test_the_chart_gives_what_the_code_calls_and_at_home_what_is_called_only_there(chart):
    needed = generate_rbac.needs(generate_rbac.sources())
    everywhere = {str(one) for one in needed if not one.at_home}
    home = {str(one) for one in needed if one.at_home}
    assert everywhere == rights(chart.get("ClusterRole", "cloudcafe-operator"))
    assert home == rights(chart.get("Role", "cloudcafe-operator"))


def test_its_roles_are_bound_and_it_has_no_others(chart):
    bound = {
        (binding["kind"], binding["roleRef"]["kind"], binding["roleRef"]["name"])
        for binding in chart.of("RoleBinding", "ClusterRoleBinding")
        for subject in binding["subjects"]
        if subject["name"] == "cloudcafe-operator"
    }
    assert bound == {
        ("ClusterRoleBinding", "ClusterRole", "cloudcafe-operator"),
        ("RoleBinding", "Role", "cloudcafe-operator"),
    }


def test_every_rule_says_what_it_is_for_and_who_calls():
    for file in ("rules-everywhere.yaml", "rules-at-home.yaml"):
        header, *rules = (FILES / file).read_text().split("\n\n")
        assert "Generated" in header
        for text in rules:
            [rule] = yaml.safe_load(text)
            reason, *callers = [line for line in text.splitlines() if line.startswith("#")]
            assert len(reason) > len("# leader"), text
            said = " ".join(callers)
            assert all(f"  {verb}: " in said for verb in rule["verbs"]), text


def test_it_reads_secrets_by_name_only_and_deletes_none(embedded):
    assert verbs(embedded, "secrets") == {"get", "create", "patch"}


def test_it_deletes_only_what_faults_break_and_what_it_made(embedded):
    deletes = {one for one in permitted(embedded) if one.startswith("delete")}
    assert deletes == {
        "delete pods",
        "delete networking.k8s.io/networkpolicies",
        "delete cloudcafe.dev/chaosruns",
    }


def test_it_never_replaces_what_a_person_wrote_whole(embedded):
    assert not {one for one in permitted(embedded) if one.startswith("update")}


def test_it_makes_no_store_and_no_experiment_and_takes_none_away(embedded):
    for kind in ("cafestores", "chaosexperiments"):
        assert verbs(embedded, f"cloudcafe.dev/{kind}") == {"get", "list", "watch", "patch"}
        assert verbs(embedded, f"cloudcafe.dev/{kind}/status") == {"patch"}


def test_it_gives_nobody_rights_and_changes_no_definition_and_no_workload(embedded):
    resources = {each.split(" ")[1] for each in permitted(embedded)}
    groups = {resource.split("/")[0] for resource in resources if "/" in resource}
    assert not groups & {
        *("rbac.authorization.k8s.io", "apiextensions.k8s.io", "admissionregistration.k8s.io"),
        *("certificates.k8s.io", "apiregistration.k8s.io", "batch"),
    }
    workloads = [one for one in permitted(embedded) if one.split(" ")[1].startswith("apps/")]
    assert {one.split(" ")[0] for one in workloads} == {"get"}  # how many pods they want
    assert not {"bind", "escalate", "impersonate"} & {
        each.split(" ")[0] for each in permitted(embedded)
    }


def test_it_makes_no_pod_enters_none_and_is_no_other_account(embedded):
    assert "create" not in verbs(embedded, "pods")
    allowed = {each.split(" ")[1] for each in permitted(embedded)}
    of_pods = {one for one in allowed if one.startswith(("pods/", "nodes/"))}
    assert of_pods == {"pods/eviction"}
    assert not {one for one in allowed if one.startswith("serviceaccounts")}


def test_it_leads_and_scales_in_its_own_namespace_only(embedded):
    everywhere = rights(embedded.get("ClusterRole", "cloudcafe-operator"))
    home = {"coordination.k8s.io/leases", "autoscaling/horizontalpodautoscalers"}
    assert not {one for one in everywhere if one.split(" ")[1] in home}
    assert verbs(embedded, "autoscaling/horizontalpodautoscalers") == {"list", "patch"}


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


def test_the_embedded_aws_may_list_and_delete_pods_and_read_two_workloads_at_home(embedded):
    role = embedded.get("Role", "localaws")
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "delete"]},
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": ["analytics-worker", "loyalty"],
            "verbs": ["get"],
        },
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
