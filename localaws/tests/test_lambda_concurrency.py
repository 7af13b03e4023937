"""A stopped function takes nothing from its queue: seen through boto3 and a real localaws."""

from __future__ import annotations

import time

import pytest

FUNCTION, QUEUE = "cloudcafe-payment-processor", "cloudcafe-payments.fifo"


@pytest.fixture
def queue(client):
    """`queue.send(…)` and `queue.receive(…)` on the queue of the payments."""
    return Queue(client("sqs"))


class Queue:
    def __init__(self, sqs):
        self.sqs = sqs
        self.url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]

    def send(self, body):
        self.sqs.send_message(
            QueueUrl=self.url, MessageBody=body, MessageGroupId=body, MessageDeduplicationId=body
        )

    def receive(self, seconds=0):
        answer = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=seconds)
        return [message["Body"] for message in answer.get("Messages", ())]


def test_a_function_without_concurrency_takes_nothing_and_all_of_it_afterwards(client, queue):
    functions = client("lambda")
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    queue.send("pay-1")
    assert queue.receive() == []
    functions.delete_function_concurrency(FunctionName=FUNCTION)
    assert queue.receive() == ["pay-1"]


def test_a_stopped_receiver_waits_as_long_as_it_asked_for_and_does_not_spin(client, queue):
    functions = client("lambda")
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    started = time.monotonic()
    assert queue.receive(seconds=1) == []
    assert time.monotonic() - started >= 0.9


def test_other_queues_and_other_functions_are_left_alone(client, queue):
    functions = client("lambda")
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName="cloudcafe-payment-results.fifo")["QueueUrl"]
    sqs.send_message(
        QueueUrl=url, MessageBody="paid", MessageGroupId="o", MessageDeduplicationId="d"
    )
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_the_function_is_found_by_its_tags_with_its_reservation(client):
    found = client("resourcegroupstaggingapi").get_resources(
        ResourceTypeFilters=["lambda:function"],
        TagFilters=[{"Key": "cloudcafe.dev/chaos", "Values": ["allowed"]}],
    )["ResourceTagMappingList"]
    assert [entry["ResourceARN"].rpartition(":")[2] for entry in found] == [FUNCTION]
    reserved = client("lambda").get_function_concurrency(FunctionName=FUNCTION)
    assert reserved["ReservedConcurrentExecutions"] == 20
