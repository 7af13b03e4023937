"""Alarms, dashboards and tables of stores on localaws, by an operator on a real API server."""

import boto3
import pytest

from tests.integration.cluster import condition, eventually
from tests.integration.test_operator import store, wait_gone, wait_ready

pytestmark = pytest.mark.integration


class Aws:
    """What a store has there."""

    def __init__(self, arguments, namespace):
        self.cloudwatch = boto3.client("cloudwatch", **arguments)
        self.dynamodb = boto3.client("dynamodb", **arguments)
        self.sqs = boto3.client("sqs", **arguments)
        self.prefix = f"cloudcafe/{namespace}/corner/"
        self.dashboard = f"cloudcafe-store-{namespace}_corner"
        self.table = f"cloudcafe-store-{namespace}.corner"
        self.queue = f"cloudcafe-{namespace}_corner-orders.fifo"

    def alarms(self):
        found = self.cloudwatch.describe_alarms(AlarmNamePrefix=self.prefix)["MetricAlarms"]
        return {one["AlarmName"].removeprefix(self.prefix): one for one in found}

    def has_dashboard(self):
        found = self.cloudwatch.list_dashboards(DashboardNamePrefix=self.dashboard)
        return bool(found["DashboardEntries"])

    def tickets_url(self):
        return self.sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]

    def has_table(self):
        return self.table in self.dynamodb.list_tables()["TableNames"]

    def tags(self, arn):
        service = self.dynamodb if ":dynamodb:" in arn else self.cloudwatch
        if service is self.dynamodb:
            found = service.list_tags_of_resource(ResourceArn=arn)
        else:
            found = service.list_tags_for_resource(ResourceARN=arn)
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}


@pytest.fixture
def aws(local_aws, namespace):
    return Aws(local_aws.client_arguments, namespace)


def resources(cluster, namespace, *kinds):
    rows = cluster.get("store", "corner", namespace)["status"]["resources"]
    return [row for row in rows if row["kind"] in kinds]


EXTRAS = ("CloudWatchAlarm", "CloudWatchDashboard", "DynamoDBTable")


def test_a_flagship_has_alarms_a_dashboard_and_a_table_and_leaves_none(
    cluster, namespace, operator, cafe, aws
):
    operator.start()
    cluster.apply(store(namespace, tier="flagship", chaos={"allowed": True}))
    item = wait_ready(cluster, namespace)
    assert condition(item, "Watched")["status"] == "True"
    assert aws.alarms().keys() == {
        "order-failures", "order-latency", "dead-letters", "order-queue-age"
    }  # fmt: skip
    assert aws.alarms()["order-failures"]["Threshold"] == 0.001
    assert aws.has_dashboard()
    assert aws.has_table()
    rows = resources(cluster, namespace, *EXTRAS)
    assert [row["state"] for row in rows] == ["Ready"] * 6
    for row in rows:
        assert aws.tags(row["arn"])["cloudcafe.dev/owner"].startswith(f"{namespace}/corner/")
        assert aws.tags(row["arn"])["cloudcafe.dev/chaos"] == "allowed"
    assert cafe.stores[f"{namespace}.corner"]["ordersTable"] == aws.table
    assert cafe.stores[f"{namespace}.corner"]["ticketsQueue"] == aws.tickets_url()
    backups = aws.dynamodb.describe_continuous_backups(TableName=aws.table)
    found = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert found["PointInTimeRecoveryStatus"] == "ENABLED"
    assert item["status"]["costEstimate"]["monthlyUSD"] == "4.40"
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--timeout=30s")
    assert aws.alarms() == {}
    assert not aws.has_dashboard()
    assert not aws.has_table()


def test_a_tier_that_rises_and_falls_takes_along_all_but_the_data(
    cluster, namespace, operator, cafe, aws
):
    operator.start()
    cluster.apply(store(namespace, tier="kiosk"))
    wait_ready(cluster, namespace)
    assert len(aws.alarms()) == 2
    cluster.apply(store(namespace, tier="flagship"))
    eventually(lambda: aws.has_table() and aws.has_dashboard() and len(aws.alarms()) == 4)
    eventually(lambda: cafe.stores[f"{namespace}.corner"].get("ordersTable"))
    cluster.apply(store(namespace, tier="kiosk"))
    eventually(lambda: not aws.has_dashboard() and len(aws.alarms()) == 2)
    eventually(lambda: not cafe.stores[f"{namespace}.corner"].get("ordersTable"))
    assert aws.has_table()
    eventually(
        lambda: [row["state"] for row in resources(cluster, namespace, "DynamoDBTable")] == ["Kept"]
    )
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--timeout=30s")
    assert not aws.has_table()


def test_retain_keeps_the_table_for_a_namesake(cluster, namespace, operator, aws):
    operator.start()
    cluster.apply(store(namespace, tier="flagship", deletionPolicy="Retain"))
    wait_ready(cluster, namespace)
    (table,) = resources(cluster, namespace, "DynamoDBTable")
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--timeout=30s")
    assert aws.alarms() == {}
    assert aws.tags(table["arn"])["cloudcafe.dev/owner"] == f"{namespace}/corner/retained"
    cluster.apply(store(namespace, tier="flagship"))
    wait_ready(cluster, namespace)
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--timeout=30s")
    assert not aws.has_table()


def test_a_killed_operator_finishes_what_it_began_to_make(cluster, namespace, operator, aws):
    operator.start()
    cluster.apply(store(namespace, tier="flagship"))
    eventually(aws.has_table)
    operator.kill()
    operator.start()
    wait_ready(cluster, namespace)
    assert len(aws.alarms()) == 4
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--wait=false")
    operator.kill()
    operator.start()
    wait_gone(cluster, namespace)
    assert not aws.has_table()
    assert aws.alarms() == {}


def test_the_fleet_has_one_dashboard(cluster, namespace, operator, aws):
    operator.start(CAFE_FLEET_SECONDS="0.2")
    cluster.apply(store(namespace), store(namespace, "second", tier="kiosk"))

    def shown():
        found = aws.cloudwatch.get_dashboard(DashboardName="cloudcafe-fleet")["DashboardBody"]
        return "2 stores: 1 kiosk, 1 standard" in found

    eventually(lambda: aws.cloudwatch.list_dashboards()["DashboardEntries"])
    eventually(shown)


def test_a_dead_letter_rings_the_alarm_that_the_status_names(
    cluster, namespace, operator, aws, local_aws
):
    operator.start(CAFE_RESYNC_SECONDS="2")
    cluster.apply(store(namespace, tier="kiosk"))
    wait_ready(cluster, namespace)
    sqs = boto3.client("sqs", **local_aws.client_arguments)
    queue = f"cloudcafe-{namespace}_corner-orders-dlq.fifo"
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"],
        MessageBody="an order",
        MessageGroupId="corner",
        MessageDeduplicationId="1",
    )
    eventually(lambda: aws.alarms()["dead-letters"]["StateValue"] == "ALARM", seconds=60)
    assert aws.alarms()["order-queue-age"]["StateValue"] != "ALARM"
