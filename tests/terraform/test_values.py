"""Terraform's outputs become values with which the chart renders."""

import json
from pathlib import Path

import pytest
import yaml
from cafectl.app import app
from cafectl.values import ChartValues, ValuesError, values
from typer.testing import CliRunner

from dev.deploy_manifests import AUTHORITIES, authorities
from dev.system import ROOT
from tests.charts.rendered import AWS, SERVICES, environment, render

OUTPUTS = json.loads((Path(__file__).parent / "outputs.json").read_text())


@pytest.fixture(scope="session")
def chart(tmp_path_factory):
    """The chart with what `cafectl values` prints."""
    done = CliRunner().invoke(app, ["values"], input=json.dumps(OUTPUTS))
    assert done.exit_code == 0, done.output
    file = tmp_path_factory.mktemp("values") / "values-aws.yaml"
    file.write_text(done.stdout)
    return render("-f", file)


@pytest.mark.parametrize("given", [5, [], {"chart_values": 5}, {"chart_values": {"value": 5}}])
def test_what_is_no_output_of_terraform_is_refused_with_a_sentence(given):
    done = CliRunner().invoke(app, ["values"], input=json.dumps(given))
    assert done.exit_code == 2
    assert done.stderr.startswith("no values: ")


def test_what_terraform_runs_itself_is_no_deployment(chart):
    assert chart.names("Deployment") == {*SERVICES, "cloudcafe-operator"} - {"analytics-worker"}
    alias = chart.get("Service", "analytics-worker")["spec"]
    assert alias == {"type": "ExternalName", "externalName": "analytics-worker.cloudcafe.internal"}


def test_the_operator_may_reach_what_runs_elsewhere(chart):
    policy = chart.get("NetworkPolicy", "analytics-worker-to-addresses-8080")
    assert policy["spec"]["egress"][0]["to"] == [{"ipBlock": {"cidr": "10.20.64.0/18"}}]


def test_pods_of_the_payment_processor_take_no_messages(chart):
    pods = dict(chart.containers())
    given = environment(pods["payment-processor/payment-processor"])
    assert given["CAFE_TAKES_MESSAGES"]["value"] == "false"
    assert given["CAFE_PAYMENTS_TABLE"]["value"] == "cloudcafe-payments"
    assert "CAFE_TAKES_MESSAGES" not in environment(pods["order/order"])


def test_load_balancers_reach_the_services_ports(chart):
    rules = chart.get("NetworkPolicy", "into-order-8080")["spec"]["ingress"]
    assert {"ipBlock": {"cidr": "10.20.0.0/16"}} in rules[0]["from"]


def test_menu_knows_by_which_authorities_documentdb_is_signed_for(chart):
    pods = dict(chart.containers())
    mounts = {name: [one["mountPath"] for one in pod["volumeMounts"]] for name, pod in pods.items()}
    folder, _, file = AUTHORITIES.rpartition("/")
    assert [name for name in mounts if folder in mounts[name]] == ["menu/menu"]
    made = authorities("PEM", "cloudcafe")
    assert made["data"] == {file: "PEM"}
    volumes = chart.get("Deployment", "menu")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "authorities", "configMap": {"name": made["metadata"]["name"]}} in volumes


def test_images_are_the_ones_that_were_pushed(chart):
    images = {name: container["image"] for name, container in chart.containers()}
    registry = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
    assert images["order/order"] == f"{registry}/cloudcafe/order:a1b2c3"


def test_no_values_are_made_of_anything_else():
    with pytest.raises(ValuesError, match="no output chart_values"):
        values({})
    broken = {"chart_values": {"value": OUTPUTS["chart_values"]["value"] | {"registry": ""}}}
    with pytest.raises(ValuesError, match=r"chart_values\.registry"):
        values(broken)
    done = CliRunner().invoke(app, ["values"], input="nonsense")
    assert done.exit_code == 2


@pytest.mark.parametrize("environment_name", ["dev", "prod"])
def test_each_environment_gives_what_is_needed(environment_name):
    text = (ROOT / "terraform" / "envs" / environment_name / "outputs.tf").read_text()
    assert 'output "chart_values"' in text
    stack = (ROOT / "terraform" / "modules" / "stack" / "outputs.tf").read_text()
    missing = [name for name in ChartValues.model_fields if f"{name} " not in stack]
    assert missing == []


def test_both_environments_take_the_same_variables():
    # Terraform shares no variables between roots: two files, which a test keeps one
    files = [ROOT / "terraform" / "envs" / name / "variables.tf" for name in ("dev", "prod")]
    assert files[0].read_text() == files[1].read_text()


def test_the_values_are_plain_yaml():
    done = CliRunner().invoke(app, ["values"], input=json.dumps(OUTPUTS))
    assert yaml.safe_load(done.stdout)["global"]["embedded"] is False


def test_the_example_for_aws_is_what_terraform_makes():
    """Whoever installs with it in such an environment is to meet the same names."""
    example = yaml.safe_load(AWS.read_text())["global"]
    made = values(OUTPUTS)["global"]
    assert {*example, "images"} == set(made)
    assert example["networkPolicies"].keys() == made["networkPolicies"].keys()
    names = ("embedded", "serviceTokenSecret", "authorities")
    assert [example[name] for name in names] == [made[name] for name in names]


def test_no_role_of_a_pod_trusts_a_web_identity():
    """Which is why the example annotates no service account."""
    files = (ROOT / "terraform").rglob("*.tf")
    assert not [file for file in files if "AssumeRoleWithWebIdentity" in file.read_text()]
