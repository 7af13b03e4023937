"""Probes that ask a system instead of being its customer. Called by `probes.py`.

A question that is not answered (an API that is down or refuses) raises: that says nothing about the
system that is watched, so it is a missing sample and not a bad one.
"""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cloudcafe_operator.errors import Unavailable, UserError
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.planning.samples import Result
from cloudcafe_operator.ports import Aws, Http, HttpAnswer, Kubernetes, Manifest
from cloudcafe_operator.resources.probe import (
    CloudwatchProbe,
    KubernetesProbe,
    PrometheusProbe,
    SystemProbe,
)

OK = 200
NOT_A_QUERY = (400, 422)  # it cannot be read, or cannot be executed; asking again is no help
LONGEST_WHY = 200
Answer = tuple[Result, str]
GOOD: Answer = ("good", "")


@dataclass(frozen=True, slots=True)
class Systems:
    """Whom the probes ask."""

    kubernetes: Kubernetes
    aws: Aws
    http: Http  # to URLs that users give

    async def ask(self, probe: SystemProbe, *, namespace: str, longest: float) -> Answer:
        """Return whether all is well, and what is not."""
        async with asyncio.timeout(longest):
            match probe:
                case KubernetesProbe():
                    return await self._workload(probe, namespace)
                case CloudwatchProbe():
                    return await self._alarm(probe)
        return await self._query(probe, longest)

    async def _workload(self, probe: KubernetesProbe, namespace: str) -> Answer:
        labels = ",".join(f"{name}={value}" for name, value in sorted(probe.labels.items()))
        pods = await self.kubernetes.list(PODS, namespace=namespace, labels=labels)
        ready = sum(_is_ready(pod) for pod in pods)
        if ready >= probe.min_ready:
            return GOOD
        return "refused", f"{ready} pods with {labels} are ready, of {probe.min_ready} at least"

    async def _alarm(self, probe: CloudwatchProbe) -> Answer:
        found = await self.aws.call(
            "cloudwatch",
            "describe_alarms",
            AlarmNames=[probe.alarm],
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
        )
        alarms = [*(found.get("MetricAlarms") or ()), *(found.get("CompositeAlarms") or ())]
        if not alarms:
            return "refused", f"there is no alarm {probe.alarm}: create it, or correct the name"
        ringing = [one for one in alarms if one["StateValue"] == "ALARM"]
        if ringing:
            return "refused", f"alarm {probe.alarm}: {ringing[0].get('StateReason', 'ALARM')}"
        if any(one["StateValue"] == "INSUFFICIENT_DATA" for one in alarms):
            raise UserError(
                f"alarm {probe.alarm} has no data to judge by (INSUFFICIENT_DATA): let its metric "
                "report, or set what the alarm makes of missing data"
            )
        return GOOD

    async def _query(self, probe: PrometheusProbe, longest: float) -> Answer:
        url = f"{probe.url.rstrip('/')}/api/v1/query?query={quote(probe.query, safe='')}"
        answer = await self.http.request("GET", url, timeout_seconds=longest)
        if answer.status != OK:
            error = UserError if answer.status in NOT_A_QUERY else Unavailable
            raise error(f"Prometheus: {_said(answer)}")
        values = _values(answer.body)
        if not values:
            return "refused", "the query returned no value"
        low = -math.inf if probe.above is None else probe.above
        high = math.inf if probe.below is None else probe.below
        wrong = [value for value in values if not low < value < high]
        if not wrong:
            return GOOD
        return "refused", f"the query returned {wrong[0]:g}"


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _said(answer: HttpAnswer) -> str:
    """Return why there are no values; an error of Prometheus is JSON with a sentence."""
    why = answer.error
    with suppress(ValueError, KeyError, TypeError):
        why = str(json.loads(answer.body)["error"])
    return f"{answer.status or ''} {why}".strip()[:LONGEST_WHY]


def _values(body: bytes) -> list[float]:
    """Read the values of an instant query: a scalar, or one of each series.

    No series is an answer: a query that filters (`up == 1`) has none when all is bad.

    Raises:
        UserError: the query is of another kind, which will stay so.
        Unavailable: whoever answered, it is not Prometheus; a proxy before it for example.
    """
    try:
        data = json.loads(body)["data"]
        kind: str = data["resultType"]
        result: Any = data["result"]
        if kind == "scalar":
            return [float(result[1])]
        if kind == "vector":
            return [float(series["value"][1]) for series in result]
    except (ValueError, KeyError, TypeError, IndexError) as problem:
        raise Unavailable("Prometheus: what answered does not speak as Prometheus") from problem
    raise UserError(f"Prometheus: the query returns a {kind}: ask for a vector or a scalar")
