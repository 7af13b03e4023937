"""The policies grant what code calls, each call, and nothing by wildcard."""

import ast
import json
import re

import pytest
import yaml
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.generate_iam import actions_of, policy

from dev.system import ROOT, ProblemError
from dev.terraform import actions

MODULE = ROOT / "terraform" / "modules" / "operator-access"
SERVICES = json.loads((MODULE / "services.json").read_text())
OPERATOR = json.loads((MODULE / "policy.json").read_text())
CHART = ROOT / "charts/cloudcafe/charts/cloudcafe-services/values.yaml"


def granted(service):
    return {action for statement in SERVICES[service] for action in statement["actions"]}


@pytest.mark.parametrize("service", actions.PACKAGES)
def test_a_service_may_call_what_its_code_calls_and_no_more(service):
    called = {f"{aws}:{action}" for aws, action in actions.actions(ROOT, service)}
    assert called == granted(service)


def test_the_files_are_what_the_code_says():
    assert (MODULE / "services.json").read_text() == actions.text(actions.statements())
    assert policy() == OPERATOR


def test_the_operator_may_call_what_its_stores_and_faults_call():
    wanted = {*actions_of("*_store.py"), *actions_of("system_probes.py")}
    wanted |= {*actions_of("dials.py")}
    wanted |= {a for fault in faults().values() for a in fault.iam_actions}
    assert wanted == {a for statement in OPERATOR["Statement"] for a in statement["Action"]}


def test_no_action_is_a_wildcard():
    every = [a for statement in OPERATOR["Statement"] for a in statement["Action"]]
    every += [action for service in SERVICES for action in granted(service)]
    assert [action for action in every if "*" in action] == []


#: AWS knows no resource for these actions (Service Authorization Reference); DescribeAlarms leaves
#: composite alarms out where it is allowed on anything less than all.
UNSCOPED = re.compile(
    r"(autoscaling|ec2|elasticloadbalancing):Describe\w+|(fis|kinesis|lambda):List\w+|tag:GetResources"
    r"|secretsmanager:ListSecrets"
    r"|(memorydb|rds):DescribeEvents|cloudwatch:(DescribeAlarms|ListDashboards)|dynamodb:ListBackups"
    r"|ecr:GetAuthorizationToken|xray:Put\w+"
)
STATEMENT = re.compile(r"^( *)(?:statement|content) \{$.*?^\1\}$", re.MULTILINE | re.DOTALL)


def test_what_changes_anything_needs_consent_by_tag():
    for statement in OPERATOR["Statement"]:
        if statement["Sid"] == "FaultsChange":
            assert statement["Condition"] == {
                "StringEquals": {"aws:ResourceTag/cloudcafe.dev/chaos": "allowed"}
            }


def test_capacity_is_changed_only_where_the_owner_tagged_it():
    [change] = [one for one in OPERATOR["Statement"] if one["Sid"] == "RushChange"]
    assert change["Condition"] == {"Null": {"aws:ResourceTag/cloudcafe.dev/rush": "false"}}
    assert change["Action"] == [
        "dynamodb:UpdateTable",
        "lambda:PutFunctionConcurrency",
        "rds:ModifyDBCluster",
    ]


def test_the_operators_resources_are_named_where_aws_supports_it():
    for statement in OPERATOR["Statement"]:
        if statement["Resource"] == "*":
            assert [a for a in statement["Action"] if not UNSCOPED.fullmatch(a)] == []


def unscoped(text):
    """Return the actions that a file allows on everything though they need not be."""
    found = [match[0] for match in STATEMENT.finditer(text)]
    wide = [one for one in found if 'resources = ["*"]' in re.sub(r" += +", " = ", one)]
    allowed = [one for one in wide if not re.search(r'effect += +"Deny"', one)]
    actions = {a for one in allowed for a in re.findall(r'"(\w+:\w+)"', one)}
    return {a for a in actions if not UNSCOPED.fullmatch(a) and not a.startswith(("aws:", "kms:"))}


@pytest.mark.parametrize("path", sorted((ROOT / "terraform").glob("modules/*/*.tf")), ids=str)
def test_no_statement_has_a_wildcard_where_aws_supports_names(path):
    # in a key's own policy "*" is that key, so actions of kms are not looked at
    assert unscoped(path.read_text()) == set()
    allowed = [m[0] for m in STATEMENT.finditer(path.read_text()) if '"Deny"' not in m[0]]
    assert [one for one in allowed if re.search(r'"\w+:\w*\*"', one)] == []


def test_a_statement_that_names_every_resource_is_noticed():
    wide = '  statement {\n    actions   = ["sqs:SendMessage"]\n    resources = ["*"]\n  }\n'
    assert unscoped(wide) == {"sqs:SendMessage"}
    assert unscoped(wide.replace('["*"]', "[var.arn]")) == set()


#: What the operator names when it registers a store.
BY_REGISTRATION = {"cloudcafe-store-*", "cloudcafe-*-orders.fifo"}


def test_services_are_granted_the_tables_streams_and_queues_of_the_chart():
    chart = yaml.safe_load(CHART.read_text())["services"]
    for service, statements in SERVICES.items():
        named = {
            r.split("/")[1] for s in statements if s["sid"] != "Metrics" for r in s["resources"]
        }
        given = set(chart[service].get("env", {}).values())
        beside = {name for name in named - given if "-dlq" in name or name in BY_REGISTRATION}
        assert named - beside == given - beside, service


def test_known_calls_are_found():
    assert granted("order") >= {"dynamodb:Query", "kinesis:PutRecords", "sqs:SendMessage"}
    assert granted("inventory") >= {"dynamodb:DeleteItem", "dynamodb:BatchGetItem"}
    assert granted("loyalty") >= {"kinesis:GetRecords", "sqs:SendMessage"}
    assert "sqs:ReceiveMessage" not in granted("loyalty")
    assert granted("menu") == {"cloudwatch:PutMetricData"}


def test_a_new_call_is_noticed():
    source = 'async def f(self): await self._aws.call("dynamodb", "delete_item", Key={})'
    assert list(actions._calls(ast.parse(source))) == [("dynamodb", "delete_item")]


def test_a_call_to_what_a_service_was_given_nothing_of_is_refused():
    with pytest.raises(ProblemError, match="menu calls sqs: SendMessage"):
        list(actions._statements("menu", {("sqs", "SendMessage")}))
