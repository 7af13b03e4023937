"""What the embedded AWS still holds after it was stopped, killed, or found its file damaged."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from localaws.snapshot_file import SnapshotError, read
from localaws.testing import LocalAws

from localaws.tests.test_fault_injection import Lab

TABLE = "cloudcafe-inventory"
STREAM = "cloudcafe-order-events"
INTERVAL = 0.2


@pytest.fixture
def start(tmp_path):
    """`with start() as (aws, client)` runs localaws on the same folder each time."""

    def begin(**settings):
        environment = {
            "LOCALAWS_STATE_DIR": str(tmp_path),
            "LOCALAWS_SNAPSHOT_SECONDS": str(INTERVAL),
            **settings,
        }
        return LocalAws.start(environment)

    return begin


def client_of(aws, service):
    return boto3.client(service, **aws.client_arguments)


def put(aws, key, **more):
    client_of(aws, "dynamodb").put_item(
        TableName=TABLE, Item={"pk": {"S": key}, "sk": {"S": "item"}, **more}
    )


def item(aws, key):
    answer = client_of(aws, "dynamodb").get_item(
        TableName=TABLE, Key={"pk": {"S": key}, "sk": {"S": "item"}}
    )
    return answer.get("Item")


def writes_per_second(aws):
    table = client_of(aws, "dynamodb").describe_table(TableName=TABLE)["Table"]
    return table["ProvisionedThroughput"]["WriteCapacityUnits"]


def lower(aws, units):
    client_of(aws, "dynamodb").update_table(
        TableName=TABLE,
        ProvisionedThroughput={"ReadCapacityUnits": 500, "WriteCapacityUnits": units},
    )


def members(aws):
    cluster = client_of(aws, "rds").describe_db_clusters(DBClusterIdentifier="cloudcafe")
    return {
        each["DBInstanceIdentifier"]: each["IsClusterWriter"]
        for each in cluster["DBClusters"][0]["DBClusterMembers"]
    }


def cluster_status(aws):
    found = client_of(aws, "rds").describe_db_clusters(DBClusterIdentifier="cloudcafe")
    return found["DBClusters"][0]["Status"]


def records(aws):
    kinesis = client_of(aws, "kinesis")
    found = []
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found += kinesis.get_records(ShardIterator=iterator)["Records"]
    return {(each["PartitionKey"], each["Data"], each["SequenceNumber"]) for each in found}


def eventually(question, what, seconds=15):
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.05)


def snapshots(aws):
    line = 'localaws_snapshots_total{outcome="written"} '
    return next((float(x[len(line) :]) for x in aws.metrics().splitlines() if line in x), 0.0)


def kill(aws):
    os.kill(aws.process_id, signal.SIGKILL)


def after_the_next_snapshot(aws):
    """Two more: one may have begun before the last write."""
    before = snapshots(aws)
    for number in (1, 2):
        put(aws, f"nudge-{number}")
        eventually(lambda wanted=before + number: snapshots(aws) >= wanted, "a snapshot")


@pytest.fixture(scope="module")
def lives(tmp_path_factory):
    """Return what the first life of a localaws made, and its second life.

    One restart for all that looks at what a stop keeps: each start costs seconds.
    """
    settings = {
        "LOCALAWS_STATE_DIR": str(tmp_path_factory.mktemp("state")),
        "LOCALAWS_FAILOVER_SECONDS": "0.2",
    }
    with LocalAws.start(settings) as aws:
        made = {
            "stock": store_messages_and_stock(aws),
            "records": records(aws),
            "redrive": change_what_was_seeded(aws),
        }
        stop_a_database_and_fail_the_cluster_over(aws)
        made["lowered"] = time.monotonic()
        lower(aws, 1)
        stop_the_function_and_refuse_the_stream(aws)
    with LocalAws.start(settings) as aws:
        yield made, aws


PAID = {"MessageBody": "pay 350", "MessageGroupId": "o1", "MessageDeduplicationId": "d1"}
STANDALONE = {
    "DBInstanceClass": "db.t3.micro",
    "Engine": "postgres",
    "MasterUsername": "cafe",
    "MasterUserPassword": "beans-and-milk",
    "AllocatedStorage": 20,
}


def store_messages_and_stock(aws):
    """Return the item as it was stored."""
    sqs, secrets = client_of(aws, "sqs"), client_of(aws, "secretsmanager")
    url = sqs.create_queue(QueueName="soho-orders", tags={"store": "soho"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one flat white ☕")
    sqs.send_message(QueueUrl=queue(sqs), **PAID)
    secrets.create_secret(Name="soho-till", SecretString="beans")
    client_of(aws, "kinesis").put_record(StreamName=STREAM, PartitionKey="o1", Data=b"\x00\xff")
    put(aws, "soho", quantity={"N": "12"}, raw={"B": b"\x01\xfe"}, sizes={"SS": ["s", "l"]})
    return item(aws, "soho")


def change_what_was_seeded(aws):
    """Return the new redrive policy."""
    kinesis, sqs = client_of(aws, "kinesis"), client_of(aws, "sqs")
    kinesis.add_tags_to_stream(StreamName=STREAM, Tags={"cloudcafe.dev/chaos": "denied"})
    url = queue(sqs)
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    redrive = before["Attributes"]["RedrivePolicy"].replace("100", "7")
    assert redrive != before["Attributes"]["RedrivePolicy"]
    changed = {"RedrivePolicy": redrive, "VisibilityTimeout": "7"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)
    sqs.tag_queue(QueueUrl=url, Tags={"cloudcafe.dev/experiment": "run-1"})
    return redrive


def stop_a_database_and_fail_the_cluster_over(aws):
    rds = client_of(aws, "rds")
    rds.create_db_instance(DBInstanceIdentifier="ledger", **STANDALONE)
    eventually(lambda: database_status(rds, "ledger") == "available", "the instance")
    rds.stop_db_instance(DBInstanceIdentifier="ledger")
    eventually(lambda: database_status(rds, "ledger") == "stopped", "it to stop")
    rds.failover_db_cluster(DBClusterIdentifier="cloudcafe")
    eventually(lambda: cluster_status(aws) == "available", "the failover to end")


def stop_the_function_and_refuse_the_stream(aws):
    client_of(aws, "lambda").put_function_concurrency(
        FunctionName="cloudcafe-payment-processor", ReservedConcurrentExecutions=0
    )
    Lab(client_of(aws, "fis"), client_of(aws, "kinesis")).start()


def queue(sqs):
    return sqs.get_queue_url(QueueName="cloudcafe-payment-results.fifo")["QueueUrl"]


def database_status(rds, name):
    found = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return found[0]["DBInstanceStatus"]


def test_a_stop_loses_nothing_that_stores_use(lives):
    made, aws = lives
    sqs, secrets = client_of(aws, "sqs"), client_of(aws, "secretsmanager")
    url = sqs.get_queue_url(QueueName="soho-orders")["QueueUrl"]
    received = sqs.receive_message(QueueUrl=url)["Messages"]
    assert [message["Body"] for message in received] == ["one flat white ☕"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"store": "soho"}
    sqs.send_message(QueueUrl=queue(sqs), **PAID)  # the same again: it remembers what it has seen
    received = sqs.receive_message(QueueUrl=queue(sqs), MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["pay 350"]
    assert secrets.get_secret_value(SecretId="soho-till")["SecretString"] == "beans"
    assert records(aws) == made["records"]
    assert len(made["records"]) == 1
    assert item(aws, "soho") == made["stock"]
    assert made["stock"]["quantity"] == {"N": "12"}


def test_seeding_leaves_alone_what_was_changed(lives):
    made, aws = lives
    kinesis, sqs = client_of(aws, "kinesis"), client_of(aws, "sqs")
    tags = kinesis.list_tags_for_stream(StreamName=STREAM)["Tags"]
    assert {"Key": "cloudcafe.dev/chaos", "Value": "denied"} in tags
    url = queue(sqs)
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["VisibilityTimeout"] == "7"
    assert found["RedrivePolicy"] == made["redrive"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"]["cloudcafe.dev/experiment"] == "run-1"
    assert writes_per_second(aws) == 1


def test_a_throttled_table_is_throttled_after_the_restart_too(lives):
    made, aws = lives
    once = boto3.client(
        "dynamodb",
        **aws.client_arguments,
        config=boto3.session.Config(retries={"total_max_attempts": 1}),
    )
    taken = 0
    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):  # noqa: PT012 - which of them
        for number in range(400):
            key = {"pk": {"S": str(number)}, "sk": {"S": "item"}}
            once.put_item(TableName=TABLE, Item=key)
            taken += 1
    # one a second; a burst would be three hundred
    assert taken <= time.monotonic() - made["lowered"] + 1


def test_a_function_that_was_reserved_nothing_takes_nothing(lives):
    sqs = client_of(lives[1], "sqs")
    url = sqs.get_queue_url(QueueName="cloudcafe-payments.fifo")["QueueUrl"]
    sqs.send_message(QueueUrl=url, **PAID)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_an_experiment_of_fis_still_refuses_what_is_written_to_its_stream(lives):
    running = lives[1].state()["consequences"]["fault_injection"]["experiments"]
    assert [one["streams"] for one in running.values()] == [[STREAM]]
    once = boto3.session.Config(retries={"total_max_attempts": 1})
    kinesis = boto3.client("kinesis", **lives[1].client_arguments, config=once)
    assert Lab(None, kinesis).writes() == "ProvisionedThroughputExceededException"


def test_a_writer_stays_who_a_failover_made_it_and_what_was_stopped_stays_so(lives):
    rds = client_of(lives[1], "rds")
    assert members(lives[1]) == {"cloudcafe-1": False, "cloudcafe-2": True}
    found = {
        each["DBInstanceIdentifier"]: each["DBInstanceStatus"]
        for each in rds.describe_db_instances()["DBInstances"]
    }
    assert found == {"cloudcafe-1": "available", "cloudcafe-2": "available", "ledger": "stopped"}
    # it still grows, and still fails over
    reader = {"DBInstanceClass": "db.serverless", "Engine": "aurora-postgresql"}
    rds.create_db_instance(
        DBInstanceIdentifier="cloudcafe-3", DBClusterIdentifier="cloudcafe", **reader
    )
    eventually(lambda: database_status(rds, "cloudcafe-3") == "available", "the new reader")
    assert members(lives[1])["cloudcafe-3"] is False
    rds.failover_db_cluster(
        DBClusterIdentifier="cloudcafe", TargetDBInstanceIdentifier="cloudcafe-1"
    )
    eventually(lambda: members(lives[1])["cloudcafe-1"], "the failover")


def test_a_failover_goes_on_where_it_was_when_the_process_ended(start):
    with start(LOCALAWS_FAILOVER_SECONDS="15") as aws:  # time without a process does not count
        client_of(aws, "rds").failover_db_cluster(DBClusterIdentifier="cloudcafe")
    with start() as aws:
        eventually(lambda: cluster_status(aws) == "failing-over", "the failover to go on")
        under_way = aws.state()["consequences"]["aurora_failover"]["failingOver"]["cloudcafe"]
        assert (under_way["from"], under_way["to"]) == ("cloudcafe-1", "cloudcafe-2")
        eventually(lambda: cluster_status(aws) == "available", "the failover to end", 45)
        assert members(aws) == {"cloudcafe-1": False, "cloudcafe-2": True}


def test_a_kill_loses_only_what_came_after_the_last_snapshot(start):
    with start() as aws:
        put(aws, "soho", quantity={"N": "12"})
        lower(aws, 400)
        after_the_next_snapshot(aws)
        kill(aws)
    with start() as aws:
        assert item(aws, "soho")["quantity"] == {"N": "12"}
        assert writes_per_second(aws) == 400


def test_what_a_consequence_answered_alone_outlives_a_kill_too(start, tmp_path):
    with start(LOCALAWS_MEMORYDB_SECONDS="60") as aws:
        eventually(lambda: snapshots(aws) == 1, "the snapshot of the seeds")
        Lab(client_of(aws, "fis"), client_of(aws, "kinesis")).start()
        client_of(aws, "memorydb").failover_shard(ClusterName="cloudcafe", ShardName="0001")
        (file,) = tmp_path.iterdir()
        eventually(lambda: b"FailoverShard" in file.read_bytes(), "what was done last")
        kill(aws)
    with start() as aws:
        events = client_of(aws, "memorydb").describe_events()["Events"]
        assert [one["Message"].split()[0] for one in events] == [
            "Finished", "Failover", "FailoverShard",
        ]  # fmt: skip
        assert len(client_of(aws, "fis").list_experiments()["experiments"]) == 1


def test_reading_and_polling_write_no_snapshots(start):
    with start() as aws:
        eventually(lambda: snapshots(aws) == 1, "the snapshot of the seeds")
        sqs = client_of(aws, "sqs")
        url = sqs.get_queue_url(QueueName="cloudcafe-payments.fifo")["QueueUrl"]
        end = time.monotonic() + 4 * INTERVAL
        while time.monotonic() < end:
            sqs.receive_message(QueueUrl=url)
            assert item(aws, "nobody") is None
        assert snapshots(aws) == 1


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a whole file with an item in it."""
    folder = tmp_path_factory.mktemp("kept")
    with LocalAws.start({"LOCALAWS_STATE_DIR": str(folder)}) as aws:
        put(aws, "soho")
    (file,) = folder.iterdir()
    return file


@pytest.mark.parametrize("damage", [b"", b"not json\n"])
def test_what_is_no_snapshot_is_not_read_as_one(tmp_path, damage):
    file = tmp_path / "state.jsonl"
    file.write_bytes(damage)
    with pytest.raises(SnapshotError, match="is damaged"):
        read(file)


def test_a_damaged_file_is_set_aside_and_all_begins_anew(start, tmp_path, kept):
    assert read(kept)
    file = tmp_path / kept.name
    file.write_bytes(kept.read_bytes().replace(b'"soho"', b'"sohO"'))
    with start() as aws:
        said = [event for event in aws.start_log if event.get("level") == "error"]
        assert [event["event"] for event in said] == ["snapshot unusable: the state begins anew"]
        assert str(file) in said[0]["why"]
        assert Path(said[0]["kept"]).exists()
        assert item(aws, "soho") is None
        assert writes_per_second(aws) == 500
    assert read(file)  # the next start finds a whole one


def test_a_folder_that_cannot_be_written_is_reported_and_harms_nobody(tmp_path):
    nowhere = tmp_path / "missing"
    with LocalAws.start({"LOCALAWS_STATE_DIR": str(nowhere)}) as aws:
        failures = 'localaws_snapshots_total{outcome="failed"}'
        eventually(lambda: failures in aws.metrics(), "the failure to be counted")
        put(aws, "soho")
        assert item(aws, "soho") is not None
