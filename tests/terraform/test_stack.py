"""`make deploy` and `make destroy` of dev on the offline stand-in, with Terraform itself.

`terraform test` makes and destroys the environment too, in memory; this keeps a state between the
commands, so it also sees a plan that never comes to rest, what a destroy leaves, and whether the
outputs are what the chart takes. What is called beside Terraform is recorded, and answers nothing.
"""

import io
import json

import pytest
from cafectl.values import values

import dev.images.build
from dev import deploy, deploy_cluster, deployment
from dev.deployment import Deployment
from dev.system import ROOT
from dev.terraform.workspace import TREE, workspace
from tests.terraform import refusals
from tests.terraform.account import CLUSTER, LOGS, Account

VARIABLES = {
    "domain": "cafe.example.com",
    "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
    "payment_provider_url": "https://payments.example.com",
    "administrators": {"ops": "arn:aws:iam::111122223333:role/ops"},
    "emails": ["cafe@example.com"],
    "till_cidrs": ["203.0.113.0/24"],
    "package_path": "./versions.tf",  # any file stands for the package
}
IN_ORDER = (  # who undoes and cleans up goes after what it cleans up
    "delete chaosexperiments,chaosruns,cafestores --all",
    "delete targetgroupbindings",
    "uninstall cloudcafe",
    "terraform apply destroy.tfplan",
    "delete-log-group",
)
LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'
FORMAT = json.loads((ROOT / "tests/terraform/deploy.json").read_text())


class OnTheStandIn(Deployment):
    """Terraform runs where the stand-in is; nothing else runs."""

    def __init__(self, here):
        super().__init__("dev", "states")
        self.here = here
        self.said = []
        # a cafe was here before
        self.account = Account(groups=[LOGS])

    @property
    def folder(self):
        return self.here.folder

    def terraform(self, *words):
        self.commands.append(" ".join(["terraform", *words]))
        given = [word for word in words if not word.startswith("-backend-config")]
        self.said.append(self.here.must(*given))
        if words == ("apply", "apply.tfplan"):
            self.account.applied()
        if words == ("apply", "destroy.tfplan"):
            self.account.destroyed()

    def call(self, *words, text=None, cwd=None):
        self.commands.append(" ".join(map(str, words)))
        if words[0] == "terraform":
            return self.here.must(*words[1:])
        return self.account.answer(*words)


class Person(io.StringIO):
    """Says yes to every question, at a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def to(tmp_path, monkeypatch):
    monkeypatch.setattr(deploy, "build_package", lambda: None)
    monkeypatch.setattr(deploy, "ensure_engine", lambda: None)
    monkeypatch.setattr(deploy.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(deploy, "succeeds", lambda *_: False)
    monkeypatch.setattr(deploy_cluster, "helm", lambda _: ("helm",))
    monkeypatch.setattr(deploy_cluster, "kubectl", lambda _: ("kubectl",))
    monkeypatch.setattr(deploy, "helm", lambda _: ("helm",))
    monkeypatch.setattr(deploy, "kubectl", lambda _: ("kubectl",))
    monkeypatch.setattr(deploy, "sweep", lambda to: to.commands.append("sweep"))
    for module in (deploy_cluster, deployment):
        monkeypatch.setattr(module, "LOCAL", tmp_path)
    monkeypatch.setattr(
        dev.images.build, "build", lambda names: {name: f"cloudcafe/{name}:a1" for name in names}
    )
    monkeypatch.setattr("sys.stdin", Person("yes\n" * 3))
    with workspace(TREE / "envs" / "dev") as here:
        (here.folder / "backend_override.tf").write_text(LOCAL_STATE)
        (here.folder / "terraform.tfvars.json").write_text(json.dumps(VARIABLES))
        yield OnTheStandIn(here)


@pytest.mark.terraform
@pytest.mark.timeout(1200)  # a minute and a half on an idle machine
def test_dev_is_deployed_comes_to_rest_and_goes_away(to):
    deploy.up(to)

    made = to.commands.index("terraform apply apply.tfplan")
    assert f"delete-log-group --region eu-west-1 --log-group-name {LOGS}" in to.commands[made - 1]
    plans = [said for said in to.said if "Plan:" in said]
    assert "module.cafe.module.networking.aws_vpc.this will be created" in plans[0]
    assert "aws_ecs_service" not in plans[0]  # its image is pushed between the two
    assert "aws_ecs_service" in plans[1]
    resources = to.here.must("state", "list").splitlines()
    assert len(resources) > 400
    state = refusals.resources(json.loads(to.here.must("show", "-json")))
    assert [*refusals.descriptions(state), *refusals.aliases(state)] == []
    second = to.here.run("plan", "-detailed-exitcode", "-no-color")
    assert second.status == 0, f"a third apply would change: {second.output[-3000:]}"
    outputs = to.outputs()
    assert values(outputs)["global"]["images"]["order"] == {"tag": "a1"}
    assert outputs["deploy"]["value"]["cluster"] == CLUSTER
    assert outputs["deploy"]["value"].keys() == FORMAT["deploy"]["value"].keys()

    to.commands.clear()
    deploy.down(to)

    gone = [next(n for n, line in enumerate(to.commands) if what in line) for what in IN_ORDER]
    assert LOGS not in to.account.groups
    assert gone == sorted(gone)
    assert to.here.must("state", "list").split() == []
    assert to.commands[-1] == "sweep"


def test_what_aws_would_refuse_is_noticed():
    def managed(kind, **values):
        return {"mode": "managed", "type": kind, "address": kind, "values": values}

    policy = {"Statement": [{"Effect": "Allow", "Action": ["kms:CreateAlias", "kms:DeleteAlias"]}]}
    made = [
        managed("aws_security_group", description="the server's addresses"),
        managed("aws_kms_key", key_id="1", policy=json.dumps(policy)),
        managed("aws_kms_alias", target_key_id="1"),
    ]
    state = {"values": {"root_module": {"child_modules": [{"resources": made}]}}}
    found = refusals.resources(state)
    assert refusals.descriptions(found) == ["aws_security_group"]
    assert refusals.aliases(found) == ["aws_kms_alias"]
