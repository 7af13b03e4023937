"""A store's CloudWatch alarms: what `spec.slo` promises, and its queues. Pure.

Their names are `cloudcafe/<namespace>/<name>/<alarm>`, for `stopWhen` of an experiment. What an
order comes to is measured only where an SLO is promised: a metric costs three times as much as the
alarm on it, so a kiosk has the alarms of its queues alone unless its spec has an slo.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_cost import Line
from cloudcafe_operator.planning.store_parts import Part, Tags, Thing
from cloudcafe_operator.planning.store_world import Identity, Platform
from cloudcafe_operator.resources.slo import Objectives, objectives
from cloudcafe_operator.resources.store import CafeStoreSpec

NAMESPACE = "CloudCafe"
FAILURES, SECONDS = "OrderFailures", "OrderSeconds"  # what the order service sends for each store
PREFIX = "cloudcafe/"
PERIOD_S = 60
OLDEST_S = 300.0
OF_ORDERS = ("order-failures", "order-latency")
OF_QUEUES = ("dead-letters", "order-queue-age")
QUEUES = "AWS/SQS"


def alarm_name(identity: Identity, alarm: str) -> str:
    """Return the name by which `stopWhen` and probes know an alarm of a store."""
    return f"{PREFIX}{identity.namespace}/{identity.name}/{alarm}"


def alarm_arn(queue_arn: str, name: str) -> str:
    """Return the ARN of an alarm in the account and region of a queue."""
    partition, _, region, account = queue_arn.split(":")[1:5]
    return f"arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"


def every_name(identity: Identity) -> tuple[str, ...]:
    """Return the names of all alarms that a store may have."""
    return tuple(alarm_name(identity, alarm) for alarm in (*OF_ORDERS, *OF_QUEUES))


def wanted(
    spec: CafeStoreSpec, identity: Identity, _platform: Platform, tags: Tags
) -> tuple[Thing, ...]:
    """Return the alarms of a store's queues, and of its SLO where it has one."""
    rules = _of_queues(identity)
    if slo := objectives(spec):
        store = naming.store_id(identity.namespace, identity.name)
        rules |= _of_orders(slo, store)
    return tuple(Thing(alarm_name(identity, name), rule, tags) for name, rule in rules.items())


def cost(spec: CafeStoreSpec) -> tuple[Line, ...]:
    """Return what the alarms cost, and the metrics under those of orders."""
    slo = objectives(spec)
    alarms = len(OF_QUEUES) + (len(OF_ORDERS) if slo else 0)
    metrics = (Line("CloudWatch metrics", "metric", len(OF_ORDERS)),) if slo else ()
    return (Line("CloudWatch alarms", "alarm", alarms), *metrics)


def _of_orders(slo: Objectives, store: str) -> dict[str, Mapping[str, Any]]:
    metric = {"Namespace": NAMESPACE, "Dimensions": [{"Name": "Store", "Value": store}]}
    lasting = {"EvaluationPeriods": 5, "DatapointsToAlarm": 3}
    share = round(1 - slo.availability / 100, 6)
    return {
        "order-failures": _rule(
            f"More than {share:.2%} of the orders of {store} fail: spec.slo.availability",
            threshold=share,
            more={**metric, **lasting, "MetricName": FAILURES, "Statistic": "Average"},
        ),
        "order-latency": _rule(
            f"Taking an order of {store} is slower than spec.slo.latencyP99",
            threshold=slo.latency_p99_s,
            more={**metric, **lasting, "MetricName": SECONDS, "ExtendedStatistic": "p99"},
        ),
    }  # fmt: skip


def _of_queues(identity: Identity) -> dict[str, Mapping[str, Any]]:
    namespace, name = identity.namespace, identity.name
    dead, queue = (
        {"Namespace": QUEUES, "Dimensions": [{"Name": "QueueName", "Value": called}],
         "Statistic": "Maximum"}
        for called in (
            naming.dead_letter_queue(namespace, name), naming.order_queue(namespace, name)
        )
    )  # fmt: skip
    return {
        "dead-letters": _rule(
            f"Orders of {namespace}/{name} could not be worked on",
            threshold=0.0,
            more={**dead, "MetricName": "ApproximateNumberOfMessagesVisible",
                  "EvaluationPeriods": 1, "DatapointsToAlarm": 1},
        ),
        "order-queue-age": _rule(
            f"An order of {namespace}/{name} waits too long in its queue",
            threshold=OLDEST_S,
            more={**queue, "MetricName": "ApproximateAgeOfOldestMessage",
                  "EvaluationPeriods": 5, "DatapointsToAlarm": 5},
        ),
    }  # fmt: skip


def _rule(said: str, *, threshold: float, more: Mapping[str, Any]) -> dict[str, Any]:
    """A minute without orders, or without messages, is a good minute."""
    return {
        "AlarmDescription": said,
        "Period": PERIOD_S,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **more,
    }


ALARMS = Part("alarms", "CloudWatchAlarm", wanted, every_name, cost)
