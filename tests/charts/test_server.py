"""The chart on a real API server: accepted, upgraded, and gone when it should be."""

import json
import subprocess
import time

import pytest
import yaml

from dev.controlplane import ControlPlane
from dev.operator import OVER_THE_OPERATOR
from dev.system import ROOT
from dev.tools import tool
from tests.charts.rendered import AWS, CHART, SERVICES, helm

pytestmark = pytest.mark.integration
PATIENCE_S = 60  # two cores may be shared with much else


class Server:
    """A bare control plane: pods are made and admitted, but run nowhere."""

    def __init__(self, kubeconfig):
        self.kubeconfig = kubeconfig

    def kubectl(self, *words, text=None, check=True):
        command = [str(tool("kubectl")), "--kubeconfig", str(self.kubeconfig), *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json").stdout)

    def names(self, kind, namespace):
        return {each["metadata"]["name"] for each in self.get(kind, "-n", namespace)["items"]}

    def helm(self, command, namespace, *words):
        connection = ("--kubeconfig", self.kubeconfig, "-n", namespace)
        return helm(*command.split(), "cloudcafe", *words, *connection).stdout


def eventually(question, what):
    """Ask until the answer is true: controllers and policies take effect when they can."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.2)
    return answer


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ControlPlane.start(tmp_path_factory.mktemp("control-plane")) as plane:
        yield Server(plane.kubeconfig)


@pytest.fixture
def namespace(server):
    """The chart as it comes, where only restricted pods are admitted; tests may change it."""
    name = "cafe"
    strict = {"pod-security.kubernetes.io/enforce": "restricted"}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    manifest["metadata"]["labels"] = strict
    server.kubectl("apply", "-f", "-", text=json.dumps(manifest))
    # without values of its own an upgrade keeps those of the release before it
    server.helm("upgrade --install", name, CHART, "--reset-values")
    return name


def secret(server, namespace, name):
    return server.get("secret", name, "-n", namespace)["data"]


def test_every_pod_is_admitted_where_only_restricted_ones_are(server, namespace):
    expected = {*SERVICES, "order-migrate", "analytics-worker-migrate", "cloudcafe-operator"}
    expected |= {"postgresql", "documentdb", "toxiproxy", "localaws", "payment-provider"}
    expected |= {"redis-elasticache", "redis-memorydb"}

    def all_made():
        pods = server.get("pods", "-n", namespace)["items"]
        return {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods} >= expected

    eventually(all_made, "a pod of each workload")
    warnings = server.get("events", "-n", namespace, "--field-selector", "reason=FailedCreate")
    assert not warnings["items"]


def test_the_pod_of_helm_test_is_admitted_too(server, namespace):
    hooks = server.helm("get hooks", namespace)
    assert "buy_a_coffee.py" in hooks
    server.kubectl("apply", "--dry-run=server", "-n", namespace, "-f", "-", text=hooks)


def test_an_upgrade_that_changes_nothing_rolls_nothing_and_keeps_every_password(server, namespace):
    names = ("cloudcafe-database", "cloudcafe-service-token", "cloudcafe-aws")

    def state():
        made = server.get("deployments,statefulsets,jobs", "-n", namespace)["items"]
        pods = {each["metadata"]["uid"]: each["spec"]["template"] for each in made}
        return pods, [secret(server, namespace, name) for name in names]

    before = state()
    server.helm("upgrade", namespace, CHART)
    assert state() == before


def test_a_new_image_brings_the_schema_up_to_date_again(server, namespace):
    before = server.names("jobs", namespace)
    server.helm("upgrade", namespace, CHART, "--set", "global.images.order.tag=b2f7")
    (new,) = server.names("jobs", namespace) - before
    assert new.startswith("order-migrate-b2f7-")


def test_the_cafe_moves_to_aws_by_values_alone(server, namespace):
    server.helm("upgrade", namespace, CHART, "-f", AWS)
    assert server.names("deployments", namespace) == {*SERVICES, "cloudcafe-operator"}
    assert not server.names("statefulsets", namespace)


def test_an_upgrade_passes_over_what_the_operator_holds(server, namespace):
    held = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    held |= {"metadata": {"name": "order"}, "spec": {"minReplicas": 4}}
    manager = ("--server-side", "--force-conflicts", "--field-manager=cloudcafe-operator")
    server.kubectl("apply", "-n", namespace, *manager, "-f", "-", text=json.dumps(held))
    other = ("--set", "cloudcafe-services.defaults.replicas.min=3")
    connection = ("--kubeconfig", server.kubeconfig, "-n", namespace)
    refused = helm("upgrade", "cloudcafe", CHART, *other, *connection, check=False)
    assert 'conflict with "cloudcafe-operator": .spec.minReplicas' in refused.stderr
    server.helm("upgrade", namespace, CHART, *other, *OVER_THE_OPERATOR)
    assert server.get("hpa", "order", "-n", namespace)["spec"]["minReplicas"] == 3


def test_so_does_a_rollback(server, namespace):
    def least():
        return server.get("hpa", "order", "-n", namespace)["spec"]["minReplicas"]

    before = least()
    server.helm("upgrade", namespace, CHART, "--set", "cloudcafe-operator.replicas=2")
    held = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    held |= {"metadata": {"name": "order"}, "spec": {"minReplicas": before + 1}}
    manager = ("--server-side", "--force-conflicts", "--field-manager=cloudcafe-operator")
    server.kubectl("apply", "-n", namespace, *manager, "-f", "-", text=json.dumps(held))
    connection = ("--kubeconfig", server.kubeconfig, "-n", namespace)
    refused = helm("rollback", "cloudcafe", *connection, check=False)
    assert 'conflict with "cloudcafe-operator"' in refused.stderr
    server.helm("rollback", namespace, *OVER_THE_OPERATOR)
    assert least() == before


def test_uninstalling_leaves_the_definitions_and_nothing_in_the_namespace(server, namespace):
    kinds = (
        "deployments,statefulsets,jobs,pods,services,secrets,configmaps,networkpolicies,roles,pvc"
    )

    def ours():
        found = server.get(kinds, "-n", namespace, "-l", "app.kubernetes.io/part-of=cloudcafe")
        return {f"{each['kind']} {each['metadata']['name']}" for each in found["items"]}

    assert "Deployment order" in ours()
    definitions = server.names("customresourcedefinitions", namespace)
    server.helm("uninstall", namespace)
    eventually(lambda: not ours(), "everything of ours to go")
    assert server.names("customresourcedefinitions", namespace) == definitions
    connection = ("--kubeconfig", server.kubeconfig, "-n", "elsewhere", "--dry-run=server")
    refused = helm("install", "other", CHART, *connection, check=False)
    assert "CustomResourceDefinition" in refused.stderr
    helm("install", "other", CHART, *connection, "--take-ownership")


EXPERIMENT = "chaos/experiments/13-pod-kill.yaml"
CREATOR = "cloudcafe.dev/created-by"
GROUPS = "cloudcafe.dev/created-by-groups"
ADMISSION = "charts/cloudcafe-operator/templates/admission.yaml"
BY, KIND = "cloudcafe-created-by", "ValidatingAdmissionPolicy"
BARISTA = "system:serviceaccount:cafe:barista"


def sample(file, **metadata):
    manifest = yaml.safe_load((ROOT / file).read_text())
    return json.dumps(manifest | {"metadata": manifest["metadata"] | metadata})


def role(name, rule):
    """Return a Role and its binding to the barista."""
    group = "rbac.authorization.k8s.io"
    meta = {"name": name, "namespace": "cafe"}
    reference = {"apiGroup": group, "kind": "Role", "name": name}
    barista = {"kind": "ServiceAccount", "name": "barista", "namespace": "cafe"}
    made = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": [rule]}
    bound = {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": meta}
    bound |= {"roleRef": reference, "subjects": [barista]}
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [made, bound]})


@pytest.fixture
def created(server, namespace):
    """Return what an object would be after admission, once the policies are in force."""

    def create(text, *words):
        command = ("create", "--dry-run=server", "-n", namespace, "-o", "json", "-f", "-", *words)
        return json.loads(server.kubectl(*command, text=text).stdout)["metadata"]

    def in_force():
        """Ask without `create`: at first the API server may not know the kind yet."""
        command = ("create", "--dry-run=server", "-n", namespace, "-o", "json", "-f", "-")
        return (
            '"annotations"' in server.kubectl(*command, text=sample(EXPERIMENT), check=False).stdout
        )

    eventually(in_force, "the policies to be in force")
    return create


@pytest.mark.parametrize(
    ("file", "finalizer"),
    [
        (EXPERIMENT, "cloudcafe.dev/undo"),
        ("chaos/stores/espresso-soho.yaml", "cloudcafe.dev/cleanup"),
    ],
)
def test_nothing_can_be_deleted_before_the_operator_has_seen_it(created, file, finalizer):
    eventually(lambda: created(sample(file)).get("finalizers"), "the finalizer")
    assert created(sample(file))["finalizers"] == [finalizer]
    others = created(sample(file, finalizers=["example.com/other"]))["finalizers"]
    assert sorted(others) == sorted(["example.com/other", finalizer])


def test_who_made_an_experiment_cannot_be_forged(server, namespace, created):
    forged = {CREATOR: "a-colleague", GROUPS: "system:masters\nthe-bosses"}
    said = created(sample(EXPERIMENT, annotations=forged))["annotations"]
    assert said[CREATOR] == "kubernetes-admin"
    assert "system:authenticated" in said[GROUPS].splitlines()
    assert "the-bosses" not in said[GROUPS]
    server.kubectl("create", "-n", namespace, "-f", "-", text=sample(EXPERIMENT))
    name = yaml.safe_load((ROOT / EXPERIMENT).read_text())["metadata"]["name"]
    try:
        before = server.get("chaosexperiment", name, "-n", namespace)["metadata"]["annotations"]
        for claim in (
            f"{CREATOR}=a-colleague",
            f"{CREATOR}-",
            f"{GROUPS}=the-bosses",
            f"{GROUPS}-",
        ):
            server.kubectl(
                "annotate", "chaosexperiment", name, "-n", namespace, "--overwrite", claim
            )
            meta = server.get("chaosexperiment", name, "-n", namespace)["metadata"]
            assert meta["annotations"] == before
    finally:
        free = json.dumps({"metadata": {"finalizers": None}})
        server.kubectl(
            *("patch", "chaosexperiment", name, "-n", namespace, "--type=merge", "-p", free)
        )
        server.kubectl("delete", "chaosexperiment", name, "-n", namespace)


@pytest.fixture
def without_mutation(server, created):
    """An API server that writes no author down, as the chart suits it then."""
    policies = helm("template", "cloudcafe", CHART, "-s", ADMISSION).stdout
    mine = [one for one in yaml.safe_load_all(policies) if one["metadata"]["name"] == BY]
    assert {one["kind"] for one in mine} == {KIND, f"{KIND}Binding"}
    server.kubectl("delete", "mutatingadmissionpolicybinding", BY)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": mine})
    server.kubectl("apply", "-f", "-", text=text)
    yield
    server.kubectl("delete", "-f", "-", text=text)


@pytest.mark.usefixtures("without_mutation")
def test_where_nobody_writes_the_author_down_no_other_can_be_claimed(server, namespace):
    def said(**notes):
        command = ("create", "--dry-run=server", "-n", namespace, "-f", "-")
        text = sample(EXPERIMENT, annotations=notes)
        return server.kubectl(*command, text=text, check=False).stderr

    other = {CREATOR: "a-colleague"}
    eventually(lambda: "may not claim another author" in said(**other), "the policy")
    assert "may not claim another author" in said(**{GROUPS: "the-bosses"})
    myself = {CREATOR: "kubernetes-admin", GROUPS: "system:authenticated"}
    assert "may not claim" in said(**myself | {GROUPS: "system:authenticated\nthe-bosses"})
    assert said(**myself) == ""
    assert said() == ""


def test_who_may_not_inject_is_told_what_is_missing(server, namespace, created):
    server.kubectl("create", "serviceaccount", "barista", "-n", namespace)
    rule = {"apiGroups": ["cloudcafe.dev"], "resources": ["chaosexperiments"], "verbs": ["create"]}
    server.kubectl("apply", "-f", "-", text=role("writes-experiments", rule))
    command = ("create", "--dry-run=server", "-n", namespace, "--as", BARISTA, "-f", "-")

    def said():
        return server.kubectl(*command, text=sample(EXPERIMENT), check=False).stderr

    eventually(lambda: "may not inject" in said(), "the policy to be in force")
    assert f"{BARISTA} may not inject podKill in namespace {namespace}" in said()
    assert "cloudcafe-chaos" in said()
    rule = {"apiGroups": ["cloudcafe.dev"], "resources": ["faults"], "resourceNames": ["podKill"]}
    server.kubectl("apply", "-f", "-", text=role("kills-pods", rule | {"verbs": ["inject"]}))
    eventually(lambda: not said(), "the experiment to be accepted")


def test_whoever_may_inject_everything_may_apply_the_whole_game_day(created):
    assert created(sample("chaos/gamedays/master-chaos.yaml"))["name"] == "master-chaos"


def test_a_run_made_by_hand_is_refused_whoever_makes_it(server, namespace):
    experiment = yaml.safe_load(sample(EXPERIMENT))
    forged = {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosRun",
        "metadata": {"name": "forged", "namespace": namespace},
        "spec": {
            "experiment": {"name": "pod-kill", "uid": "1", "generation": 1},
            "template": experiment["spec"],
        },
    }
    command = ("create", "--dry-run=server", "-f", "-")

    def said():
        return server.kubectl(*command, text=json.dumps(forged), check=False).stderr

    eventually(lambda: "only the operator makes and changes ChaosRuns" in said(), "the refusal")
    assert "apply a ChaosExperiment" in said()


@pytest.mark.parametrize("name", ["cloudcafe-inject", "cloudcafe-runs"])
def test_the_policies_suit_the_definitions(server, namespace, name):
    """The API server checks their expressions against our schemas, and reports what cannot be."""

    def judged():
        policy = server.get("validatingadmissionpolicy", name)
        return policy.get("status", {}).get("typeChecking")

    eventually(lambda: judged() is not None, "the API server's judgement")
    assert judged() == {}
