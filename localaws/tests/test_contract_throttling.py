"""Throttling as boto3 users meet it, and exact counts under concurrency."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

STANDARD = Config(retries={"mode": "standard", "total_max_attempts": 6})
ITEM = {"pk": {"S": "p"}, "sk": {"S": "s"}}


def _lower(dynamodb, table="cloudcafe-orders", units=1):
    dynamodb.update_table(
        TableName=table,
        ProvisionedThroughput={"ReadCapacityUnits": units, "WriteCapacityUnits": units},
    )


def _put_thrice(dynamodb, table):
    """More than a capacity of one unit serves at once."""
    for _ in range(3):
        dynamodb.put_item(TableName=table, Item=ITEM)


def test_lowered_capacity_raises_the_right_exception_and_restored_capacity_serves(client, aws):
    dynamodb = client("dynamodb")
    _lower(dynamodb)
    with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException) as error:
        _put_thrice(dynamodb, "cloudcafe-orders")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "configured provisioned throughput" in error.value.response["Error"]["Message"]
    _lower(dynamodb, units=500)
    for _ in range(50):
        dynamodb.put_item(TableName="cloudcafe-orders", Item=ITEM)
    table = aws.state()["consequences"]["dynamodb_capacity"]["tables"]["cloudcafe-orders"]
    assert table["write"]["limit"] == 500


def test_other_tables_and_the_other_direction_are_served(client):
    dynamodb = client("dynamodb")
    dynamodb.update_table(
        TableName="cloudcafe-orders",
        ProvisionedThroughput={"ReadCapacityUnits": 500, "WriteCapacityUnits": 1},
    )
    for _ in range(20):
        dynamodb.put_item(TableName="cloudcafe-inventory", Item=ITEM)
        dynamodb.get_item(TableName="cloudcafe-orders", Key=ITEM)


def test_botocore_retries_until_there_is_capacity(client):
    dynamodb = client("dynamodb", config=STANDARD)
    _lower(dynamodb)
    started = time.monotonic()
    attempts = [
        dynamodb.put_item(TableName="cloudcafe-orders", Item=ITEM)["ResponseMetadata"][
            "RetryAttempts"
        ]
        for _ in range(3)
    ]
    assert sum(attempts) > 0
    assert time.monotonic() - started > 1.5


def test_a_throttled_transaction_is_cancelled_with_reasons_and_not_retried(client):
    dynamodb = client("dynamodb", config=STANDARD)
    _lower(dynamodb)
    items = [
        {"Put": {"TableName": table, "Item": ITEM}}
        for table in ("cloudcafe-inventory", "cloudcafe-orders")
    ]
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as error:
        dynamodb.transact_write_items(TransactItems=items)
    reasons = [reason["Code"] for reason in error.value.response["CancellationReasons"]]
    assert reasons == ["None", "ProvisionedThroughputExceeded"]
    assert error.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    assert "Item" not in dynamodb.get_item(TableName="cloudcafe-inventory", Key=ITEM)


def test_a_throttled_batch_returns_the_rest(client):
    dynamodb = client("dynamodb")
    _lower(dynamodb, units=3)
    puts = [{"PutRequest": {"Item": {**ITEM, "sk": {"S": str(i)}}}} for i in range(25)]
    left, rounds = {"cloudcafe-orders": puts}, 0
    while left and rounds < 3:
        with suppress(dynamodb.exceptions.ProvisionedThroughputExceededException):
            left = dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
        rounds += 1
        time.sleep(0.5)  # capacity comes back with time, nothing announces it
    assert 0 < len(left["cloudcafe-orders"]) < 25
    found = dynamodb.query(
        TableName="cloudcafe-orders",
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "p"}},
    )
    assert found["Count"] == 25 - len(left["cloudcafe-orders"])


def test_an_on_demand_maximum_raises_a_throttling_exception(client):
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="flagship",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="flagship", Item={"pk": {"S": "x"}})
    dynamodb.update_table(TableName="flagship", OnDemandThroughput={"MaxWriteRequestUnits": 1})
    with pytest.raises(dynamodb.exceptions.ThrottlingException):
        _put_thrice(dynamodb, "flagship")
    dynamodb.update_table(TableName="flagship", OnDemandThroughput={"MaxWriteRequestUnits": -1})
    for _ in range(20):
        dynamodb.put_item(TableName="flagship", Item={"pk": {"S": "x"}})


def test_consumed_and_refused_units_are_metrics(client, aws):
    dynamodb = client("dynamodb")
    dynamodb.put_item(TableName="cloudcafe-payments", Item=ITEM)
    _lower(dynamodb, "cloudcafe-payments")
    with pytest.raises(ClientError):
        _put_thrice(dynamodb, "cloudcafe-payments")
    labels = '{direction="Write",table="cloudcafe-payments"}'
    text = aws.metrics()
    assert f"localaws_dynamodb_consumed_units_total{labels}" in text
    assert f"localaws_dynamodb_throttled_requests_total{labels}" in text


def test_500_concurrent_conditional_writes_let_exactly_one_pass(client):
    dynamodb = client("dynamodb")

    def claim(number):
        try:
            dynamodb.put_item(
                TableName="cloudcafe-inventory",
                Item={**ITEM, "by": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return number

    with ThreadPoolExecutor(32) as pool:
        winners = [each for each in pool.map(claim, range(500)) if each is not None]
    item = dynamodb.get_item(TableName="cloudcafe-inventory", Key=ITEM, ConsistentRead=True)
    assert winners == [int(item["Item"]["by"]["N"])]


def test_500_concurrent_additions_are_counted_exactly(client):
    dynamodb = client("dynamodb")

    def add(_number):
        dynamodb.update_item(
            TableName="cloudcafe-inventory",
            Key=ITEM,
            UpdateExpression="ADD n :one",
            ConditionExpression="attribute_not_exists(n) OR n < :limit",
            ExpressionAttributeValues={":one": {"N": "1"}, ":limit": {"N": "1000"}},
        )

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(add, range(500)))
    item = dynamodb.get_item(TableName="cloudcafe-inventory", Key=ITEM, ConsistentRead=True)
    assert item["Item"]["n"] == {"N": "500"}
