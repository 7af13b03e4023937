"""Values say what they mean, or are refused with a sentence that names them."""

import json

import pytest
from cloudcafe_operator.settings import Settings

from tests.charts.rendered import AWS, environment, refusal, render

LOCAL = {
    *("postgresql", "documentdb", "toxiproxy", "localaws", "redis-elasticache", "redis-memorydb"),
    *("aurora", "redshift", "elasticache", "memorydb", "docdb", "payment-provider"),
}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("global.embeded=true", "'embeded'"),
        ("glbal.embedded=true", "'glbal'"),
        ("global.networkPolicies.metricFrom[0].podSelector.a=b", "'metricFrom'"),
        ("global.images.order.tga=1", "'tga'"),
        ("global.images.oder.tag=a1", "global.images.oder"),
        ("global.imageRegistry=registry.example.com/", "/global/imageRegistry"),
        ("cloudcafe-crds.enable=false", "'enable'"),
        ("cloudcafe-operator.replica=2", "'replica'"),
        ("cloudcafe-operator.replicas=3", "/replicas"),
        ("cloudcafe-operator.capacity.kinds.auroraa.most=3", "'auroraa'"),
        ("cloudcafe-operator.capacity.kinds.lambda=null", "lambda"),
        ("cloudcafe-services.service.order.replicas.min=3", "'service'"),
        ("cloudcafe-services.services.order.replicas.minimum=3", "'minimum'"),
        ("cloudcafe-services.services.oder.replicas.min=3", "/services/oder"),
        ("cloudcafe-services.services.order.env.AWS_ENDPOINT_URL=http://x", "AWS_ENDPOINT_URL"),
        ("cloudcafe-services.services.menu.access[0]=documentbd", "documentbd"),
        ("cloudcafe-services.database.hots=x", "'hots'"),
        ("cloudcafe-local.postgresql.storge=2Gi", "'storge'"),
        ("cloudcafe-local.failoverSeconds=0", "/failoverSeconds"),
        (
            "cloudcafe-local.localaws.resources.limits.memory=lots",
            "/localaws/resources/limits/memory",
        ),
        ("cloudcafe-services.defaults.resources.requests.cpu=0", "/requests/cpu"),
        ("cloudcafe-local.memorydb.storage=1Ui", "/memorydb/storage"),
        ("cloudcafe-local.storageClassName=Fast One", "/storageClassName"),
        ("global.tolerations[0].efect=NoSchedule", "'efect'"),
        ("global.affinity.nodeAfinity.a=b", "'nodeAfinity'"),
        ("global.images.order.digest=a1b2", "/images/order/digest"),
        ("cloudcafe-services.defaults.replicas.max=1", "min 2 is more than max 1"),
        ("cloudcafe-services.services.menu.replicas.min=5", "menu.replicas: min 5 is more than"),
        ("cloudcafe-services.database.secret=mine", "global.databaseSecret"),
        ("cloudcafe-services.redshift.secret=mine", "global.databaseSecret"),
        ("cloudcafe-services.paymentProvider.url=https://pay.example.com", "stand-in"),
    ],
)
def test_a_mistake_is_refused_by_name(value, named):
    assert named in refusal("--set", value)


@pytest.mark.parametrize(
    ("without", "named"),
    [
        ("cloudcafe-services.database.host=", "cloudcafe-services.database.host is needed"),
        ("cloudcafe-services.redshift.host=", "cloudcafe-services.redshift.host is needed"),
        ("cloudcafe-services.paymentProvider.url=", "paymentProvider.url is needed"),
        (
            "global.networkPolicies.dataTierCidrs=null",
            "global.networkPolicies.dataTierCidrs is needed",
        ),
    ],
)
def test_aws_without_what_it_needs_is_refused_by_name(without, named):
    assert named in refusal("-f", AWS, "--set", without)


def test_on_aws_the_embedded_servers_secret_is_refused():
    said = refusal("-f", AWS, "--set", "global.databaseSecret=mine")
    assert "cloudcafe-services.database.secret" in said


def test_on_aws_the_whole_local_tier_is_gone(embedded, on_aws):
    assert embedded.names("Deployment", "StatefulSet", "Service") >= LOCAL
    assert not on_aws.names("Deployment", "StatefulSet", "Service", "ConfigMap") & LOCAL
    assert not on_aws.names("Secret")


def test_on_aws_nobody_is_given_an_endpoint_or_a_key(on_aws):
    for name, container in on_aws.containers():
        given = environment(container).keys()
        assert not given & {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}, name
        assert "localaws" not in str(container), name


def test_on_aws_no_service_account_names_a_role(on_aws):
    """Roles come by Pod Identity and trust nothing else; SDKs would try web identity first."""
    assert with_role(on_aws) == set()


def test_with_irsa_roles_come_with_the_service_accounts():
    role = "eks\\.amazonaws\\.com/role-arn=arn"
    chart = render(
        *("-f", AWS, "--set", f"cloudcafe-operator.serviceAccount.annotations.{role}"),
        *("--set", f"cloudcafe-services.services.order.serviceAccountAnnotations.{role}"),
    )
    assert with_role(chart) == {"order", "cloudcafe-operator"}


def with_role(chart):
    return {
        account["metadata"]["name"]
        for account in chart.of("ServiceAccount")
        if "eks.amazonaws.com/role-arn" in account["metadata"].get("annotations", {})
    }


def test_embedded_who_uses_aws_is_given_the_embedded_one(embedded):
    for name in ("order/order", "inventory/inventory", "cloudcafe-operator/operator"):
        given = environment(dict(embedded.containers())[name])
        assert given["AWS_ENDPOINT_URL"]["value"] == "http://localaws:4566"
        assert given["AWS_REGION"]["value"] == "eu-west-1"


def test_an_image_is_named_by_registry_repository_and_tag():
    chart = render(
        *("--set", "global.imageRegistry=registry.example.com/team"),
        *(
            "--set",
            "global.images.order.tag=a1b2",
            "--set",
            "global.images.menu.repository=other/menu",
        ),
    )
    images = {name: container["image"] for name, container in chart.containers()}
    assert images["order/order"] == "registry.example.com/team/cloudcafe/order:a1b2"
    assert images["menu/menu"] == "registry.example.com/team/other/menu:0.1.0"


DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_an_image_may_be_named_by_its_digest():
    chart = render("--set", f"global.images.order.digest={DIGEST},global.images.order.tag=a1b2")
    images = {name: container["image"] for name, container in chart.containers()}
    assert images["order/order"] == f"cloudcafe/order:a1b2@{DIGEST}"
    assert any(name.startswith("order-migrate-a1b2-") for name in chart.names("Job"))


PLACE = {
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "cafe", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
}


@pytest.mark.parametrize("values", [(), ("-f", AWS)], ids=["embedded", "aws"])
def test_where_pods_may_run_is_said_once_for_all(values):
    words = [f"global.{field}={json.dumps(said)}" for field, said in PLACE.items()]
    chart = render(*values, *(word for said in words for word in ("--set-json", said)))
    pods = chart.pods()
    pods |= {
        job["metadata"]["name"]: job["spec"]["jobTemplate"]["spec"]["template"]
        for job in chart.of("CronJob")
    }
    assert {"order", "cloudcafe-operator", "cafectl-books", "cloudcafe-test"} <= pods.keys()
    for name, pod in pods.items():
        assert {field: pod["spec"].get(field) for field in PLACE} == PLACE, name


def test_volumes_are_of_the_class_that_is_named(embedded):
    def classes(chart):
        sets = chart.of("StatefulSet")
        claims = [one for each in sets for one in each["spec"].get("volumeClaimTemplates", [])]
        return [claim["spec"].get("storageClassName") for claim in claims]

    assert set(classes(embedded)) == {None}
    named = classes(render("--set", "cloudcafe-local.storageClassName=fast"))
    assert named == ["fast"] * len(classes(embedded))


@pytest.mark.parametrize(
    ("resource", "amount"),
    [
        *(("cpu", amount) for amount in (1, 0.5, "250m", "2")),
        *(("memory", amount) for amount in ("1G", "512M", "1.5Gi", "300000Ki")),
    ],
)
def test_amounts_are_what_kubernetes_takes(resource, amount):
    named = f"cloudcafe-services.defaults.resources.requests.{resource}"
    chart = render("--set-json", f"{named}={json.dumps(amount)}")
    requests = dict(chart.containers())["order/order"]["resources"]["requests"]
    assert requests[resource] == amount


def test_a_volume_may_be_as_large_as_a_disk():
    chart = render("--set", "cloudcafe-local.postgresql.storage=1Ti")
    (claim,) = chart.get("StatefulSet", "postgresql")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Ti"


def test_a_new_service_is_one_values_block():
    block = "cloudcafe-services.services.loyalty"
    chart = render("--set", f"{block}.access[0]=aws", "--set", f"{block}.env.CAFE_TIER=gold")
    kinds = (
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ServiceAccount",
    )
    assert all("loyalty" in chart.names(kind) for kind in kinds)
    assert chart.names("NetworkPolicy") >= {"into-loyalty-8080", "into-loyalty-9090"}
    given = environment(dict(chart.containers())["loyalty/loyalty"])
    assert given["CAFE_TIER"]["value"] == "gold"


def test_a_token_of_ones_own_is_used_by_everyone():
    chart = render("--set", "global.serviceTokenSecret=mine")
    assert "cloudcafe-service-token" not in chart.names("Secret")
    tokens = [
        environment(container)["CAFE_SERVICE_TOKEN"]["valueFrom"]["secretKeyRef"]["name"]
        for _, container in chart.containers()
        if "CAFE_SERVICE_TOKEN" in environment(container)
    ]
    assert len(tokens) == 12
    assert set(tokens) == {"mine"}


def test_with_secrets_of_ones_own_two_renders_are_the_same_but_for_a_key_that_nobody_checks():
    """GitOps renders without a cluster, so what is generated differs each time."""
    own = ("--set", "global.databaseSecret=mine,global.serviceTokenSecret=token")
    first, second = render(*own), render(*own)
    differing = [
        a["metadata"]["name"] for a, b in zip(first.objects, second.objects, strict=True) if a != b
    ]
    assert differing == ["cloudcafe-aws"]


def test_a_database_password_of_ones_own_is_the_servers_and_its_clients():
    chart = render("--set", "global.databaseSecret=mine")
    assert not chart.names("Secret") & {"cloudcafe-database", "cloudcafe-redshift"}
    assert "cloudcafe-database" not in str(chart.objects)
    assert "cloudcafe-redshift" not in str(chart.objects)
    named = {
        (name.split("/")[0].rpartition("-migrate-")[0] or name.split("/")[0], variable)
        for name, container in chart.containers()
        for variable, said in environment(container).items()
        if said.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "mine"
    }
    clients = {("order", "CAFE_DATABASE"), ("analytics-worker", "CAFE_REDSHIFT")}
    assert named == {
        (name, f"{prefix}_{part}")
        for name, prefix in {*clients, ("postgresql", "POSTGRES")}
        for part in ("USER", "PASSWORD")
    }
    volumes = chart.get("Deployment", "order")["spec"]["template"]["spec"]["volumes"]
    assert "'name': 'mine'" in str(volumes)


def test_the_definitions_can_be_left_to_someone_else():
    assert not render("--set", "cloudcafe-crds.enabled=false").of("CustomResourceDefinition")


def capacity(chart):
    [container] = chart.get("Deployment", "cloudcafe-operator")["spec"]["template"]["spec"][
        "containers"
    ]
    found = environment(container).get("CAFE_CAPACITY")
    return found and found["value"]


def test_capacity_follows_rushes_where_the_tier_is_embedded_and_on_aws_when_asked(
    embedded, on_aws, monkeypatch
):
    assert capacity(on_aws) is None
    asked = render("-f", AWS, "--set", "cloudcafe-operator.capacity.enabled=true")
    assert capacity(asked) == capacity(embedded)
    monkeypatch.setenv("CAFE_CAPACITY", capacity(embedded))
    kinds = {"aurora", "lambda", "lambdaPoller", "dynamodbRead", "dynamodbWrite"}
    assert set(Settings().capacity) == kinds


def test_a_kind_may_be_left_alone(monkeypatch):
    kinds = "cloudcafe-operator.capacity.kinds"
    words = ("--set", f"{kinds}.dynamodbRead=null", "--set", f"{kinds}.aurora.most=4")
    monkeypatch.setenv("CAFE_CAPACITY", capacity(render(*words)))
    found = Settings().capacity
    assert "dynamodbRead" not in found
    assert found["aurora"].most == 4


def test_a_barista_works_in_the_embedded_cafe_alone(embedded, on_aws):
    given = environment(dict(embedded.containers())["storefront/storefront"])
    assert given["CAFE_BARISTA_SECONDS"]["value"] == "60"
    assert "CAFE_BARISTA_SECONDS" not in str(on_aws.objects)
    off = render(
        "--set-string",
        "cloudcafe-services.services.storefront.embeddedEnv.CAFE_BARISTA_SECONDS=0",
    )
    given = environment(dict(off.containers())["storefront/storefront"])
    assert given["CAFE_BARISTA_SECONDS"]["value"] == "0"
