"""`make deploy` and `make destroy` of what is half made or half gone, and on another machine."""

import json
from pathlib import Path

import pytest

import dev.images.build
from dev import deploy, deploy_cluster, deployment
from dev.system import ProblemError
from tests.terraform.account import CLUSTER, LOGS, LOOKS_UNTIL_READ, Account

OUTPUTS = json.loads((Path(__file__).parent / "deploy.json").read_text())
STANDS = {CLUSTER: "ACTIVE"}
ANOTHER = "/aws/lambda/payment-processor"


class OnAccount(deploy.Deployment):
    """Terraform is played: `outputs` of the state, `plan` what a plan does to the logs' groups."""

    def __init__(self, account, *, outputs=OUTPUTS, plan="delete"):
        super().__init__("dev", "states", yes=True)
        self.account, self.said, self.plan = account, outputs, plan
        self.terraforms_region = "eu-west-1"

    def terraform(self, *words):
        self.commands.append(" ".join(["terraform", *words]))
        if words == ("apply", "destroy.tfplan"):
            self.account.destroyed()
        creates = words == ("apply", "apply.tfplan") and self.plan == "create"
        if creates and LOGS in self.account.groups:
            raise ProblemError("ResourceAlreadyExistsException")

    def call(self, *words, text=None, cwd=None):
        self.commands.append(" ".join(map(str, words)))
        if words[:2] == ("terraform", "output"):
            return json.dumps(self.said)
        if words[:2] == ("terraform", "show"):
            changes = [changed(LOGS, self.plan), changed(ANOTHER)]
            variables = {"region": {"value": self.terraforms_region}}
            return json.dumps({"resource_changes": changes, "variables": variables})
        return self.account.answer(*words)


def changed(name, action="no-op"):
    before, after = {"create": (None, 1), "delete": (1, None)}.get(action, (1, 1))
    change = {"actions": [action], "before": before and {"name": name}}
    change["after"] = after and {"name": name}
    return {"type": "aws_cloudwatch_log_group", "change": change}


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr(deploy.Deployment, "folder", tmp_path)
    (tmp_path / "deploy").mkdir()
    for module in (deploy_cluster, deployment):
        monkeypatch.setattr(module, "LOCAL", tmp_path)
    for module in (deploy_cluster, deploy):
        monkeypatch.setattr(module, "kubectl", lambda _: ("kubectl",))
        monkeypatch.setattr(module, "helm", lambda _: ("helm",))
    monkeypatch.setattr(deploy, "ensure_engine", lambda: None)
    monkeypatch.setattr(deploy.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(deploy, "build_package", lambda: None)
    monkeypatch.setattr(deploy, "succeeds", lambda *_: True)
    monkeypatch.setattr(
        dev.images.build, "build", lambda names: {name: f"cloudcafe/{name}:a1" for name in names}
    )


def told(to, words):
    return [line for line in to.commands if words in line]


@pytest.mark.parametrize(
    ("outputs", "clusters"),
    [
        pytest.param({}, STANDS, id="a first apply that failed: it has no output"),
        pytest.param(OUTPUTS, {}, id="a destroy that broke off after the cluster"),
        pytest.param(OUTPUTS, {CLUSTER: "DELETING"}, id="one that broke off while it went"),
    ],
)
def test_a_destroy_goes_on_where_there_is_no_cluster_to_empty(outputs, clusters):
    to = OnAccount(Account(clusters=clusters), outputs=outputs)
    deploy.down(to)
    assert not told(to, "update-kubeconfig") + told(to, "kubectl") + told(to, "helm")
    assert told(to, "terraform apply destroy.tfplan")


def test_a_cluster_that_stands_is_emptied_before_it_goes():
    to = OnAccount(Account(clusters=STANDS))
    deploy.down(to)
    wanted = ("cafestores", "targetgroupbindings", "externalsecrets", "uninstall external-secrets")
    places = [to.commands.index(told(to, words)[0]) for words in wanted]
    assert places == sorted(places)
    assert places[-1] < to.commands.index("terraform apply destroy.tfplan")


def test_kinds_of_a_controller_that_was_never_installed_are_passed_over():
    to = OnAccount(Account(clusters=STANDS, kinds=("externalsecrets.external-secrets.io",)))
    deploy.down(to)
    assert told(to, "delete externalsecrets")
    assert told(to, "terraform apply destroy.tfplan")


def test_a_machine_that_never_deployed_makes_the_package_that_the_plan_reads(tmp_path, monkeypatch):
    to = OnAccount(Account())
    package = tmp_path / "payment-processor.zip"
    monkeypatch.setattr(deploy, "PACKAGE", package)

    def build():
        assert not told(to, "terraform plan")
        package.touch(exist_ok=False)

    monkeypatch.setattr(deploy, "build_package", build)
    deploy.down(to)
    assert package.exists()
    deploy.down(to)  # and does not make it twice


def test_logs_that_come_after_a_clusters_end_go_too():
    account = Account(clusters=STANDS, groups=[ANOTHER])
    deploy.down(OnAccount(account))
    assert account.groups == {ANOTHER}


def test_logs_of_a_cluster_that_is_gone_are_not_in_the_way_of_the_next(capsys):
    account = Account(groups=[LOGS, ANOTHER])
    to = OnAccount(account, plan="create")
    told_before = []
    to.confirmed = lambda _: told_before.append(capsys.readouterr().err)
    deploy._apply(to)
    assert account.groups == {ANOTHER}
    assert f"{LOGS} was left by a cluster that is gone" in told_before[0]


@pytest.mark.parametrize(
    ("clusters", "plan"),
    [
        pytest.param(STANDS, "create", id="its cluster lives: it is of another state"),
        pytest.param({}, "no-op", id="it is in the state: the logs of a lost cluster"),
        pytest.param({}, "update", id="it is in the state, and changes"),
    ],
)
def test_logs_are_kept_where_they_are_not_left_over(clusters, plan):
    account = Account(clusters=clusters, groups=[LOGS])
    to = OnAccount(account, plan=plan)
    if plan == "create":
        with pytest.raises(ProblemError, match="ResourceAlreadyExists"):
            deploy._apply(to)
    else:
        deploy._apply(to)
    assert account.groups == {LOGS}


def test_a_migration_is_judged_by_its_own_container():
    deploy_cluster.migrate_analytics(OnAccount(Account()), OUTPUTS)


@pytest.mark.parametrize("code", [1, None])
def test_a_migration_that_failed_or_never_ran_ends_the_deploy(code):
    own = {"name": "analytics-worker"} | ({} if code is None else {"exitCode": code})
    tasks = {"tasks": [{"containers": [{"name": "aws-guardduty-agent-x1", "exitCode": 0}, own]}]}
    with pytest.raises(ProblemError, match=f"ended with {code}"):
        deploy_cluster.migrate_analytics(OnAccount(Account(tasks=tasks)), OUTPUTS)


@pytest.mark.parametrize(
    ("machine_name", "engine", "named"),
    [
        ("aarch64", "amd64", "this machine is aarch64"),
        ("x86_64", "arm64", "its Docker engine is arm64"),
    ],
)
def test_images_that_would_run_nowhere_on_aws_are_refused_first(
    machine_name, engine, named, monkeypatch
):
    monkeypatch.setattr(deploy.platform, "machine", lambda: machine_name)
    to = OnAccount(Account(engine=engine))
    with pytest.raises(ProblemError, match=named):
        deploy.up(to)
    assert not told(to, "terraform")


def test_secrets_of_what_was_never_deployed_are_refused_with_a_sentence():
    with pytest.raises(ProblemError, match="dev has no output `deploy`"):
        deploy.secrets(OnAccount(Account(), outputs={}))


def tags(folder):
    file = folder / "images.auto.tfvars.json"
    return json.loads(file.read_text())["image_tags"] if file.exists() else None


def test_a_clone_that_never_deployed_keeps_what_runs_outside_of_the_cluster(tmp_path):
    said = {"chart_values": {"value": {"image_tags": {"loyalty": "b2"}}}}
    to = OnAccount(Account(clusters=STANDS), outputs=said)
    seen = []
    to.confirmed = lambda _: seen.append(tags(tmp_path))
    with pytest.raises(KeyError):  # this state has nothing else to say
        deploy.up(to)
    assert seen == [{"loyalty": "b2"}]


@pytest.mark.parametrize("known", [None, {"order": "a1"}])
def test_a_rehearsal_leaves_the_tags_of_images_as_they_are(tmp_path, known, capsys):
    if known:
        (tmp_path / deploy.TAGS).write_text(json.dumps({"image_tags": known}))
    deploy.up(deploy.Deployment("dev", "states", rehearse=True))
    assert tags(tmp_path) == known
    assert "terraform apply" in capsys.readouterr().out


def test_a_plan_for_another_region_than_the_rest_is_refused():
    to = OnAccount(Account(clusters=STANDS))
    to.terraforms_region = "eu-central-1"
    with pytest.raises(ProblemError, match="say REGION=eu-central-1"):
        deploy.down(to)
    assert not told(to, "terraform apply")


def test_after_a_leak_secrets_are_read_anew_each_time_before_anything_restarts():
    account = Account(clusters=STANDS)
    to = OnAccount(account)
    times = iter((1_700_000_000, 1_700_000_600))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deploy_cluster.time, "time", lambda: next(times))
        for _ in range(2):
            deploy.secrets(to)
    assert len(set(account.synced)) == 2
    assert len(told(to, "rollout restart")) == 2
    assert account.looks > LOOKS_UNTIL_READ
