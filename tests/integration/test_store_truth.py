"""Adoption, drift, history and the end of a store, with a real API server and localaws."""

import boto3
import pytest
from cloudcafe_operator.resources.store import example

from tests.integration.cluster import condition, eventually

pytestmark = pytest.mark.integration
OWNER = "cloudcafe.dev/owner"


def store(namespace, **spec):
    manifest = example()
    manifest["metadata"] = {"name": "corner", "namespace": namespace}
    manifest["spec"] |= spec
    return manifest


@pytest.fixture
def sqs(local_aws):
    return boto3.client("sqs", **local_aws.client_arguments)


def with_reason(cluster, namespace, type_, reason):
    def seen():
        item = cluster.get("store", "corner", namespace)
        return item if item and condition(item, type_).get("reason") == reason else None

    return eventually(seen)


def test_what_terraform_made_is_adopted_after_its_owners_word(cluster, namespace, operator, sqs):
    name = f"cloudcafe-{namespace}_corner-orders.fifo"
    settings = {"FifoQueue": "true", "VisibilityTimeout": "45"}
    url = sqs.create_queue(QueueName=name, Attributes=settings, tags={"team": "till"})["QueueUrl"]
    operator.start()
    cluster.apply(store(namespace, managementPolicy="Adopt"))
    item = with_reason(cluster, namespace, "Ready", "AwaitingAdoption")
    shown = {(c["field"], c["want"], c["got"]) for c in item["status"]["adoption"]["changes"]}
    assert ("VisibilityTimeout", "30", "45") in shown
    assert OWNER not in sqs.list_queue_tags(QueueUrl=url)["Tags"]
    word = item["status"]["adoption"]["word"]
    annotate = ("annotate", "--overwrite", "cafestore", "-n", namespace, "corner")
    cluster.kubectl(*annotate, f"cloudcafe.dev/adopt={word}")
    item = with_reason(cluster, namespace, "Ready", "Ready")
    tags = sqs.list_queue_tags(QueueUrl=url)["Tags"]
    assert tags[OWNER] == f"{namespace}/corner/{item['metadata']['uid']}"
    assert tags["team"] == "till"
    live = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert live["VisibilityTimeout"] == "30"
    assert "orders-dlq.fifo" in live["RedrivePolicy"]
    assert all(deed["requestId"] for deed in item["status"]["history"])
    assert any("adopted" in deed["why"] for deed in item["status"]["history"])


def test_a_foreign_owner_is_refused_and_what_blocks_the_end_is_said(
    cluster, namespace, operator, sqs, cafe
):
    name = f"cloudcafe-{namespace}_corner-orders-dlq.fifo"
    sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"}, tags={OWNER: "a/b/c"})
    operator.start()
    cluster.apply(store(namespace, managementPolicy="Adopt", finalBackup=True))
    with_reason(cluster, namespace, "Ready", "OwnedBySomeoneElse")
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--timeout=30s")
    assert sqs.get_queue_url(QueueName=name)
