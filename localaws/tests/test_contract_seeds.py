"""What the rest of the cafe finds in the embedded AWS without creating it."""

from __future__ import annotations

import json

import pytest

TAGS = {"cloudcafe.dev/chaos": "allowed", "cloudcafe.dev/part-of": "cloudcafe"}


def _as_dict(tags):
    """All but what the rush plan has to know, which differs."""
    found = {tag["Key"]: tag["Value"] for tag in tags}
    found.pop("cloudcafe.dev/rush", None)
    return found


@pytest.mark.parametrize("name", ["inventory", "orders", "payments"])
def test_a_seeded_table_has_keys_capacity_and_tags(client, name):
    dynamodb = client("dynamodb")
    table = dynamodb.describe_table(TableName=f"cloudcafe-{name}")["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 500
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 500
    assert table["TableArn"] == f"arn:aws:dynamodb:eu-west-1:000000000000:table/cloudcafe-{name}"
    tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    assert _as_dict(tags) == TAGS


def test_reservations_expire(client):
    answer = client("dynamodb").describe_time_to_live(TableName="cloudcafe-inventory")
    assert answer["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expiresAt",
    }


@pytest.mark.parametrize("name", ["cloudcafe-order-events", "cloudcafe-stock-events"])
def test_a_seeded_stream_is_active_with_two_shards_and_tags(client, name):
    kinesis = client("kinesis")
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert (summary["StreamStatus"], summary["OpenShardCount"]) == ("ACTIVE", 2)
    assert _as_dict(kinesis.list_tags_for_stream(StreamName=name)["Tags"]) == TAGS


@pytest.mark.parametrize("name", ["cloudcafe-payments", "cloudcafe-payment-results"])
def test_a_fifo_queue_redrives_to_its_dead_letter_queue(client, name):
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=f"{name}.fifo")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["FifoQueue"] == "true"
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"arn:aws:sqs:eu-west-1:000000000000:{name}-dlq.fifo",
        "maxReceiveCount": 1000,
    }
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == TAGS


@pytest.mark.parametrize("name", ["cloudcafe-loyalty-dlq", "cloudcafe-analytics-dlq"])
def test_the_dead_letters_of_a_stream_go_to_a_standard_queue(client, name):
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes.get("FifoQueue", "false") == "false"


def test_the_cluster_has_a_writer_and_a_reader_and_tags(client):
    rds = client("rds")
    cluster = rds.describe_db_clusters(DBClusterIdentifier="cloudcafe")["DBClusters"][0]
    members = {
        each["DBInstanceIdentifier"]: each["IsClusterWriter"]
        for each in cluster["DBClusterMembers"]
    }
    assert (cluster["Engine"], cluster["Status"]) == ("aurora-postgresql", "available")
    assert members == {"cloudcafe-1": True, "cloudcafe-2": False}
    assert _as_dict(cluster["TagList"]) == TAGS
    instances = rds.describe_db_instances()["DBInstances"]
    assert {each["DBInstanceStatus"] for each in instances} == {"available"}
    assert all(_as_dict(each["TagList"]) == TAGS for each in instances)


def test_everything_seeded_is_found_by_its_tags(client):
    filters = [{"Key": key, "Values": [value]} for key, value in TAGS.items()]
    pages = client("resourcegroupstaggingapi").get_paginator("get_resources")
    arns = {
        entry["ResourceARN"].removeprefix("arn:aws:")
        for page in pages.paginate(TagFilters=filters)
        for entry in page["ResourceTagMappingList"]
        if entry["ResourceARN"].split(":")[2] not in ("apigateway", "ec2", "elasticloadbalancing")
    }
    at = "eu-west-1:000000000000:"
    assert arns == {
        f"dynamodb:{at}table/cloudcafe-inventory",
        f"dynamodb:{at}table/cloudcafe-orders",
        f"dynamodb:{at}table/cloudcafe-payments",
        f"ecs:{at}service/cloudcafe/analytics-worker",
        f"elasticache:{at}cluster:cloudcafe-0001-001",
        f"elasticache:{at}cluster:cloudcafe-0001-002",
        f"elasticache:{at}replicationgroup:cloudcafe",
        f"kinesis:{at}stream/cloudcafe-order-events",
        f"kinesis:{at}stream/cloudcafe-stock-events",
        f"lambda:{at}function:cloudcafe-payment-processor",
        f"rds:{at}cluster:cloudcafe",
        f"rds:{at}db:cloudcafe-1",
        f"rds:{at}db:cloudcafe-2",
        f"sqs:{at}cloudcafe-analytics-dlq",
        f"sqs:{at}cloudcafe-loyalty-dlq",
        f"sqs:{at}cloudcafe-payment-results-dlq.fifo",
        f"sqs:{at}cloudcafe-payment-results.fifo",
        f"sqs:{at}cloudcafe-payments-dlq.fifo",
        f"sqs:{at}cloudcafe-payments.fifo",
    }
