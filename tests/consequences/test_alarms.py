"""Alarms that stop an experiment: each fires on the metric that AWS has for it, and ends."""

import asyncio
import contextlib
from contextlib import AsyncExitStack

import boto3
import pytest

from tests.consequences.guests import within

# the first of them starts the whole cafe
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"
PERIOD_SECONDS = 10
FAULTS = (
    "01-alb-routing-failure",
    "17-nlb-target-loss",
    "04-dynamodb-throttle",
    "12-kinesis-throttle",
    "18-api-gateway-throttle",
)


def alarms(elb):
    """By namespace and metric: what breaches, and the dimensions."""
    balancers = elb.describe_load_balancers()["LoadBalancers"]
    suffixes = {
        one["LoadBalancerName"]: one["LoadBalancerArn"].partition(":loadbalancer/")[2]
        for one in balancers
    }
    (group,) = elb.describe_target_groups(Names=["cloudcafe-order-tills"])["TargetGroups"]
    tills = {
        "LoadBalancer": suffixes["cloudcafe-tills"],
        "TargetGroup": group["TargetGroupArn"].rpartition(":")[2],
    }
    stream, function = "cloudcafe-order-events", "cloudcafe-payment-processor"
    return {
        ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"): (
            *("Sum", ABOVE, 0),
            {"LoadBalancer": suffixes["cloudcafe-alb"]},
        ),
        ("AWS/NetworkELB", "HealthyHostCount"): ("Minimum", BELOW, 1, tills),
        ("AWS/DynamoDB", "WriteThrottleEvents"): (
            *("Sum", ABOVE, 0),
            {"TableName": "cloudcafe-inventory"},
        ),
        ("AWS/Kinesis", "WriteProvisionedThroughputExceeded"): (
            *("Sum", ABOVE, 0),
            {"StreamName": stream},
        ),
        ("AWS/Lambda", "Throttles"): ("Sum", ABOVE, 0, {"FunctionName": function}),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"): (
            *("Maximum", ABOVE, 3),
            {"QueueName": "cloudcafe-payments.fifo"},
        ),
        ("AWS/RDS", "DatabaseConnections"): (
            *("Minimum", BELOW, 1),
            {"DBClusterIdentifier": "cloudcafe"},
        ),
        ("AWS/ApiGateway", "4xx"): ("Sum", ABOVE, 0, {"ApiId": "payments"}),
    }


@pytest.fixture
def states(stage):
    """Return a function that says in which state each alarm is, by its metric."""
    with contextlib.ExitStack() as stack:
        elb, cloudwatch = (
            stack.enter_context(
                contextlib.closing(boto3.client(service, **stage.aws.client_arguments))
            )
            for service in ("elbv2", "cloudwatch")
        )
        names = []
        for (namespace, name), (statistic, comparison, threshold, where) in alarms(elb).items():
            names.append(f"{namespace} {name}")
            cloudwatch.put_metric_alarm(
                AlarmName=names[-1],
                Namespace=namespace,
                MetricName=name,
                Dimensions=[{"Name": key, "Value": value} for key, value in where.items()],
                Statistic=statistic,
                ComparisonOperator=comparison,
                Threshold=threshold,
                Period=PERIOD_SECONDS,
                EvaluationPeriods=1,
                TreatMissingData="notBreaching",
            )

        def ask():
            found = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
            return {one["AlarmName"]: one["StateValue"] for one in found}

        yield ask
        cloudwatch.delete_alarms(AlarmNames=names)


async def test_each_alarm_fires_while_its_fault_is_in_force_and_is_over_after(
    guest, broken, states
):
    async def all_are_well():
        return set(states().values()) == {"OK"}

    quiet = set(states())

    async def all_have_fired():
        # guests and the card provider go on: what is not asked for is not refused
        await guest.order()
        await guest.order(door="customers")
        await guest.reserve()
        await guest.post("api", "/provider/callbacks", {})
        quiet.difference_update(name for name, state in states().items() if state == "ALARM")
        return not quiet

    await within(all_are_well, "all alarms to be well before")
    async with AsyncExitStack() as faults:
        await faults.enter_async_context(broken("09-lambda-concurrency-zero"))
        await within(guest.unpaid, "a payment that nobody takes")
        for stem in FAULTS:
            await faults.enter_async_context(broken(stem))
        await guest.ordered()
        await asyncio.sleep(1)  # its event is refused, before the lockdown keeps orders from it
        await faults.enter_async_context(broken("10-security-group-lockdown"))
        await within(all_have_fired, quiet)
    await within(all_are_well, "all alarms to be well again")
