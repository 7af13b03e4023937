"""ministack's queues and alarms as the AWS/* metrics need them; contract tests pin the fields.

`consequences/aws_metrics.py` calls it by `world.Monitoring`. ministack judges an alarm by all
metrics of its name, whatever their dimensions, and only when a figure is put: one that fires for a
table is never over once the table is idle. So it is judged here instead.
"""

# ruff: noqa: SLF001 - the package has no public way to read it

from __future__ import annotations

import importlib
import time
from typing import Any

from localaws.alarms import Rule, judge
from localaws.world import Backlog

KEPT_SECONDS = 3 * 3600.0  # of every figure; AWS keeps those of a second as long


class MinistackMonitoring:
    """Implements `world.Monitoring`."""

    def backlogs(self) -> list[Backlog]:
        """See `world.Monitoring`."""
        queues = importlib.import_module("ministack.services.sqs")._queues
        now = time.time()
        found = []
        for (account, region, url), queue in queues.all_items():
            messages = list(queue["messages"])
            visible = sum(message["visible_at"] <= now for message in messages)
            age = now - min((message["sent_at"] for message in messages), default=now)
            name = url.rpartition("/")[2]
            found.append(Backlog(account, region, name, visible, max(0.0, age)))
        return found

    def judge_alarms(self) -> None:
        """See `world.Monitoring`."""
        cloudwatch = importlib.import_module("ministack.services.cloudwatch")
        scope = importlib.import_module("ministack.core.responses").request_scope
        now = time.time()
        _forget(cloudwatch, now - KEPT_SECONDS)
        for (account, region, _), alarm in cloudwatch._alarms.all_items():
            if alarm.get("MetricName"):  # metric math is not judged
                with scope(account, region):
                    _judge(cloudwatch, alarm, now)


def _forget(cloudwatch: Any, before: float) -> None:
    """Drop old figures: points that come every few seconds would fill the memory in days."""
    for _, points in cloudwatch._metrics.all_items():
        gone = next((n for n, one in enumerate(points) if one["Timestamp"] >= before), len(points))
        del points[:gone]


def _judge(cloudwatch: Any, alarm: dict[str, Any], now: float) -> None:
    """Move one alarm, with its history and its actions, to where its metric says."""
    periods = int(alarm["EvaluationPeriods"])
    rule = Rule(
        alarm["ComparisonOperator"],
        float(alarm["Threshold"]),
        int(alarm.get("DatapointsToAlarm") or periods),
        alarm.get("TreatMissingData") or "missing",
    )
    old = alarm["StateValue"]
    new, reason = judge(rule, _values(cloudwatch, alarm, periods, now), old)
    if new == old:
        return
    alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(now))
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _values(cloudwatch: Any, alarm: dict[str, Any], periods: int, now: float) -> list[float | None]:
    """The statistic of each period, the newest first; None where nothing was put."""
    dimensions = cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
    seconds = float(alarm["Period"])
    of_period: list[list[Any]] = [[] for _ in range(periods)]
    for point in reversed(cloudwatch._metrics.get(key) or ()):
        number = int((now - point["Timestamp"]) // seconds)
        if number >= periods:
            break  # points are in the order in which they were put
        of_period[max(0, number)].append(point)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    return [
        cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
        if points
        else None
        for points in of_period
    ]
