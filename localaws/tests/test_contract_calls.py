"""Every AWS call that the operator and the services make, over the wire, with its state read back.

A version of an emulator that breaks one of these breaks the cafe.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

OWNER = {"cloudcafe.dev/store": "lisbon-1"}


def _code(error):
    return error.value.response["Error"]["Code"]


class TestSqs:
    def test_a_fifo_queue_lives_from_creation_to_deletion(self, client):
        sqs = client("sqs")
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        url = sqs.create_queue(QueueName="s-1.fifo", Attributes=attributes, tags=OWNER)["QueueUrl"]
        again = sqs.create_queue(QueueName="s-1.fifo", Attributes=attributes, tags=OWNER)
        assert again["QueueUrl"] == url
        assert sqs.get_queue_url(QueueName="s-1.fifo")["QueueUrl"] == url
        assert sqs.list_queues(QueueNamePrefix="s-1")["QueueUrls"] == [url]
        assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == OWNER
        sqs.tag_queue(QueueUrl=url, Tags={"more": "yes"})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "77"})
        shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert shown["VisibilityTimeout"] == "77"
        assert shown["QueueArn"] == "arn:aws:sqs:eu-west-1:000000000000:s-1.fifo"
        assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {**OWNER, "more": "yes"}
        sqs.delete_queue(QueueUrl=url)
        with pytest.raises(ClientError) as error:
            sqs.get_queue_url(QueueName="s-1.fifo")
        assert _code(error) == "AWS.SimpleQueueService.NonExistentQueue"

    def test_the_same_name_with_other_attributes_is_refused(self, client):
        sqs = client("sqs")
        sqs.create_queue(QueueName="s-2.fifo", Attributes={"FifoQueue": "true"})
        with pytest.raises(ClientError) as error:
            sqs.create_queue(
                QueueName="s-2.fifo", Attributes={"FifoQueue": "true", "DelaySeconds": "9"}
            )
        assert _code(error) == "QueueAlreadyExists"

    def test_queue_urls_lead_back_to_where_the_client_came_from(self, client, aws):
        url = client("sqs").get_queue_url(QueueName="cloudcafe-payments.fifo")["QueueUrl"]
        assert url == f"{aws.url}/000000000000/cloudcafe-payments.fifo"

    def test_a_message_is_sent_once_received_and_deleted(self, client):
        sqs = client("sqs")
        url = sqs.get_queue_url(QueueName="cloudcafe-payments.fifo")["QueueUrl"]
        for _ in range(2):
            sqs.send_message(
                QueueUrl=url, MessageBody="pay", MessageGroupId="o-1", MessageDeduplicationId="d-1"
            )
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert [message["Body"] for message in received] == ["pay"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=received[0]["ReceiptHandle"])
        shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert shown["ApproximateNumberOfMessages"] == "0"
        assert shown["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_secret_lives_from_creation_to_deletion(client):
    secrets = client("secretsmanager")
    tags = [{"Key": key, "Value": value} for key, value in OWNER.items()]
    arn = secrets.create_secret(Name="till-1", SecretString="k", Tags=tags)["ARN"]
    secrets.put_secret_value(SecretId="till-1", SecretString="k2")
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "k2"
    assert secrets.describe_secret(SecretId="till-1")["Tags"] == tags
    secrets.tag_resource(SecretId="till-1", Tags=[{"Key": "more", "Value": "yes"}])
    found = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "more", "Values": ["yes"]}]
    )
    assert [entry["ResourceARN"] for entry in found["ResourceTagMappingList"]] == [arn]
    with pytest.raises(ClientError) as error:
        secrets.create_secret(Name="till-1", SecretString="k")
    assert _code(error) == "ResourceExistsException"
    secrets.delete_secret(SecretId="till-1", ForceDeleteWithoutRecovery=True)
    with pytest.raises(ClientError) as error:
        secrets.describe_secret(SecretId="till-1")
    assert _code(error) == "ResourceNotFoundException"


class TestDynamoDB:
    def test_a_table_lives_from_creation_to_deletion(self, client):
        dynamodb = client("dynamodb")
        dynamodb.create_table(
            TableName="flagship",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            Tags=[{"Key": "a", "Value": "b"}],
        )
        table = dynamodb.describe_table(TableName="flagship")["Table"]
        assert (table["TableStatus"], table["BillingModeSummary"]["BillingMode"]) == (
            "ACTIVE",
            "PAY_PER_REQUEST",
        )
        arn = table["TableArn"]
        dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
        assert len(dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]) == 2
        dynamodb.untag_resource(ResourceArn=arn, TagKeys=["a"])
        tags = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
        assert tags == [{"Key": "c", "Value": "d"}]
        dynamodb.update_table(TableName="flagship", OnDemandThroughput={"MaxWriteRequestUnits": 5})
        shown = dynamodb.describe_table(TableName="flagship")["Table"]["OnDemandThroughput"]
        assert shown["MaxWriteRequestUnits"] == 5
        assert "flagship" in dynamodb.list_tables()["TableNames"]
        dynamodb.delete_table(TableName="flagship")
        with pytest.raises(ClientError) as error:
            dynamodb.describe_table(TableName="flagship")
        assert _code(error) == "ResourceNotFoundException"

    def test_lowered_capacity_is_read_back(self, client):
        dynamodb = client("dynamodb")
        wanted = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}
        dynamodb.update_table(TableName="cloudcafe-orders", ProvisionedThroughput=wanted)
        shown = dynamodb.describe_table(TableName="cloudcafe-orders")["Table"]
        assert wanted.items() <= shown["ProvisionedThroughput"].items()
        with pytest.raises(ClientError) as error:
            dynamodb.update_table(TableName="cloudcafe-orders", ProvisionedThroughput=wanted)
        assert _code(error) == "ValidationException"

    def test_items_are_written_read_queried_and_counted(self, client):
        dynamodb = client("dynamodb")
        item = {"pk": {"S": "p"}, "sk": {"S": "1"}, "n": {"N": "1"}}
        dynamodb.put_item(TableName="cloudcafe-orders", Item=item)
        key = {"pk": {"S": "p"}, "sk": {"S": "1"}}
        updated = dynamodb.update_item(
            TableName="cloudcafe-orders",
            Key=key,
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
            ReturnConsumedCapacity="TOTAL",
        )
        assert updated["Attributes"]["n"] == {"N": "2"}
        assert updated["ConsumedCapacity"]["CapacityUnits"] == 1
        answer = dynamodb.put_item(TableName="cloudcafe-orders", Item=item)
        assert "ConsumedCapacity" not in answer
        found = dynamodb.query(
            TableName="cloudcafe-orders",
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "p"}},
        )
        assert found["Items"] == [item]
        with pytest.raises(ClientError) as error:
            dynamodb.put_item(
                TableName="cloudcafe-orders",
                Item=item,
                ConditionExpression="attribute_not_exists(pk)",
            )
        assert _code(error) == "ConditionalCheckFailedException"
        dynamodb.delete_item(TableName="cloudcafe-orders", Key=key)
        assert "Item" not in dynamodb.get_item(TableName="cloudcafe-orders", Key=key)

    def test_a_transaction_tells_which_condition_failed(self, client):
        dynamodb = client("dynamodb")
        put = {
            "Put": {"TableName": "cloudcafe-orders", "Item": {"pk": {"S": "t"}, "sk": {"S": "1"}}}
        }
        check = {
            "ConditionCheck": {
                "TableName": "cloudcafe-inventory",
                "Key": {"pk": {"S": "x"}, "sk": {"S": "x"}},
                "ConditionExpression": "attribute_exists(pk)",
            }
        }
        with pytest.raises(ClientError) as error:
            dynamodb.transact_write_items(TransactItems=[put, check])
        reasons = [each["Code"] for each in error.value.response["CancellationReasons"]]
        assert reasons == ["None", "ConditionalCheckFailed"]
        dynamodb.transact_write_items(TransactItems=[put])
        got = dynamodb.transact_get_items(
            TransactItems=[{"Get": {"TableName": "cloudcafe-orders", "Key": put["Put"]["Item"]}}]
        )
        assert got["Responses"][0]["Item"] == put["Put"]["Item"]


class TestCloudWatch:
    def test_dashboards_are_put_and_deleted(self, client):
        cloudwatch = client("cloudwatch")
        body = json.dumps({"widgets": []})
        cloudwatch.put_dashboard(DashboardName="store-1", DashboardBody=body)
        assert cloudwatch.get_dashboard(DashboardName="store-1")["DashboardBody"] == body
        cloudwatch.delete_dashboards(DashboardNames=["store-1"])
        with pytest.raises(ClientError) as error:
            cloudwatch.get_dashboard(DashboardName="store-1")
        assert _code(error) in {"ResourceNotFound", "DashboardNotFoundError"}

    def test_alarms_are_put_described_and_deleted(self, client):
        cloudwatch = client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName="slo",
            Namespace="CloudCafe",
            MetricName="Errors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            Tags=[{"Key": "a", "Value": "b"}],
        )
        alarms = cloudwatch.describe_alarms(AlarmNames=["slo"])["MetricAlarms"]
        assert [(each["AlarmName"], each["Threshold"]) for each in alarms] == [("slo", 1.0)]
        cloudwatch.delete_alarms(AlarmNames=["slo"])
        assert cloudwatch.describe_alarms(AlarmNames=["slo"])["MetricAlarms"] == []

    def test_metric_data_is_summed(self, client):
        cloudwatch = client("cloudwatch")
        now = datetime.now(UTC)
        for value in (2.0, 3.0):
            cloudwatch.put_metric_data(
                Namespace="CloudCafe", MetricData=[{"MetricName": "Orders", "Value": value}]
            )
        points = cloudwatch.get_metric_statistics(
            Namespace="CloudCafe",
            MetricName="Orders",
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=600,
            Statistics=["Sum"],
        )["Datapoints"]
        assert sum(point["Sum"] for point in points) == 5


def test_records_come_back_in_order_from_their_shard(client):
    kinesis = client("kinesis")
    records = [{"Data": str(i).encode(), "PartitionKey": "o-1"} for i in range(3)]
    put = kinesis.put_records(StreamName="cloudcafe-order-events", Records=records)
    assert put["FailedRecordCount"] == 0
    iterator = kinesis.get_shard_iterator(
        StreamName="cloudcafe-order-events",
        ShardId=put["Records"][0]["ShardId"],
        ShardIteratorType="TRIM_HORIZON",
    )["ShardIterator"]
    read = kinesis.get_records(ShardIterator=iterator)["Records"]
    assert [record["Data"] for record in read] == [b"0", b"1", b"2"]


def test_the_caller_is_in_the_embedded_account(client):
    assert client("sts").get_caller_identity()["Account"] == "000000000000"


def test_resources_of_both_emulators_are_found_by_tag(client):
    vpc = client("ec2").create_vpc(
        CidrBlock="10.0.0.0/16",
        TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "t", "Value": "1"}]}],
    )["Vpc"]["VpcId"]
    queue = client("sqs").create_queue(QueueName="tagged", tags={"t": "1"})["QueueUrl"]
    found = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "t", "Values": ["1"]}]
    )["ResourceTagMappingList"]
    names = {entry["ResourceARN"].rpartition(":")[2] for entry in found}
    assert names == {f"vpc/{vpc}", queue.rpartition("/")[2]}


def test_tags_are_written_to_whichever_emulator_holds_the_resource(client):
    vpc = client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    arns = [
        f"arn:aws:ec2:eu-west-1:000000000000:vpc/{vpc}",
        "arn:aws:sqs:eu-west-1:000000000000:cloudcafe-payments.fifo",
    ]
    tagging = client("resourcegroupstaggingapi")
    answer = tagging.tag_resources(ResourceARNList=arns, Tags={"w": "1"})
    assert answer.get("FailedResourcesMap", {}) == {}
    found = tagging.get_resources(TagFilters=[{"Key": "w", "Values": ["1"]}])
    assert {entry["ResourceARN"] for entry in found["ResourceTagMappingList"]} == set(arns)
