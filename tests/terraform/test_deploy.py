"""`make deploy` and `make destroy`, rehearsed: which commands, in which order, asked or not."""

import io
import json
from pathlib import Path

import pytest

from dev import deploy, deploy_cluster, deployment
from dev.deploy_manifests import manifests
from dev.system import ROOT, ProblemError

OUTPUTS = json.loads((Path(__file__).parent / "deploy.json").read_text())
DEPLOY = OUTPUTS["deploy"]["value"]


@pytest.fixture
def rehearsed(tmp_path, monkeypatch):
    monkeypatch.setattr(deploy_cluster, "LOCAL", tmp_path)
    monkeypatch.setattr(deployment, "LOCAL", tmp_path)
    monkeypatch.setattr(deploy.Deployment, "folder", tmp_path)
    (tmp_path / "deploy").mkdir()
    return deploy.Deployment("dev", "states", rehearse=True)


def at(commands, *words):
    found = [n for n, line in enumerate(commands) if all(word in line for word in words)]
    assert found, words
    return found[0]


def test_up_goes_from_repositories_to_images_to_what_runs_them(rehearsed):
    deploy.up(rehearsed)
    said = rehearsed.commands
    order = [
        at(said, "terraform apply"),
        at(said, "docker push"),
        at(said, "update-kubeconfig"),
        at(said, "install external-secrets"),
        at(said, "kubectl", "apply"),
        at(said, "--install cloudcafe"),
        at(said, "ecs run-task", "cafe_analytics.migrate"),
        at(said, "aws s3 sync", "storefront/src/cafe_storefront/pages/shop s3://pages", "--delete"),
        at(said, "create-invalidation", "--distribution-id E1"),
        at(said, "helm", "test cloudcafe"),
    ]
    assert order == sorted(order)
    assert sum("terraform apply" in line for line in said) == 2


def test_each_controller_is_told_where_it_is_and_runs_as_whom_terraform_gave_a_role(rehearsed):
    deploy_cluster.controllers(rehearsed, OUTPUTS)
    said = rehearsed.commands
    cluster = DEPLOY["cluster"]
    at(
        said,
        "install cluster-autoscaler",
        f"autoDiscovery.clusterName={cluster}",
        "awsRegion=eu-west-1",
    )
    at(said, "install aws-load-balancer-controller", f"clusterName={cluster}", "region=eu-west-1")
    roles = (ROOT / "terraform/modules/operator-access/main.tf").read_text()
    for name, (namespace, *_, settings) in deploy_cluster.CONTROLLERS.items():
        assert any(one.endswith(f"serviceAccount.name={name}") for one in settings)
        assert f'{{ namespace = "{namespace}", account = "{name}" }}' in roles


def test_the_autoscaler_is_of_the_clusters_own_minor_version():
    *_, settings = deploy_cluster.CONTROLLERS["cluster-autoscaler"]
    [minor] = [one.split("=v")[1].rpartition(".")[0] for one in settings if "image.tag" in one]
    cluster = (ROOT / "terraform/modules/compute/variables.tf").read_text()
    assert f'version         = optional(string, "{minor}")' in cluster


def test_down_takes_bindings_before_their_controller_and_the_vpc_last(rehearsed):
    deploy.down(rehearsed)
    said = rehearsed.commands
    order = [
        at(said, "delete targetgroupbindings"),
        at(said, "uninstall cloudcafe"),
        at(said, "uninstall aws-load-balancer-controller"),
        at(said, "terraform apply destroy.tfplan"),
        at(said, "get-resources"),
    ]
    assert order == sorted(order)


def test_nothing_is_applied_that_nobody_confirmed(monkeypatch):
    to = deploy.Deployment("dev", "states")
    monkeypatch.setattr("sys.stdin", io.StringIO("yes"))
    with pytest.raises(ProblemError, match="Nobody can answer"):
        to.confirmed("Apply?")


def test_what_is_left_is_listed(monkeypatch, capsys):
    to = deploy.Deployment("dev", "states")
    answer = json.dumps(
        {"ResourceTagMappingList": [{"ResourceARN": "arn:b"}, {"ResourceARN": "arn:a"}]}
    )
    monkeypatch.setattr(to, "call", lambda *_: answer)
    assert deploy.sweep(to) == ["arn:a", "arn:b"]
    assert "left: arn:a" in capsys.readouterr().out


def test_every_secret_of_the_chart_is_made_of_one_of_aws():
    made = manifests(DEPLOY, "eu-west-1", "cloudcafe")
    secrets = {one["metadata"]["name"]: one for one in made if one["kind"] == "ExternalSecret"}
    assert set(secrets) == {
        "cloudcafe-database", "cloudcafe-redshift", "cloudcafe-documentdb",
        "cloudcafe-elasticache", "cloudcafe-memorydb", "cloudcafe-platform-token",
    }  # fmt: skip
    url = secrets["cloudcafe-documentdb"]["spec"]["target"]["template"]["data"]["url"]
    assert url.startswith("mongodb://{{ .username | urlquery }}:")
    assert "@docdb.example:27017/cafe?tls=true&tlsCAFile=/etc/cloudcafe/authorities/ca.pem" in url


@pytest.mark.parametrize(
    ("secret", "scheme", "endpoint"),
    [
        ("cloudcafe-elasticache", "rediss", "ec.example:6379"),
        ("cloudcafe-memorydb", "rediss+cluster", "mdb.example:6379"),
    ],
)
def test_a_cache_is_called_by_its_primarys_name_and_memorydb_as_the_cluster_it_is(
    secret, scheme, endpoint
):
    made = manifests(DEPLOY, "eu-west-1", "cloudcafe")
    (found,) = (one for one in made if one["metadata"]["name"] == secret)
    url = found["spec"]["target"]["template"]["data"]["url"]
    login = "{{ .username | urlquery }}:{{ .password | urlquery }}"
    assert url == f"{scheme}://{login}@{endpoint}/0"


def test_what_aws_rotated_is_copied_within_a_minute():
    """The runbook counts on it: until then nobody who connects anew is let in."""
    made = manifests(DEPLOY, "eu-west-1", "cloudcafe")
    every = [one["spec"]["refreshInterval"] for one in made if one["kind"] == "ExternalSecret"]
    assert set(every) == {"1m"}


def test_tills_and_customers_reach_the_same_service():
    made = manifests(DEPLOY, "eu-west-1", "cloudcafe")
    services = {
        one["metadata"]["name"]: one["spec"]["serviceRef"]["name"]
        for one in made
        if one["kind"] == "TargetGroupBinding"
    }
    assert services == {
        "order": "order",
        "order-tills": "order",
        "loyalty": "loyalty",
        "storefront": "storefront",
        "storefront-boards": "storefront",
    }
