"""What an account must give before an environment can stand in it, as docs/terraform.md says."""

import re

import pytest

from dev.system import ROOT
from tests.terraform.environments import NAMES, chosen, source

DOCS = (ROOT / "docs" / "terraform.md").read_text()
#: AWS gives a new account this many executions at once …
NEW_ACCOUNT = 10
#: … and keeps this many for functions that reserve none.
UNRESERVED = 100


def test_dev_stands_in_a_new_account():
    function = chosen("dev", "function")
    assert function["reserved_concurrency"] == -1
    assert function["most_at_once"] <= NEW_ACCOUNT


def test_prod_reserves_no_more_than_what_is_to_be_asked_for():
    command = r"request-service-quota-increase --service-code lambda --quota-code L-B99A9384"
    [asked] = re.findall(rf"{command} --desired-value (\d+)", DOCS)
    assert chosen("prod", "function")["reserved_concurrency"] + UNRESERVED <= int(asked)


def test_the_tag_that_the_budget_counts_by_is_activated():
    [activated] = re.findall(r"update-cost-allocation-tags-status .*TagKey=(\S+),", DOCS)
    budget = (ROOT / "terraform/modules/observability/budget.tf").read_text()
    assert f'"user:{activated}$cloudcafe"' in budget


@pytest.mark.parametrize("environment", NAMES)
def test_a_state_is_encrypted_with_the_key_of_its_bucket(environment):
    # without kms_key_id, `encrypt` has Terraform send AES256, which goes before the bucket's own
    [backend] = re.findall(
        r'^  backend "s3" \{$.*?^  \}$',
        source(environment, "versions.tf"),
        re.MULTILINE | re.DOTALL,
    )
    assert "encrypt" not in backend
    assert (
        "kms_master_key_id = aws_kms_key.state.arn"
        in (ROOT / "terraform/bootstrap/main.tf").read_text()
    )
