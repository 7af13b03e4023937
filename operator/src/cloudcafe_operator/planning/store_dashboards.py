"""CloudWatch dashboards: one for a store where it is asked for, and one for the fleet. Pure.

A dashboard costs as much as ten metrics, so only a flagship has its own unless `spec.dashboard`
says otherwise; the fleet's is one, of bounded size, whatever the number of stores.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_alarms import FAILURES, NAMESPACE, QUEUES, SECONDS
from cloudcafe_operator.planning.store_cost import Line
from cloudcafe_operator.planning.store_parts import Part, Tags, Thing
from cloudcafe_operator.planning.store_world import Identity, Platform
from cloudcafe_operator.resources.store import CafeStoreSpec

PREFIX = "cloudcafe-"
FLEET = f"{PREFIX}fleet"
MOST_SERIES = 50  # lines that a widget can show and a person can read
COLUMNS, ROWS = 12, 6
BODY = "DashboardBody"
Widget = Mapping[str, Any]


def dashboard_name(identity: Identity) -> str:
    """Return a name of letters, digits, - and _; no namespace or store has a _ of its own."""
    return f"{PREFIX}store-{identity.namespace}_{identity.name.replace('.', '__')}"


def every_name(identity: Identity) -> tuple[str, ...]:
    """Return the one dashboard that a store may have."""
    return (dashboard_name(identity),)


def has_dashboard(spec: CafeStoreSpec) -> bool:
    """Whether a store has its own: what the spec says, else whether it is a flagship."""
    return spec.tier == "flagship" if spec.dashboard is None else spec.dashboard


def wanted(
    spec: CafeStoreSpec, identity: Identity, platform: Platform, tags: Tags
) -> tuple[Thing, ...]:
    """Return the store's dashboard, if it has one."""
    if not has_dashboard(spec):
        return ()
    body = store_body(identity, platform.region)
    return (Thing(dashboard_name(identity), {BODY: body}, tags),)


def cost(spec: CafeStoreSpec) -> tuple[Line, ...]:
    """Return what it costs."""
    return (Line("CloudWatch dashboard", "dashboard", 1),) if has_dashboard(spec) else ()


def store_body(identity: Identity, region: str) -> str:
    """Return a store's dashboard: orders that fail, how fast they are taken, its two queues."""
    namespace, name = identity.namespace, identity.name
    store = naming.store_id(namespace, name)
    queue, dead = naming.order_queue(namespace, name), naming.dead_letter_queue(namespace, name)
    orders = ["Store", store]
    rows: tuple[tuple[str, Sequence[Sequence[Any]]], ...] = (
        ("Share of orders that failed", [[NAMESPACE, FAILURES, *orders, {"stat": "Average"}]]),
        ("Orders a minute", [[NAMESPACE, FAILURES, *orders, {"stat": "SampleCount"}]]),
        (
            "Seconds to take an order",
            [[NAMESPACE, SECONDS, *orders, {"stat": stat}] for stat in ("p50", "p99")],
        ),
        (
            "Queue: oldest message, dead letters",
            [
                [QUEUES, "ApproximateAgeOfOldestMessage", "QueueName", queue, {"stat": "Maximum"}],
                [QUEUES, "ApproximateNumberOfMessagesVisible", "QueueName", dead,
                 {"stat": "Maximum"}],
            ],
        ),
    )  # fmt: skip
    return _body([_metrics(title, metrics, region) for title, metrics in rows])


def fleet_body(tiers: Iterable[str], region: str) -> str:
    """Return the fleet's dashboard from the stores' tiers: searches, so it does not grow."""
    count = Counter(tiers)
    told = ", ".join(f"{count[tier]} {tier}" for tier in sorted(count)) or "none yet"
    searches = (
        ("Share of orders that failed, by store", FAILURES, "Average"),
        ("Orders a minute, by store", FAILURES, "SampleCount"),
        ("Seconds to take an order (p99), by store", SECONDS, "p99"),
    )
    text = {
        "type": "text",
        "properties": {"markdown": f"# CloudCafe\n{count.total()} stores: {told}"},
    }
    found = [text]
    for title, metric, stat in searches:
        search = f"SEARCH('{{{NAMESPACE},Store}} MetricName=\"{metric}\"', '{stat}', 60)"
        worst = f"SLICE(SORT({search}, MAX, DESC), 0, {MOST_SERIES})"
        found.append(_metrics(title, [[{"expression": worst}]], region))
    dead = (
        'SEARCH(\'{AWS/SQS,QueueName} MetricName="ApproximateNumberOfMessagesVisible" '
        'QueueName="cloudcafe-" "-orders-dlq.fifo"\', \'Maximum\', 60)'
    )
    worst = f"SLICE(SORT({dead}, MAX, DESC), 0, {MOST_SERIES})"
    found.append(_metrics("Dead letters, by store", [[{"expression": worst}]], region))
    return _body(found)


def _metrics(title: str, metrics: Sequence[Sequence[Any]], region: str) -> dict[str, Any]:
    properties = {"title": title, "metrics": metrics, "region": region, "period": 60}
    return {"type": "metric", "properties": {**properties, "view": "timeSeries"}}


def _body(widgets: Sequence[Widget]) -> str:
    placed = [
        {"x": number % 2 * COLUMNS, "y": number // 2 * ROWS, "width": COLUMNS, "height": ROWS,
         **widget}
        for number, widget in enumerate(widgets)
    ]  # fmt: skip
    return json.dumps({"widgets": placed}, sort_keys=True, separators=(",", ":"))


DASHBOARD = Part("dashboard", "CloudWatchDashboard", wanted, every_name, cost)
