"""The services survive a node, a zone, a drain and an upgrade."""

import pytest
from cafe_kit.settings import KitSettings

from tests.charts.rendered import SERVICES, environment, render


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_scales_between_bounds_and_leaves_replicas_to_the_autoscaler(chart, name):
    scaler = chart.get("HorizontalPodAutoscaler", name)["spec"]
    assert scaler["scaleTargetRef"]["name"] == name
    # one reader is enough for a stream, and its pause costs no customer anything
    least = 1 if name == "analytics-worker" else 2
    assert least <= scaler["minReplicas"] < scaler["maxReplicas"]
    assert "replicas" not in chart.get("Deployment", name)["spec"]


@pytest.mark.parametrize("name", [*SERVICES, "cloudcafe-operator"])
def test_a_drain_takes_one_at_a_time_and_is_never_held_up_for_ever(chart, name):
    budget = chart.get("PodDisruptionBudget", name)["spec"]
    labels = chart.get("Deployment", name)["spec"]["template"]["metadata"]["labels"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget
    assert budget["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("name", [*SERVICES, "cloudcafe-operator"])
def test_replicas_spread_over_zones_and_nodes(chart, name):
    pod = chart.get("Deployment", name)["spec"]["template"]
    spread = pod["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }
    for each in spread:
        assert each["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize("name", SERVICES)
def test_a_stopping_pod_has_time_to_be_forgotten_and_to_finish(chart, name):
    defaults = {key: field.default for key, field in KitSettings.model_fields.items()}
    needed = defaults["drain_delay_seconds"] + defaults["drain_timeout_seconds"]
    pod = chart.get("Deployment", name)["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 2 * needed


def test_what_holds_state_in_one_process_is_never_there_twice(embedded):
    toxiproxy = embedded.get("Deployment", "toxiproxy")["spec"]
    assert (toxiproxy["replicas"], toxiproxy["strategy"]["type"]) == (1, "Recreate")
    assert embedded.get("StatefulSet", "localaws")["spec"]["replicas"] == 1


def test_the_embedded_aws_keeps_its_state_on_the_volume_it_is_given(embedded):
    claims = embedded.get("StatefulSet", "localaws")["spec"]["volumeClaimTemplates"]
    container = dict(embedded.containers())["localaws/localaws"]
    folder = environment(container)["LOCALAWS_STATE_DIR"]["value"]
    mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert mounted[folder] in [claim["metadata"]["name"] for claim in claims]


def test_uninstalling_takes_the_embedded_data_along_with_its_password(embedded):
    for name in ("postgresql", "documentdb", "localaws", "redis-memorydb", "payment-provider"):
        spec = embedded.get("StatefulSet", name)["spec"]
        assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"


def test_a_full_memorydb_refuses_writes_before_its_container_is_killed(embedded):
    server = dict(embedded.containers())["redis-memorydb/redis"]
    at = server["args"].index
    assert server["args"][at("--maxmemory-policy") + 1] == "noeviction"
    most = int(server["args"][at("--maxmemory") + 1].removesuffix("mb"))
    limit = int(server["resources"]["limits"]["memory"].removesuffix("Mi"))
    assert most <= limit * 0.8


def test_the_definitions_outlive_the_release(embedded):
    for definition in embedded.of("CustomResourceDefinition"):
        assert definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_the_schema_is_brought_up_to_date_by_each_new_image_and_only_then(embedded):
    before = embedded.names("Job")
    after = render("--set", "global.images.order.tag=b2f7").names("Job")
    (new,) = after - before
    assert new.startswith("order-migrate-b2f7-")
    assert len(before - after) == 1
    assert render("--set", "global.images.menu.tag=b2f7").names("Job") == before


def test_a_change_of_what_the_job_runs_with_makes_a_new_job_too(embedded):
    """A Job's template cannot be changed: under the same name the upgrade would fail."""
    changed = render("--set", "cloudcafe-services.database.name=other")
    assert changed.names("Job") != embedded.names("Job")


def test_the_job_is_no_hook_and_clears_itself_away(embedded):
    for job in embedded.of("Job"):
        assert "annotations" not in job["metadata"]
        assert job["spec"]["ttlSecondsAfterFinished"] == 3600
