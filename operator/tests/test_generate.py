"""What is generated is fresh, bounded and complete."""

import json

import pytest
from cloudcafe_operator import generate
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.generate_iam import policy
from cloudcafe_operator.resources.common import VALIDATIONS
from cloudcafe_operator.resources.crd import crd, schema_of
from cloudcafe_operator.resources.store import CafeStoreSpec, example


def test_every_generated_file_is_fresh():
    stale = generate.find_stale(generate.ROOT, generate.outputs())
    assert stale == [], "run `make generate`"


def test_a_stale_or_missing_file_is_found_and_written(tmp_path):
    files = generate.outputs()
    assert set(generate.write(tmp_path, files)) == set(files)
    assert generate.find_stale(tmp_path, files) == []
    (tmp_path / generate.FAULTS).write_text("old")
    assert generate.find_stale(tmp_path, files) == [generate.FAULTS]


def nodes(schema, path="spec"):
    """Every node of a schema with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from nodes(schema[name], f"{path}[]")


DEFINITIONS = {definition.kind: definition for definition in generate.definitions()}


@pytest.fixture(params=sorted(DEFINITIONS))
def definition(request):
    return DEFINITIONS[request.param]


def test_every_text_and_list_of_a_spec_is_bounded_so_that_rules_are_cheap(definition):
    unbounded = [
        path
        for path, node in nodes(schema_of(definition.spec))
        if (node.get("type") == "string" and not {"maxLength", "enum", "format"} & node.keys())
        or (node.get("type") == "array" and "maxItems" not in node)
    ]
    assert unbounded == []


@pytest.mark.parametrize("kind", ["CafeStore", "ChaosExperiment"])  # people write no ChaosRun
def test_every_field_of_a_spec_says_what_it_means(kind):
    definition = DEFINITIONS[kind]
    silent = [
        path
        for path, node in nodes(schema_of(definition.spec))
        if not node.get("description") and not path.endswith("[]")
    ]
    assert silent == []


def test_every_rule_has_a_sentence(definition):
    rules = [r for _, node in nodes(schema_of(definition.spec)) for r in node.get(VALIDATIONS, [])]
    assert rules
    assert all(len(rule["message"]) > 20 for rule in rules)


def test_what_nothing_can_meet_within_0s_asks_for_a_second():
    spec = schema_of(DEFINITIONS["ChaosExperiment"].spec)
    asked = {
        path
        for path, node in nodes(spec)
        if any("duration('1s')" in rule["rule"] for rule in node.get(VALIDATIONS, []))
    }
    assert asked == {
        "spec.stopWhen[].failingFor",
        "spec.steadyState.probes[].timeout",
        "spec.steps[].recovery.within",
    }


def test_a_definition_is_plain_data(definition):
    assert json.loads(json.dumps(crd(definition))) == crd(definition)


def test_the_policy_allows_what_stores_and_faults_call_and_changes_only_by_consent():
    statements = {statement["Sid"]: statement for statement in policy()["Statement"]}
    assert "sqs:CreateQueue" in statements["StoreQueues"]["Action"]
    assert statements["StoreQueues"]["Resource"] == "arn:aws:sqs:*:*:cloudcafe-*"
    assert "rds:FailoverDBCluster" in statements["FaultsChange"]["Action"]
    assert statements["FaultsChange"]["Condition"]
    allowed = {action for one in statements.values() for action in one["Action"]}
    assert {action for fault in faults().values() for action in fault.iam_actions} <= allowed


def test_what_cannot_consent_by_a_tag_is_allowed_only_beside_what_did():
    statements = {statement["Sid"]: statement for statement in policy()["Statement"]}
    assert statements["FaultsRules"]["Resource"] == ["arn:aws:ec2:*:*:security-group-rule/*"]
    assert "ec2:RevokeSecurityGroupIngress" in statements["FaultsRules"]["Action"]
    assert "ec2:RevokeSecurityGroupIngress" in statements["FaultsChange"]["Action"]
    tagging = statements["FaultsTagWhatTheyMake"]["Condition"]["StringEquals"]
    assert "AuthorizeSecurityGroupIngress" in tagging["ec2:CreateAction"]


def test_the_catalogue_has_every_fault():
    text = generate.catalogue()
    assert all(f"## {name}" in text for name in faults())


def test_the_example_is_a_store():
    assert CafeStoreSpec.model_validate(example()["spec"]).tier == "standard"


def test_in_an_entry_faults_are_the_objects_and_nothing_else_is():
    """The admission policy finds out by that which faults an experiment has: it has no list."""
    found = [
        node
        for definition in DEFINITIONS.values()
        for path, node in nodes(schema_of(definition.spec))
        if path.endswith("steps[].faults[]")
    ]
    assert len(found) == 2  # of the experiment, and of the run's copy
    for entry in found:
        objects = {name for name, one in entry["properties"].items() if one["type"] == "object"}
        assert objects == set(faults())
