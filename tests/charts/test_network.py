"""Every way through the network that the chart leaves open, and that it leaves open no other."""

import json

import pytest
from localaws.settings import Settings
from localaws.stores import stores

from tests.charts.reach import connects, leaves
from tests.charts.rendered import AWS, SERVICES, render

CUT_FROM, CUT_TO = ({f"cloudcafe.dev/partition-{way}": "a-run"} for way in ("ingress", "egress"))
PARTITIONED = CUT_FROM | CUT_TO
CLIENT = {"app.kubernetes.io/name": "trickle", "cloudcafe.dev/client": "true"}
OPERATOR = "cloudcafe-operator"
PORTS = (5432, 5439, 6379, 6380, 8080, 8474, 8480, 8481, 8482, 9090, 4566, 27017)
EDGE = ("order", "menu", "loyalty", "storefront", "payment-processor")  # behind balancers and API
EVERY_WAY = {
    ("order", "menu", 8080),
    ("order", "inventory", 8080),
    ("order", "toxiproxy", 5432),
    ("order", "localaws", 4566),
    ("order-migrate", "toxiproxy", 5432),
    ("menu", "toxiproxy", 27017),
    ("menu", "localaws", 4566),
    ("menu", "toxiproxy", 6379),
    ("inventory", "localaws", 4566),
    ("loyalty", "localaws", 4566),
    ("loyalty", "toxiproxy", 6380),
    ("payment-processor", "localaws", 4566),
    ("payment-processor", "payment-provider", 8080),
    ("analytics-worker", "localaws", 4566),
    ("storefront", "localaws", 4566),
    ("storefront", "menu", 8080),
    ("storefront", "order", 8080),
    ("analytics-worker", "toxiproxy", 5439),
    ("analytics-worker-migrate", "toxiproxy", 5439),
    ("toxiproxy", "postgresql", 5432),
    ("toxiproxy", "redis-elasticache", 6379),
    ("toxiproxy", "redis-memorydb", 6379),
    ("toxiproxy", "documentdb", 27017),
    ("localaws", "toxiproxy", 8474),
    *(("localaws", service, 8080) for service in EDGE),
    (OPERATOR, "localaws", 4566),
    *((OPERATOR, "localaws", port) for port in (8480, 8481, 8482)),
    (OPERATOR, "payment-provider", 8080),
    *((OPERATOR, service, 8080) for service in SERVICES),
    *(("cloudcafe-test", service, 8080) for service in ("order", "menu", "inventory")),
    *((OPERATOR, service, 9090) for service in SERVICES),
}


def labelled(chart):
    """Return the labels of each pod by its application's name."""
    labels = [pod["metadata"]["labels"] for pod in chart.pods().values()]
    return {each["app.kubernetes.io/name"]: each for each in labels}


def ways(chart):
    pods, policies = labelled(chart), chart.of("NetworkPolicy")
    return {
        (client, server, port)
        for client in pods
        for server in pods
        for port in PORTS
        if connects(policies, pods[client], pods[server], port)
    }


def test_who_may_talk_to_whom(embedded):
    assert ways(embedded) == EVERY_WAY


def test_on_aws_the_services_talk_to_each_other_and_to_nothing_else_in_the_cluster(on_aws):
    services = {*SERVICES, OPERATOR, "cloudcafe-test"}
    assert ways(on_aws) == {way for way in EVERY_WAY if {way[0], way[1]} <= services}


def test_on_aws_only_who_uses_a_database_reaches_its_subnets(on_aws):
    pods, policies = labelled(on_aws), on_aws.of("NetworkPolicy")
    reach = {
        (name, port)
        for name in pods
        for port in (5432, 5439, 6379, 27017)
        if leaves(policies, pods[name], "10.20.21.7", port)
    }
    assert reach == {
        ("order", 5432),
        ("order-migrate", 5432),
        ("analytics-worker", 5439),
        ("analytics-worker-migrate", 5439),
        ("menu", 6379),
        ("menu", 27017),
        ("loyalty", 6379),
    }


def test_on_aws_its_apis_and_the_role_credentials_are_reached_by_who_needs_them(on_aws):
    pods, policies = labelled(on_aws), on_aws.of("NetworkPolicy")
    for address, port in (("52.94.1.1", 443), ("169.254.170.23", 80)):
        reach = {name for name in pods if leaves(policies, pods[name], address, port)}
        assert reach == {*SERVICES, OPERATOR}


@pytest.mark.parametrize(
    ("url", "port"), [("https://pay.example.com:8443/v1", 8443), ("https://pay.example.com", 443)]
)
def test_on_aws_the_card_provider_is_reached_where_its_url_says(url, port):
    chart = render("-f", AWS, "--set", f"cloudcafe-services.paymentProvider.url={url}")
    processor = labelled(chart)["payment-processor"]
    assert leaves(chart.of("NetworkPolicy"), processor, "203.0.113.9", port)
    assert not leaves(chart.of("NetworkPolicy"), processor, "203.0.113.9", 8444)


def test_embedded_two_leave_the_cluster_and_only_for_the_api_server(embedded):
    pods, policies = labelled(embedded), embedded.of("NetworkPolicy")
    for port in (443, 6443):
        reach = {name for name in pods if leaves(policies, pods[name], "172.18.0.2", port)}
        assert reach == {OPERATOR, "localaws"}
    for name in (OPERATOR, "localaws"):
        assert not leaves(policies, pods[name], "172.18.0.2", 80)


def test_a_partitioned_pod_reaches_nobody_and_nobody_reaches_it(chart):
    pods, policies = labelled(chart), chart.of("NetworkPolicy")
    for name, labels in pods.items():
        cut = labels | PARTITIONED
        for other in pods.values():
            for port in PORTS:
                assert not connects(policies, cut, other, port), name
                assert not connects(policies, other, cut, port), name
        assert not leaves(policies, cut, "52.94.1.1", 443), name


def test_a_pod_that_is_cut_in_one_direction_goes_on_in_the_other(chart):
    pods, policies = labelled(chart), chart.of("NetworkPolicy")
    order, menu = pods["order"], pods["menu"]
    assert connects(policies, order | CUT_FROM, menu, 8080)
    assert not connects(policies, order | CUT_TO, menu, 8080)
    assert connects(policies, order, menu | CUT_TO, 8080)
    assert not connects(policies, order, menu | CUT_FROM, 8080)


def test_only_the_default_deny_selects_a_partitioned_pod(chart):
    for policy in chart.of("NetworkPolicy"):
        denies = policy["metadata"]["name"] == "default-deny"
        (way, *_) = policy["spec"]["policyTypes"]
        label = f"cloudcafe.dev/partition-{way.lower()}"
        expression = {"key": label, "operator": "DoesNotExist"}
        assert denies != (expression in policy["spec"]["podSelector"].get("matchExpressions", []))


def test_everybody_may_ask_for_names(chart):
    spec = chart.get("NetworkPolicy", "dns")["spec"]
    assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/part-of": "cloudcafe"}
    (rule,) = spec["egress"]
    assert {(each["protocol"], each["port"]) for each in rule["ports"]} == {
        ("UDP", 53),
        ("TCP", 53),
    }


def test_a_client_of_the_same_namespace_is_let_in_by_its_label(chart):
    pods, policies = labelled(chart), chart.of("NetworkPolicy")
    stranger = {"app.kubernetes.io/name": "stranger"}
    for service in SERVICES:
        assert connects(policies, CLIENT, pods[service], 8080)
        assert not connects(policies, CLIENT, pods[service], 9090)
        assert not connects(policies, stranger, pods[service], 8080)


def test_a_client_comes_in_by_the_edge_too_and_not_to_the_api_behind_it(embedded):
    pods, policies = labelled(embedded), embedded.of("NetworkPolicy")
    assert connects(policies, CLIENT, pods["localaws"], 8480)
    assert connects(policies, CLIENT, pods["localaws"], 8481)
    assert not connects(policies, CLIENT, pods["localaws"], 4566)


def test_no_rule_allows_the_world_by_naming_nobody(chart):
    for policy in chart.of("NetworkPolicy"):
        spec = policy["spec"]
        rules = [*spec.get("ingress", []), *spec.get("egress", [])]
        assert all(rule.get("to") or rule.get("from") for rule in rules), policy["metadata"]["name"]


@pytest.mark.parametrize(
    ("value", "policies"),
    [
        (
            "clientsFrom",
            {
                *(f"into-{name}-8080" for name in SERVICES),
                *(f"into-localaws-{port}" for port in (8480, 8481, 8482)),
            },
        ),
        (
            "metricsFrom",
            {f"into-{name}-9090" for name in (*SERVICES, OPERATOR)},
        ),
    ],
)
def test_other_namespaces_are_let_in_by_values(value, policies):
    label = f"global.networkPolicies.{value}[0].namespaceSelector.matchLabels.team"
    chart = render("--set", f"{label}=guests")
    peer = {"namespaceSelector": {"matchLabels": {"team": "guests"}}}
    letting_in = {
        policy["metadata"]["name"]
        for policy in chart.of("NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        if peer in rule["from"]
    }
    assert letting_in == policies


def test_policies_can_be_left_to_someone_else():
    assert not render("--set", "global.networkPolicies.enabled=false").of("NetworkPolicy")


def test_probes_leave_the_cafe_only_where_the_chart_was_told():
    peer = "namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=monitoring"
    chart = render("--set", f"global.networkPolicies.probesTo[0].{peer}")
    spec = chart.get("NetworkPolicy", "cloudcafe-operator-to-probes")["spec"]
    wanted = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    assert spec["egress"] == [{"to": [{"namespaceSelector": wanted}]}]
    assert spec["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "cloudcafe-operator"
    names = [one["metadata"]["name"] for one in render().of("NetworkPolicy")]
    assert "cloudcafe-operator-to-probes" not in names


def test_what_localaws_cuts_is_what_the_chart_puts_between_the_services_and_their_stores(embedded):
    proxies = json.loads(embedded.get("ConfigMap", "toxiproxy")["data"]["proxies.json"])
    assert {(one["name"], one["listen"], one["upstream"]) for one in proxies} == {
        (store.proxy.name, store.proxy.listen, store.proxy.upstream) for store in stores(Settings())
    }
    ports = {port for client, server, port in EVERY_WAY if server == "toxiproxy"}
    assert {f"0.0.0.0:{port}" for port in ports - {8474}} == {one["listen"] for one in proxies}
