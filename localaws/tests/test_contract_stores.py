"""What the operator makes for stores beside their queues: alarms, dashboards, tags."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

OWNER = [
    {"Key": "cloudcafe.dev/owner", "Value": "default/corner/uid"},
    {"Key": "cloudcafe.dev/part-of", "Value": "cloudcafe"},
]
RULE = {
    "Namespace": "CloudCafe",
    "Period": 60,
    "EvaluationPeriods": 1,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}


@pytest.fixture
def cloudwatch(client):
    return client("cloudwatch")


def alarm(cloudwatch, store, **rule):
    name = f"cloudcafe/default/{store}/order-failures"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Tags=OWNER,
        Dimensions=[{"Name": "Store", "Value": store}],
        **{"MetricName": "OrderFailures", "Statistic": "Average", "Threshold": 0.1} | RULE | rule,
    )
    return name


def put(cloudwatch, store, name, values):
    datum = {
        "MetricName": name,
        "Dimensions": [{"Name": "Store", "Value": store}],
        "Values": list(values),
        "Counts": [float(count) for count in values.values()],
    }
    cloudwatch.put_metric_data(Namespace="CloudCafe", MetricData=[datum])


def state(cloudwatch, name):
    return cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


def settles(cloudwatch, name, want):
    """Wait until the embedded AWS has judged the alarm so."""
    ends = time.monotonic() + 20
    while state(cloudwatch, name) != want:
        assert time.monotonic() < ends, f"{name} is {state(cloudwatch, name)}, not {want}"
        time.sleep(0.1)


def test_an_alarm_rings_for_its_own_store_only(cloudwatch):
    here, there = alarm(cloudwatch, "here"), alarm(cloudwatch, "there")
    put(cloudwatch, "there", "OrderFailures", {0.0: 99, 1.0: 1})
    put(cloudwatch, "here", "OrderFailures", {0.0: 1, 1.0: 1})
    settles(cloudwatch, here, "ALARM")
    settles(cloudwatch, there, "OK")


def test_a_percentile_is_that_of_the_counted_values(cloudwatch):
    name = "cloudcafe/default/slow/order-latency"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName="OrderSeconds",
        ExtendedStatistic="p99",
        Threshold=1.0,
        Dimensions=[{"Name": "Store", "Value": "slow"}],
        **RULE,
    )
    put(cloudwatch, "slow", "OrderSeconds", {0.1: 995, 5.0: 5})
    settles(cloudwatch, name, "OK")
    put(cloudwatch, "slow", "OrderSeconds", {5.0: 100})
    settles(cloudwatch, name, "ALARM")


def test_one_bad_minute_of_several_does_not_ring(cloudwatch):
    name = alarm(cloudwatch, "flaky", EvaluationPeriods=5, DatapointsToAlarm=3)
    put(cloudwatch, "flaky", "OrderFailures", {1.0: 9})
    settles(cloudwatch, name, "OK")


def test_tags_of_alarms_and_dashboards_are_told_and_changed(client, cloudwatch):
    alarm(cloudwatch, "tagged")
    cloudwatch.put_dashboard(DashboardName="cloudcafe-x", DashboardBody="{}", Tags=OWNER)
    arns = [
        cloudwatch.describe_alarms(AlarmNamePrefix="cloudcafe/default/tagged")["MetricAlarms"][0][
            "AlarmArn"
        ],
        cloudwatch.get_dashboard(DashboardName="cloudcafe-x")["DashboardArn"],
    ]
    for arn in arns:
        assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == OWNER
        cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "more", "Value": "1"}])
        cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["cloudcafe.dev/owner"])
        tags = cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
        assert {tag["Key"] for tag in tags} == {"cloudcafe.dev/part-of", "more"}
    found = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "more", "Values": ["1"]}], ResourceTypeFilters=["cloudwatch:alarm"]
    )["ResourceTagMappingList"]
    assert [one["ResourceARN"] for one in found] == arns[:1]


def test_a_dashboard_that_is_gone_has_no_tags(cloudwatch):
    cloudwatch.put_dashboard(DashboardName="cloudcafe-y", DashboardBody="{}", Tags=OWNER)
    arn = cloudwatch.get_dashboard(DashboardName="cloudcafe-y")["DashboardArn"]
    cloudwatch.delete_dashboards(DashboardNames=["cloudcafe-y"])
    with pytest.raises(ClientError) as error:
        cloudwatch.list_tags_for_resource(ResourceARN=arn)
    assert error.value.response["Error"]["Code"] == "ResourceNotFound"
