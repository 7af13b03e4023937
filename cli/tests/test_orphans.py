"""`cafectl orphans`: what nobody looks after is found, and nothing else is touched."""

import json

import boto3
import pytest
import yaml
from cafectl import orphans_cluster, orphans_command
from cafectl.app import app
from cafectl.chaos import cluster as connection
from cafectl.chaos.cluster import NoCluster, Unreachable
from cafectl.orphans import (
    Alive,
    SweepError,
    as_they_are,
    elsewhere,
    find,
    kept_on_purpose,
    remove,
)
from cafectl.orphans_aws import AwsSweep
from cafectl.orphans_tags import Tagged, name_of
from typer.testing import CliRunner

UID = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"
CLUSTER = "c1c1c1c1-0000-4000-8000-000000000001"
THEIRS = "a7a7a7a7-0000-4000-8000-000000000002"
OWNER, RUN = "cloudcafe.dev/owner", "cloudcafe.dev/run"
OF, RUN_OF = "cloudcafe.dev/cluster", "cloudcafe.dev/run-cluster"
HERE = "eu-west-1:000000000000"
QUEUE = f"arn:aws:sqs:{HERE}:cloudcafe-default_corner-orders.fifo"
QUEUE_OF_BEFORE = f"arn:aws:sqs:{HERE}:cloudcafe-default-corner-orders.fifo"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:cloudcafe/default/corner/till-AbC123"
ALARM = f"arn:aws:cloudwatch:{HERE}:alarm:cloudcafe/default/corner/dead-letters"
TABLE = f"arn:aws:dynamodb:{HERE}:table/cloudcafe-store-default.corner"
DASHBOARD = "arn:aws:cloudwatch::000000000000:dashboard/cloudcafe-store-default_corner__two"
ACL = f"arn:aws:ec2:{HERE}:network-acl/acl-1"
GROUP = f"arn:aws:ec2:{HERE}:security-group/sg-1"
TARGETS = f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/cloudcafe-order/0123"
TEMPLATE = "arn:aws:fis:::experiment-template/EXT1"
POLICY = "arn:k8s:kubernetes:::networkpolicy/shop/cloudcafe-partition-x"
NOBODY = Alive({}, frozenset(), CLUSTER)
ALONE = Alive({}, frozenset(), CLUSTER, alone=True)
LOST = Alive({}, frozenset(), THEIRS, gone=True)
CORNER = f"default/corner/{UID}"
BY_STORE = {OWNER: CORNER, OF: CLUSTER, "cloudcafe.dev/part-of": "cloudcafe"}
OF_BEFORE = {OWNER: CORNER, "cloudcafe.dev/part-of": "cloudcafe"}
BY_THEIRS = BY_STORE | {OF: THEIRS}


def living(*uids, stores=(), **terms):
    """Our cluster with the corner cafe, or these stores, and the runs of these uids."""
    return Alive(dict(stores or {"default/corner": UID}), frozenset(uids), CLUSTER, **terms)


def away(uid, cluster=CLUSTER):
    """The mark of a run on a target group, one of whose targets is away."""
    return {f"{RUN}-{uid}-0123456789ab": cluster}


def marked(cluster):
    """What runs make and mark, with the tags that they put on in a cluster, and its remedy."""
    told = {RUN_OF: f"{cluster}/{UID}"} if cluster else {}
    by = {RUN: UID} | told
    template = {"cloudcafe.dev/chaos-run": f"{UID}-0123456789ab"}
    return [
        (ACL, by, "delete"),
        (GROUP, by, "untag"),
        (TARGETS, away(UID, cluster or UID), "untag"),
        (TEMPLATE, template | told, "delete"),
        (POLICY, by, "delete"),
    ]


@pytest.mark.parametrize(
    ("arn", "kind", "name"),
    [
        (QUEUE, "SQSQueue", "cloudcafe-default_corner-orders.fifo"),
        (SECRET, "SecretsManagerSecret", "cloudcafe/default/corner/till"),
        (ALARM, "CloudWatchAlarm", "cloudcafe/default/corner/dead-letters"),
        (TABLE, "DynamoDBTable", "cloudcafe-store-default.corner"),
        (DASHBOARD, "CloudWatchDashboard", "cloudcafe-store-default_corner__two"),
    ],
)
def test_what_a_vanished_store_owns_is_an_orphan_with_its_name_and_owner(arn, kind, name):
    (found,) = find([Tagged(arn, BY_STORE)], NOBODY)
    assert (found.kind, found.name, found.remedy) == (kind, name, "delete")
    assert (found.owner, found.cluster) == (CORNER, CLUSTER)
    assert found.why == "store default/corner does not exist"


@pytest.mark.parametrize("tags", [BY_STORE, OF_BEFORE])
def test_what_a_living_store_owns_is_none(tags):
    assert find([Tagged(QUEUE, tags)], living()) == []


def test_a_namesakes_resource_is_an_orphan_that_says_so():
    (found,) = find([Tagged(QUEUE, BY_STORE)], living(stores={"default/corner": OTHER}))
    assert found.why == "store default/corner of today is another one than its owner"


def test_what_was_kept_on_purpose_or_has_no_owner_is_none():
    kept = Tagged(QUEUE, {OWNER: "default/corner/retained"})
    terraforms = Tagged(TABLE, {"cloudcafe.dev/part-of": "cloudcafe"})
    assert find([kept, terraforms], NOBODY) == []
    assert kept_on_purpose([kept, terraforms], NOBODY) == 1


@pytest.mark.parametrize(("arn", "tags", "remedy"), marked(CLUSTER))
def test_what_a_run_left_is_an_orphan_once_the_run_is_over(arn, tags, remedy):
    (found,) = find([Tagged(arn, tags)], NOBODY)
    assert (found.owner, found.remedy, found.cluster) == (f"run {UID}", remedy, CLUSTER)
    assert find([Tagged(arn, tags)], living(UID)) == []


def test_a_living_stores_own_that_a_run_marked_is_left_to_a_person():
    (found,) = find([Tagged(QUEUE, BY_STORE | {RUN: OTHER, RUN_OF: CLUSTER})], living())
    assert found.remedy == "by hand"


@pytest.mark.parametrize("arn", [QUEUE, SECRET, ALARM, TABLE, DASHBOARD])
def test_what_a_store_of_another_cluster_owns_is_none_and_is_counted(arn):
    theirs = Tagged(arn, BY_THEIRS)
    for alive in (NOBODY, ALONE, living()):
        assert find([theirs], alive) == []
    assert elsewhere([theirs, Tagged(QUEUE, BY_STORE)], NOBODY) == {THEIRS: 1}


@pytest.mark.parametrize(("arn", "tags", "_remedy"), marked(THEIRS))
def test_what_a_run_of_another_cluster_made_or_marked_is_none_and_is_counted(arn, tags, _remedy):
    assert find([Tagged(arn, tags)], NOBODY) == find([Tagged(arn, tags)], ALONE) == []
    assert elsewhere([Tagged(arn, tags)], NOBODY) == {THEIRS: 1}


def test_what_another_cluster_kept_on_purpose_is_kept_and_not_counted_as_its_own():
    kept = Tagged(TABLE, {OWNER: "default/corner/retained", OF: THEIRS})
    assert find([kept], ALONE) == []
    assert elsewhere([kept], NOBODY) == {}
    assert kept_on_purpose([kept], NOBODY) == 1


@pytest.mark.parametrize(("arn", "tags", "remedy"), [(QUEUE, OF_BEFORE, "delete"), *marked("")])
def test_what_tells_no_cluster_is_left_to_a_person_unless_there_is_but_one(arn, tags, remedy):
    (found,) = find([Tagged(arn, tags)], NOBODY)
    assert (found.remedy, found.cluster) == ("by hand", "")
    assert "it tells no cluster, and may be another's" in found.why
    (sure,) = find([Tagged(arn, tags)], ALONE)
    assert sure.remedy == remedy
    assert find([Tagged(arn, tags)], LOST) == []
    assert elsewhere([Tagged(arn, tags)], NOBODY) == {}


def test_of_a_lost_cluster_everything_is_an_orphan_though_a_namesake_lives_here():
    found = find([Tagged(arn, BY_THEIRS) for arn in (QUEUE, SECRET, ALARM, TABLE, DASHBOARD)], LOST)
    assert {one.remedy for one in found} == {"delete"}
    assert {one.why for one in found} == {f"cluster {THEIRS} is gone"}
    assert len(found) == 5


def test_of_a_lost_cluster_neither_ours_nor_what_was_kept_is_an_orphan():
    kept = Tagged(TABLE, {OWNER: "default/corner/retained", OF: THEIRS})
    ours = Tagged(SECRET, {OWNER: "default/corner/retained", OF: CLUSTER})
    mark = Tagged(ACL, {RUN: UID, RUN_OF: f"{CLUSTER}/{UID}"})
    assert find([Tagged(QUEUE, BY_STORE), mark], LOST) == []
    assert find([kept, ours], LOST) == []
    assert kept_on_purpose([kept, ours], LOST) == 1


@pytest.mark.parametrize(("arn", "tags", "remedy"), marked(THEIRS))
def test_marks_of_a_lost_cluster_are_all_that_tells_what_is_in_force(arn, tags, remedy):
    (found,) = find([Tagged(arn, tags)], LOST)
    assert found.remedy == ("by hand" if remedy == "untag" else remedy)


@pytest.mark.parametrize("alive", [living(), living(alone=True)])
def test_a_queue_of_a_living_store_under_its_name_of_before_is_shown_and_never_removed(alive):
    (found,) = find([Tagged(QUEUE_OF_BEFORE, OF_BEFORE)], alive)
    assert found.remedy == "by hand"
    assert found.why.startswith("its store has a queue of another name by now")
    kept = {OWNER: "default/corner/retained"}
    assert find([Tagged(QUEUE_OF_BEFORE, kept)], alive) == []


@pytest.mark.parametrize("alive", [NOBODY, ALONE, living(stores={"default/corner": OTHER})])
@pytest.mark.parametrize("ending", ["-orders.fifo", "-orders-dlq.fifo"])
@pytest.mark.parametrize("tags", [BY_STORE, OF_BEFORE])
def test_a_queue_under_its_name_of_before_is_left_to_a_person_also_without_its_store(
    alive, ending, tags
):
    (found,) = find([Tagged(QUEUE_OF_BEFORE.replace("-orders.fifo", ending), tags)], alive)
    assert found.remedy == "by hand"
    assert "it may hold tickets, or was to be kept" in found.why


def test_a_queue_under_its_name_of_before_is_left_to_a_person_also_without_its_cluster():
    (found,) = find([Tagged(QUEUE_OF_BEFORE, BY_THEIRS)], LOST)
    assert found.remedy == "by hand"


def test_a_dashboard_says_by_its_name_whose_it_was():
    (found,) = find([Tagged(DASHBOARD, {})], ALONE)
    assert (found.owner, found.remedy) == ("default/corner.two", "delete")
    assert find([Tagged(DASHBOARD, {})], living(stores={"default/corner.two": UID})) == []


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


@pytest.mark.parametrize("now", [{OWNER: "default/corner/retained"}, BY_THEIRS])
def test_before_it_is_removed_its_tags_are_read_again(now):
    (queue,) = find([Tagged(QUEUE, BY_STORE)], NOBODY)
    adopted = FakeSweep(tags=now)
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
    alive = living(OTHER)
    (group,) = find([Tagged(TARGETS, away(UID) | away(OTHER))], alive)
    sweep = FakeSweep()
    assert remove(sweep, group, alive)
    assert sweep.did == [("untag", *away(UID))]


def test_the_mark_on_a_security_group_goes_with_what_tells_its_cluster():
    (group,) = find([Tagged(GROUP, {RUN: UID, RUN_OF: f"{CLUSTER}/{UID}"})], NOBODY)
    sweep = FakeSweep()
    assert remove(sweep, group, NOBODY)
    assert sweep.did == [("untag", RUN, RUN_OF)]


@pytest.mark.parametrize("told", [f"{CLUSTER}/{UID}", CLUSTER, f"{CLUSTER}/"])
def test_a_cluster_that_is_not_told_of_this_very_run_is_no_evidence_of_whose_its_mark_is(told):
    left_behind = Tagged(GROUP, {RUN: OTHER, RUN_OF: told})  # and may be another cluster's
    (found,) = find([left_behind], NOBODY)
    assert (found.remedy, found.cluster) == ("by hand", "")
    assert find([left_behind], LOST) == []
    assert elsewhere([left_behind], Alive({}, frozenset(), THEIRS)) == {}


def test_only_the_mark_that_was_seen_is_taken_off_a_security_group(local_aws, monkeypatch):
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    ec2 = boto3.client("ec2", **local_aws.client_arguments)
    group = ec2.create_security_group(GroupName="swept", Description="swept")["GroupId"]

    def marks(run):
        return {RUN: run, RUN_OF: f"{CLUSTER}/{run}"}

    def mark(run):
        tags = [{"Key": key, "Value": value} for key, value in marks(run).items()]
        ec2.create_tags(Resources=[group], Tags=tags)

    def left():
        (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        return {one["Key"]: one["Value"] for one in found.get("Tags", [])}

    arn = GROUP.replace("sg-1", group)
    (orphan,) = find([Tagged(arn, marks(UID))], NOBODY)
    mark(OTHER)  # a run that began since it was read
    AwsSweep().untag(orphan)
    assert left() == marks(OTHER)
    mark(UID)
    AwsSweep().untag(orphan)
    assert left() == {}


@pytest.mark.parametrize("cluster", [THEIRS, OTHER])  # another's; none is told but the run again
def test_the_marks_of_another_clusters_runs_stay_beside_ours(cluster):
    (group,) = find([Tagged(TARGETS, away(UID) | away(OTHER, cluster))], NOBODY)
    sweep = FakeSweep()
    assert remove(sweep, group, NOBODY)
    assert sweep.did == [("untag", *away(UID))]


class Asked(FakeSweep):
    """Knows who was asked for tags; the dashboard tells its own."""

    def tags(self, arn, known):
        self.did.append(arn)
        return {TARGETS: None, DASHBOARD: BY_THEIRS}.get(arn, known)


def test_only_what_looks_like_an_orphan_is_asked_for_itself():
    others = Tagged(QUEUE.replace("corner", "other"), {OWNER: f"default/other/{UID}"})
    theirs = Tagged(QUEUE.replace("corner", "their"), BY_THEIRS)
    kept = Tagged(QUEUE.replace("corner", "kept"), {OWNER: "default/kept/retained"})
    gone = Tagged(TARGETS, away(UID))
    sweep = Asked()
    listed = [Tagged(QUEUE, BY_STORE), others, theirs, kept, gone]
    found = as_they_are(sweep, listed, living(stores={"default/other": UID}))
    assert sweep.did == [QUEUE, kept.arn, TARGETS]
    assert found == [Tagged(QUEUE, BY_STORE), others, theirs, kept]


def test_for_a_lost_cluster_every_dashboard_is_asked_whose_it_is():
    sweep = Asked()
    found = as_they_are(sweep, [Tagged(QUEUE, BY_STORE), Tagged(DASHBOARD, {})], LOST)
    assert sweep.did == [DASHBOARD]
    assert [one.arn for one in find(found, LOST)] == [DASHBOARD]


def test_the_mark_of_a_run_that_began_meanwhile_is_left():
    (group,) = find([Tagged(TARGETS, away(UID))], NOBODY)
    sweep = FakeSweep(tags=away(UID) | away(OTHER))
    assert remove(sweep, group, NOBODY)
    assert sweep.did == [("untag", *away(UID))]


@pytest.fixture
def world(local_aws, monkeypatch):
    """AWS that two clusters share, each with a store; one of ours is gone, and one was retained."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    sqs = boto3.client("sqs", **local_aws.client_arguments)
    cloudwatch = boto3.client("cloudwatch", **local_aws.client_arguments)
    for name, uid, cluster in (
        ("corner", UID, CLUSTER),
        ("gone", OTHER, CLUSTER),
        ("kept", "retained", CLUSTER),
        ("their", UID, THEIRS),
    ):
        tags = {OWNER: f"default/{name}/{uid}", OF: cluster}
        sqs.create_queue(QueueName=f"cloudcafe-default_{name}", tags=tags)
        cloudwatch.put_dashboard(
            DashboardName=f"cloudcafe-store-default_{name}",
            DashboardBody='{"widgets": []}',
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
    sqs.create_queue(QueueName="cloudcafe-default_old", tags={OWNER: f"default/old/{UID}"})
    boto3.client("secretsmanager", **local_aws.client_arguments).create_secret(
        Name="cloudcafe/default/gone/till",
        SecretString="x",
        Tags=[{"Key": OWNER, "Value": f"default/gone/{OTHER}"}, {"Key": OF, "Value": CLUSTER}],
    )
    monkeypatch.setattr(orphans_cluster, "uid", lambda: CLUSTER)
    monkeypatch.setattr(orphans_cluster, "alive", lambda _uid, alone: living(alone=alone))
    monkeypatch.setattr(orphans_cluster, "policies", lambda _uid: [])
    return sqs


def run(*words, code, answer=""):
    return invoked(*words, code=code, answer=answer).output


def invoked(*words, code, answer=""):
    result = CliRunner().invoke(app, ["orphans", *words], input=answer)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def queues(sqs):
    found = sqs.list_queues(QueueNamePrefix="cloudcafe-default_")["QueueUrls"]
    return {url.rpartition("_")[2] for url in found}


OURS = {
    ("SQSQueue", "cloudcafe-default_gone", "delete"),
    ("SecretsManagerSecret", "cloudcafe/default/gone/till", "delete"),
    ("CloudWatchDashboard", "cloudcafe-store-default_gone", "delete"),
}


def test_they_are_listed_and_removed_after_a_yes_and_another_clusters_stay(world):
    rows = json.loads(invoked("-o", "json", code=1).stdout)
    assert {(row["kind"], row["name"], row["remedy"]) for row in rows} == {
        *OURS,
        ("SQSQueue", "cloudcafe-default_old", "by hand"),
    }
    assert {row["cluster"] for row in rows} == {CLUSTER, ""}
    run("--delete", code=1, answer="n\n")
    assert queues(world) == {"corner", "gone", "kept", "their", "old"}
    run("--delete", code=1, answer="y\n")
    assert queues(world) == {"corner", "kept", "their", "old"}
    said = " ".join(run(code=1).split())
    assert "1 orphans; the cluster has 1 stores and 0 runs that are not over. 2 more were" in said
    assert "1 of them tell no cluster: cafectl orphans --only-cluster where no other uses" in said
    assert f"2 more belong to another cluster, {THEIRS}: cafectl orphans --cluster {THEIRS}" in said


def test_as_json_they_are_alone_and_what_was_not_judged_is_told_beside_them(world):
    answer = invoked("-o", "json", code=1)
    assert len(json.loads(answer.stdout)) == len(OURS) + 1
    said = " ".join(answer.stderr.split())
    assert "1 of them tell no cluster" in said
    assert f"2 more belong to another cluster, {THEIRS}" in said


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_uid_that_nothing_tells_may_be_misspelt_so_that_nothing_can_be_told_of_it(world, output):
    unheard = THEIRS.replace("a7", "b8")
    answer = invoked("--cluster", unheard, "--delete", "--yes", "-o", output, code=2)
    assert answer.stdout == ""
    assert f"nothing here tells cluster {unheard}" in " ".join(answer.stderr.split())


@pytest.mark.parametrize("tags", [{OWNER: "default/kept/retained", OF: OTHER},
                                  {OWNER: CORNER, OF: CLUSTER, RUN: UID,
                                   RUN_OF: f"{OTHER}/{UID}"}])  # fmt: skip
def test_what_was_kept_or_marked_tells_a_cluster_too(world, tags):
    world.create_queue(QueueName="cloudcafe-default_told", tags=tags)
    said = " ".join(run("--cluster", OTHER, code=int(RUN in tags)).split())
    assert f"{int(RUN in tags)} orphans of cluster {OTHER}." in said


def test_where_there_is_but_one_cluster_what_tells_none_goes_too(world):
    run("--delete", "--yes", "--only-cluster", code=0)
    assert queues(world) == {"corner", "kept", "their"}
    said = run("--only-cluster", code=0)
    assert "0 orphans; the cluster has 1 stores" in said
    assert "tell no cluster" not in said


def test_of_a_cluster_that_is_lost_all_is_removed_after_a_yes_and_nothing_of_ours(world):
    said = " ".join(run("--cluster", THEIRS, code=1).split())
    assert f"2 orphans of cluster {THEIRS}." in said
    asked = run("--cluster", THEIRS, "--delete", code=0, answer="y\n")
    assert f"Is cluster {THEIRS} gone for good? Remove 2 of them?" in asked
    assert queues(world) == {"corner", "gone", "kept", "old"}
    said = " ".join(run("--cluster", THEIRS, code=2).split())
    assert f"nothing here tells cluster {THEIRS}" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((CLUSTER,), "is the cluster of kubectl's context, and it answers: leave --cluster away"),
        ((THEIRS, "--only-cluster"), "leave --only-cluster away"),
        (("prod",), "prod is no uid of a cluster"),
        ((THEIRS[:-1],), "is no uid of a cluster"),
    ],
)
def test_a_sweep_for_a_lost_cluster_is_refused_where_it_cannot_be_that(words, said, monkeypatch):
    monkeypatch.setattr(orphans_cluster, "uid", lambda: CLUSTER)
    monkeypatch.setattr(AwsSweep, "tagged", lambda _self: pytest.fail("AWS was asked"))
    assert said in " ".join(run("--cluster", *words, "--delete", "--yes", code=2).split())


def test_who_cannot_be_asked_may_be_the_cluster_that_is_meant(monkeypatch):
    def silent():
        raise Unreachable("the API server does not answer (ConnectionError)")

    monkeypatch.setattr(orphans_cluster, "uid", silent)
    said = " ".join(run("--cluster", THEIRS, code=2).split())
    assert f"so it may be cluster {THEIRS}, and alive" in said
    assert "kubectl config unset current-context" in said


KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "prod",
    "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "me"}}],
    "clusters": [{"name": "prod", "cluster": {"server": "https://prod.invalid"}}],
    "users": [{"name": "me", "user": {"token": "secret"}}],
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home without a kubeconfig; what is written to the file that is returned is one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    connection._connection.cache_clear()
    (tmp_path / ".kube").mkdir()
    yield tmp_path / ".kube" / "config"
    connection._connection.cache_clear()


def kubeconfig(**changes):
    return yaml.safe_dump(KUBECONFIG | changes)


BROKEN = {
    "a certificate's file is missing": kubeconfig(
        clusters=[{"name": "prod", "cluster": {"server": "https://prod.invalid",
                                               "certificate-authority": "/nowhere/ca.crt"}}]
    ),
    "its context's cluster is misspelt": kubeconfig(
        contexts=[{"name": "prod", "context": {"cluster": "prd", "user": "me"}}]
    ),
    "its context is misspelt": kubeconfig(**{"current-context": "prd"}),
    "it was not written to its end": kubeconfig()[:60],
    "it is no YAML": "current-context: [prod",
    "it is text": "prod",
    "it is no text": "prod\udcff",
    "it is empty": "",
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_whom_a_broken_kubeconfig_means_may_be_the_cluster_that_is_meant(broken, home, monkeypatch):
    monkeypatch.setattr(AwsSweep, "tagged", lambda _self: pytest.fail("AWS was asked"))
    home.write_bytes(broken.encode(errors="surrogateescape"))
    said = " ".join(run("--cluster", THEIRS, "--delete", "--yes", code=2).split())
    assert "the kubeconfig cannot be used" in said
    assert f"so it may be cluster {THEIRS}, and alive" in said


@pytest.mark.parametrize("name", ["KUBECONFIG", "KUBERNETES_SERVICE_HOST"])
@pytest.mark.usefixtures("home")
def test_so_may_be_whom_a_path_means_that_does_not_exist_or_the_one_of_this_pod(name, monkeypatch):
    monkeypatch.setattr(AwsSweep, "tagged", lambda _self: pytest.fail("AWS was asked"))
    monkeypatch.setenv(name, "/nowhere")
    said = " ".join(run("--cluster", THEIRS, "--delete", "--yes", code=2).split())
    assert f"so it may be cluster {THEIRS}, and alive" in said


def test_of_two_kubeconfigs_one_may_be_missing(home, monkeypatch):
    home.write_text(kubeconfig())
    monkeypatch.setenv("KUBECONFIG", f"/nowhere:{home}")
    assert connection._connection().configuration.host == "https://prod.invalid"


@pytest.mark.parametrize(
    "text",
    [None, kubeconfig(**{"current-context": ""}), "{apiVersion: v1, kind: Config}"],
    ids=["no file", "a context that was unset", "nothing in it"],
)
def test_no_kubeconfig_or_one_without_a_context_means_no_cluster(text, home):
    if text is not None:
        home.write_text(text)
    with pytest.raises(NoCluster):
        connection.asked(lambda _api: pytest.fail("there is none"))


def test_without_any_cluster_a_lost_one_can_be_swept_for(world, monkeypatch):
    def none():
        raise NoCluster("no cluster")

    monkeypatch.setattr(orphans_cluster, "uid", none)
    run("--cluster", THEIRS, "--delete", "--yes", code=0)
    assert queues(world) == {"corner", "gone", "kept", "old"}
    run(code=2)  # and for this one not


def test_what_somebody_wrote_into_the_tag_is_no_part_of_a_command(world):
    world.create_queue(QueueName="cloudcafe-default_odd", tags={OWNER: CORNER, OF: "x; rm -rf /"})
    said = " ".join(run(code=1).split())
    assert "1 more belong to what is no cluster: x; rm -rf /" in said
    assert "--cluster x" not in said


def test_without_aws_it_cannot_be_told(monkeypatch):
    def unreachable(self):
        raise SweepError("set AWS_REGION")

    monkeypatch.setattr(orphans_cluster, "uid", lambda: CLUSTER)
    monkeypatch.setattr(AwsSweep, "tagged", unreachable)
    run(code=2)
    assert orphans_command.UNKNOWN == 2
