"""The room that judges terraform/: what it counts, what it refuses, and its exceptions' reasons."""

import itertools
import re

import pytest

from dev.golang import go
from dev.terraform import check, programs, workspace
from dev.terraform.check import Verdict, refused, table, unproven
from dev.terraform.lint import CHECKOV, TFLINT

VARIABLES = """
variable "cidr" {
  type        = string
  description = "Addresses."

  validation {
    condition     = var.cidr != ""
    error_message = "Must not be empty."
  }
}

variable "name" {
  type        = string
  description = "Name."
}
"""
REFUSED = """
run "refuses_what_is_no_cidr" {
  command = plan
  expect_failures = [
    var.cidr, # said twice
    aws_vpc.this,
  ]
}
"""


@pytest.fixture
def module(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "variables.tf").write_text(VARIABLES)
    (tmp_path / "tests" / "refused.tftest.hcl").write_text(REFUSED.replace(" # said twice", ""))
    return tmp_path


@pytest.mark.parametrize(
    ("version", "verdict"), [("1.11.4", True), ("1.9.8", False), ("2.0.0", True), ("1.2.11", False)]
)
def test_a_terraform_older_than_its_tests_want_does_not_fit(version, verdict):
    assert programs.fits(version) is verdict


def test_the_stand_in_plays_the_providers_that_it_has_schemas_of():
    assert programs.provider_names() == ["archive", "aws", "random"]
    assert programs.provider_version("aws").startswith("6.")


def test_each_expected_failure_is_a_negative_case(module):
    assert refused(module) == ["var.cidr", "aws_vpc.this"]


def test_a_validation_with_a_negative_case_is_proven(module):
    assert unproven(module) == []


def test_a_validation_without_a_negative_case_is_named(module):
    (module / "tests" / "refused.tftest.hcl").write_text("# expect_failures = [var.cidr]\n")

    assert unproven(module) == ["cidr"]


def test_a_module_names_its_types_and_blocks(module):
    (module / "main.tf").write_text('resource "aws_vpc" "v" {\n  dynamic "timeouts" {}\n}\n')

    assert {"aws_vpc", "timeouts"} <= set(workspace.names(module))


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(programs.ProblemError, match=r"not in terraform/: nowhere"):
        check.folders(["nowhere"])


def test_the_table_ends_with_the_sums():
    lines = table([Verdict("a", 3, 1, passed=2), Verdict("b", 4, 2, passed=5)]).splitlines()

    assert lines[-1].split() == ["all", "7", "7", "0", "3", "0"]


def test_the_registry_is_left_alone_unless_asked_for(monkeypatch):
    monkeypatch.delenv("CLOUDCAFE_TERRAFORM_REGISTRY", raising=False)
    assert not programs.wants_registry()

    monkeypatch.setenv("CLOUDCAFE_TERRAFORM_REGISTRY", "1")
    assert programs.wants_registry()


def _sources():
    tree = workspace.TREE
    return [path for path in tree.rglob("*.tf") if ".terraform" not in path.parts]


def test_every_check_that_is_left_out_has_its_reason():
    lines = CHECKOV.read_text().splitlines()

    for before, line in itertools.pairwise(lines):
        if line.strip().startswith("- CKV"):
            assert before.strip().startswith("#") or " # " in line, f"{line.strip()}: why?"


def test_every_exception_in_the_sources_has_its_reason():
    for path in _sources():
        for line in path.read_text().splitlines():
            if "checkov:skip=" in line:
                assert re.search(r"checkov:skip=CKV\w+:\s*(\S+\s+){2,}\S", line), f"{path}: {line}"
            if "tflint-ignore:" in line:
                assert re.search(r"tflint-ignore: \S+.*(#|//) ?\S+ \S", line), f"{path}: {line}"


def test_no_rule_of_tflint_is_switched_off_without_a_reason():
    lines = TFLINT.read_text().splitlines()

    for i, line in enumerate(lines):
        if re.match(r"rule ", line):
            assert lines[i - 1].startswith("#"), line


@pytest.mark.terraform
@pytest.mark.timeout(900)  # the first time compiles the provider
def test_the_stand_ins_own_tests_pass():
    assert "ok" in go(programs.PROVIDER, "test", "./...")


MISTAKES = {
    "a misspelt argument": (
        'resource "aws_vpc" "v" { cidr_blok = "10.0.0.0/16" }',
        "Unsupported argument",
    ),
    "a misspelt block": (
        'resource "aws_dynamodb_table" "t" {\n  name = "x"\n  ttll {}\n}',
        "Unsupported block type",
    ),
    "a missing argument": (
        'resource "aws_sns_topic_subscription" "s" {}',
        "Missing required argument",
    ),
    "an unknown resource": ('resource "aws_guard_duty_detector" "d" {}', "Invalid resource type"),
    "a wrong type": (
        'resource "aws_kms_key" "k" { deletion_window_in_days = "two weeks" }',
        "Incorrect attribute value type",
    ),
    "a read-only attribute": (
        'resource "aws_lb" "l" { dns_name = "x" }',
        "Value for unconfigurable attribute",
    ),
    "a missing block": (
        'resource "aws_eks_cluster" "c" {\n  name = "x"\n  role_arn = "y"\n}',
        "Insufficient vpc_config blocks",
    ),
}


@pytest.mark.terraform
@pytest.mark.timeout(600)
def test_mistakes_are_found_by_validate(tmp_path):
    """All in one configuration: a start of terraform costs more than a mistake."""
    body = "\n".join(body for body, _ in MISTAKES.values())
    (tmp_path / "main.tf").write_text(
        'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
        + body
    )
    settings = {
        "TF_DATA_DIR": str(tmp_path / "data"),
        "CLOUDCAFE_TERRAFORM_NAMES": " ".join(workspace.names(tmp_path)),
    }
    here = workspace.Workspace(tmp_path, {**programs.environment(), **settings})
    here.must("init", "-backend=false")

    said = here.run("validate", "-json").output

    missed = [name for name, (_, error) in MISTAKES.items() if error not in said]
    assert missed == [], said
