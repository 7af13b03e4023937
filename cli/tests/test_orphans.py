"""`cafectl orphans`: what nobody looks after is found, and nothing else is touched."""

import json

import boto3
import pytest
from cafectl import orphans_cluster, orphans_command
from cafectl.app import app
from cafectl.orphans import (
    Alive,
    SweepError,
    Tagged,
    as_they_are,
    find,
    kept_on_purpose,
    name_of,
    remove,
)
from cafectl.orphans_aws import AwsSweep
from typer.testing import CliRunner

UID = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"
OWNER, RUN = "cloudcafe.dev/owner", "cloudcafe.dev/run"
HERE = "eu-west-1:000000000000"
QUEUE = f"arn:aws:sqs:{HERE}:cloudcafe-default_corner-orders.fifo"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:cloudcafe/default/corner/till-AbC123"
ALARM = f"arn:aws:cloudwatch:{HERE}:alarm:cloudcafe/default/corner/dead-letters"
TABLE = f"arn:aws:dynamodb:{HERE}:table/cloudcafe-store-default.corner"
DASHBOARD = "arn:aws:cloudwatch::000000000000:dashboard/cloudcafe-store-default_corner__two"
ACL = f"arn:aws:ec2:{HERE}:network-acl/acl-1"
GROUP = f"arn:aws:ec2:{HERE}:security-group/sg-1"
TARGETS = f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/cloudcafe-order/0123"
TEMPLATE = "arn:aws:fis:::experiment-template/EXT1"
POLICY = "arn:k8s:kubernetes:::networkpolicy/shop/cloudcafe-partition-x"
NOBODY = Alive({}, frozenset())
BY_STORE = {OWNER: f"default/corner/{UID}", "cloudcafe.dev/part-of": "cloudcafe"}


@pytest.mark.parametrize(
    ("arn", "kind", "name"),
    [
        (QUEUE, "SQSQueue", "cloudcafe-default_corner-orders.fifo"),
        (SECRET, "SecretsManagerSecret", "cloudcafe/default/corner/till"),
        (ALARM, "CloudWatchAlarm", "cloudcafe/default/corner/dead-letters"),
        (TABLE, "DynamoDBTable", "cloudcafe-store-default.corner"),
    ],
)
def test_what_a_vanished_store_owns_is_an_orphan_with_its_name_and_owner(arn, kind, name):
    (found,) = find([Tagged(arn, BY_STORE)], NOBODY)
    assert (found.kind, found.name, found.remedy) == (kind, name, "delete")
    assert found.owner == f"default/corner/{UID}"
    assert found.why == "store default/corner does not exist"


def test_what_a_living_store_owns_is_none():
    assert find([Tagged(QUEUE, BY_STORE)], Alive({"default/corner": UID}, frozenset())) == []


def test_a_namesakes_resource_is_an_orphan_that_says_so():
    (found,) = find([Tagged(QUEUE, BY_STORE)], Alive({"default/corner": OTHER}, frozenset()))
    assert found.why == "store default/corner of today is another one than its owner"


def test_what_was_kept_on_purpose_or_has_no_owner_is_none():
    kept = Tagged(QUEUE, {OWNER: "default/corner/retained"})
    terraforms = Tagged(TABLE, {"cloudcafe.dev/part-of": "cloudcafe"})
    assert find([kept, terraforms], NOBODY) == []
    assert kept_on_purpose([kept, terraforms]) == 1


@pytest.mark.parametrize(
    ("arn", "tags", "remedy"),
    [
        (ACL, {RUN: UID}, "delete"),
        (GROUP, {RUN: UID}, "untag"),
        (TARGETS, {f"{RUN}-{UID}-0123456789ab": "away"}, "untag"),
        (TEMPLATE, {"cloudcafe.dev/chaos-run": f"{UID}-0123456789ab"}, "delete"),
        (POLICY, {RUN: UID}, "delete"),
    ],
)
def test_what_a_run_left_is_an_orphan_once_the_run_is_over(arn, tags, remedy):
    (found,) = find([Tagged(arn, tags)], NOBODY)
    assert (found.owner, found.remedy) == (f"run {UID}", remedy)
    assert find([Tagged(arn, tags)], Alive({}, frozenset({UID}))) == []


def test_a_living_stores_own_that_a_run_marked_is_left_to_a_person():
    tags = BY_STORE | {RUN: OTHER}
    (found,) = find([Tagged(QUEUE, tags)], Alive({"default/corner": UID}, frozenset()))
    assert found.remedy == "by hand"


def test_a_dashboard_says_by_its_name_whose_it_was():
    (found,) = find([Tagged(DASHBOARD, {})], NOBODY)
    assert found.owner == "default/corner.two"
    assert find([Tagged(DASHBOARD, {})], Alive({"default/corner.two": UID}, frozenset())) == []


def test_a_dashboard_that_was_kept_on_purpose_is_none_whatever_its_name():
    assert find([Tagged(DASHBOARD, {OWNER: "default/corner.two/retained"})], NOBODY) == []


def test_a_kind_that_is_not_known_is_shown_and_left_to_a_person():
    (found,) = find([Tagged(f"arn:aws:sns:{HERE}:topic", BY_STORE)], NOBODY)
    assert found.remedy == "by hand"


class FakeSweep:
    def __init__(self, **now):
        self.now = now
        self.did = []

    def tags(self, arn, known):
        return self.now.get("tags", known)

    def delete(self, orphan):
        self.did.append(("delete", orphan.name))

    def untag(self, orphan):
        self.did.append(("untag", *orphan.tags))


def test_before_it_is_removed_its_tags_are_read_again():
    (queue,) = find([Tagged(QUEUE, BY_STORE)], NOBODY)
    adopted = FakeSweep(tags={OWNER: "default/corner/retained"})
    assert not remove(adopted, queue, NOBODY)
    assert adopted.did == []
    sweep = FakeSweep()
    assert remove(sweep, queue, NOBODY)
    assert sweep.did == [("delete", name_of(QUEUE))]


def test_what_is_gone_meanwhile_counts_as_removed():
    (queue,) = find([Tagged(QUEUE, BY_STORE)], NOBODY)
    sweep = FakeSweep(tags=None)
    assert remove(sweep, queue, NOBODY)
    assert sweep.did == []


def test_only_the_marks_of_runs_that_are_over_are_taken_off():
    over, going = f"{RUN}-{UID}-0123456789ab", f"{RUN}-{OTHER}-0123456789ab"
    alive = Alive({}, frozenset({OTHER}))
    (group,) = find([Tagged(TARGETS, {over: "away", going: "away"})], alive)
    sweep = FakeSweep()
    assert remove(sweep, group, alive)
    assert sweep.did == [("untag", over)]


def test_only_what_looks_like_an_orphan_is_asked_for_itself():
    class Asked(FakeSweep):
        def tags(self, arn, known):
            self.did.append(arn)
            return None if arn == TARGETS else known

    living = Tagged(QUEUE.replace("corner", "other"), {OWNER: f"default/other/{UID}"})
    kept = Tagged(QUEUE.replace("corner", "kept"), {OWNER: "default/kept/retained"})
    gone = Tagged(TARGETS, {f"{RUN}-{UID}-0123456789ab": "away"})
    sweep = Asked()
    listed = [Tagged(QUEUE, BY_STORE), living, kept, gone]
    found = as_they_are(sweep, listed, Alive({"default/other": UID}, frozenset()))
    assert sweep.did == [QUEUE, kept.arn, TARGETS]
    assert found == [Tagged(QUEUE, BY_STORE), living, kept]


def test_the_mark_of_a_run_that_began_meanwhile_is_left():
    over, new = f"{RUN}-{UID}-0123456789ab", f"{RUN}-{OTHER}-0123456789ab"
    (group,) = find([Tagged(TARGETS, {over: "away"})], NOBODY)
    sweep = FakeSweep(tags={over: "away", new: "away"})
    assert remove(sweep, group, NOBODY)
    assert sweep.did == [("untag", over)]


@pytest.fixture
def world(local_aws, monkeypatch):
    """AWS with a living, a vanished and a retained store's queues, and no cluster."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    sqs = boto3.client("sqs", **local_aws.client_arguments)
    for name, uid in (("corner", UID), ("gone", OTHER), ("kept", "retained")):
        sqs.create_queue(
            QueueName=f"cloudcafe-default-{name}", tags={OWNER: f"default/{name}/{uid}"}
        )
    boto3.client("secretsmanager", **local_aws.client_arguments).create_secret(
        Name="cloudcafe/default/gone/till",
        SecretString="x",
        Tags=[{"Key": OWNER, "Value": f"default/gone/{OTHER}"}],
    )
    cloudwatch = boto3.client("cloudwatch", **local_aws.client_arguments)
    for name, uid in (("gone", OTHER), ("kept", "retained")):
        cloudwatch.put_dashboard(
            DashboardName=f"cloudcafe-store-default_{name}",
            DashboardBody='{"widgets": []}',
            Tags=[{"Key": OWNER, "Value": f"default/{name}/{uid}"}],
        )
    alive = Alive({"default/corner": UID}, frozenset())
    monkeypatch.setattr(orphans_cluster, "alive", lambda: alive)
    monkeypatch.setattr(orphans_cluster, "policies", list)
    return sqs


def run(*words, code, answer=""):
    result = CliRunner().invoke(app, ["orphans", *words], input=answer)
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def queues(sqs):
    found = sqs.list_queues(QueueNamePrefix="cloudcafe-default-")["QueueUrls"]
    return {url.rpartition("/")[2] for url in found}


def test_they_are_listed_removed_after_a_yes_and_then_there_are_none(world):
    rows = json.loads(run("-o", "json", code=1))
    assert {(row["kind"], row["name"]) for row in rows} == {
        ("SQSQueue", "cloudcafe-default-gone"),
        ("SecretsManagerSecret", "cloudcafe/default/gone/till"),
        ("CloudWatchDashboard", "cloudcafe-store-default_gone"),
    }
    run("--delete", code=1, answer="n\n")
    assert len(queues(world)) == 3
    run("--delete", code=0, answer="y\n")
    assert queues(world) == {"cloudcafe-default-corner", "cloudcafe-default-kept"}
    assert "0 orphans; the cluster has 1 stores" in run(code=0)


def test_without_aws_it_cannot_be_told(monkeypatch):
    def unreachable(self):
        raise SweepError("set AWS_REGION")

    monkeypatch.setattr(AwsSweep, "tagged", unreachable)
    run(code=2)
    assert orphans_command.UNKNOWN == 2
