"""From v1alpha1 to v1beta1 under a running operator, as docs/recipes/change-a-version.md says."""

import json
from dataclasses import replace

import pytest
from cloudcafe_operator.resources.crd import Version, crd
from cloudcafe_operator.resources.store import DEFINITION, CafeStoreSpec, example
from pydantic import Field

from dev.controlplane import ControlPlane
from tests.integration.cluster import Cluster, condition, eventually
from tests.integration.operator_process import OperatorProcess
from tests.integration.recipe import REWRITE, SERVE_BOTH, STORE_THE_NEW, commands, move

pytestmark = pytest.mark.integration
CRD = "cafestores.cloudcafe.dev"
OLD, NEW = "cafestores.v1alpha1.cloudcafe.dev", "cafestores.v1beta1.cloudcafe.dev"


class NextSpec(CafeStoreSpec):
    """What its owner wants, and one field more."""

    loyalty_level: str = Field(default="house", description="A field of the next version.")


BESIDE = crd(replace(DEFINITION, spec=NextSpec, versions=(
    Version("v1beta1", storage=False), Version("v1alpha1"),
)))  # fmt: skip
AFTER = crd(replace(DEFINITION, spec=NextSpec, versions=(
    Version("v1beta1"), Version("v1alpha1", storage=False, deprecated="use cloudcafe.dev/v1beta1"),
)))  # fmt: skip


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A control plane of its own: what is stored in a new version stays so."""
    with ControlPlane.start(tmp_path_factory.mktemp("plane") / "state") as plane:
        found = Cluster(plane.kubeconfig)
        found.serve_our_kinds()
        found.kubectl("create", "namespace", "home")
        found.kubectl("create", "namespace", "shops")
        yield found


@pytest.fixture
def operator(plane, cafe_url, local_aws, tmp_path):
    """The operator of today, which knows v1alpha1 only."""
    urls = dict.fromkeys(("CAFE_ORDER_URL", "CAFE_MENU_URL", "CAFE_INVENTORY_URL"), cafe_url)
    process = OperatorProcess(
        {
            "KUBECONFIG": str(plane.kubeconfig),
            "POD_NAMESPACE": "home",
            "POD_NAME": "operator-of-today",
            "CAFE_NAMESPACES": "shops",
            "CAFE_SERVICE_TOKEN": "token",
            **urls,
            **local_aws.environment,
        },
        tmp_path / "operator.log",
    )
    process.start()
    yield process
    assert process.stop() == 0, process.log.read_text()[-3000:]


def store(name, version="v1alpha1", **spec):
    manifest = example() | {"apiVersion": f"cloudcafe.dev/{version}"}
    manifest["metadata"] = {"name": name, "namespace": "shops"}
    manifest["spec"] |= spec
    return manifest


def define(plane, manifest):
    """Apply a definition and wait until the API server serves what it says."""
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(manifest))
    names = {version["name"] for version in manifest["spec"]["versions"]}

    def served():
        paths = json.loads(plane.kubectl("get", "--raw", "/apis/cloudcafe.dev"))["versions"]
        return names <= {path["version"] for path in paths}

    eventually(served)


def wait_ready(plane, name, kind=OLD):
    def ready():
        item = plane.get(kind, name, "shops")
        current = item["metadata"]["generation"] == item.get("status", {}).get("observedGeneration")
        return current and condition(item, "Ready").get("status") == "True"

    eventually(ready)


def run_recipe(plane, heading):
    """Run a section of the recipe as it is written, pipes and all."""
    found = commands(heading)
    assert found, heading
    for line in found:
        output = ""
        for command in line.split(" | "):
            words = [word.strip("'") for word in command.removeprefix("kubectl ").split(" ")]
            output = plane.kubectl(*words, stdin=output)


def test_a_store_moves_to_a_new_version_under_a_running_operator_and_nothing_is_lost(
    plane, operator
):
    plane.apply(store("old", tier="flagship"))
    wait_ready(plane, "old")

    define(plane, BESIDE)
    seen = plane.get(NEW, "old", "shops")
    assert seen["apiVersion"] == "cloudcafe.dev/v1beta1"
    assert seen["spec"]["loyaltyLevel"] == "house"  # nobody wrote it: the schema's default
    assert seen["spec"]["tier"] == "flagship"

    define(plane, AFTER)
    plane.apply(store("new", "v1beta1", loyaltyLevel="gold"))
    wait_ready(plane, "new", NEW)  # by the operator that still watches v1alpha1
    said = condition(plane.get(NEW, "new", "shops"), "Ready")["message"]
    assert "spec.loyaltyLevel: no effect" in said
    plane.kubectl(
        "patch", OLD, "new", "-n", "shops", "--type=merge", "-p", '{"spec":{"city":"Porto"}}'
    )
    wait_ready(plane, "new")
    assert plane.get(NEW, "new", "shops")["spec"]["loyaltyLevel"] == "gold"

    stored = json.loads(plane.kubectl("get", "crd", CRD, "-o", "json"))["status"]["storedVersions"]
    assert sorted(stored) == ["v1alpha1", "v1beta1"]
    versions = {item["metadata"]["name"]: item["metadata"] for item in plane.list(NEW, "shops")}
    run_recipe(plane, REWRITE)
    stored = json.loads(plane.kubectl("get", "crd", CRD, "-o", "json"))["status"]["storedVersions"]
    assert stored == ["v1beta1"]
    after = {item["metadata"]["name"]: item["metadata"] for item in plane.list(NEW, "shops")}
    assert after["old"]["resourceVersion"] != versions["old"]["resourceVersion"]
    assert after["old"]["generation"] == versions["old"]["generation"]  # nobody has to act
    wait_ready(plane, "old", NEW)

    define(plane, BESIDE)  # the way back
    assert plane.get(OLD, "new", "shops")["spec"]["loyaltyLevel"] == "gold"
    wait_ready(plane, "new")
    plane.kubectl("delete", "stores", "--all", "-n", "shops", "--timeout=50s")


def test_the_server_takes_what_is_generated_for_each_step_of_one_kind(plane, tmp_path):
    for heading in (SERVE_BOTH, STORE_THE_NEW):
        moved = move("store", heading, tmp_path / heading.replace(" ", "-"))
        for manifest in moved.definitions().values():
            plane.kubectl(
                "apply", "--server-side", "--force-conflicts", "-f", "-",
                stdin=json.dumps(manifest),
            )  # fmt: skip


def test_a_client_of_the_old_version_is_warned(plane):
    define(plane, AFTER)
    done = plane.kubectl("get", OLD, "-n", "shops", "--warnings-as-errors", ok=False)
    assert "use cloudcafe.dev/v1beta1" in done
