"""The operator's Prometheus metrics, on its own port under /metrics.

Names and labels are an interface: dashboards and `make bench` read them.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

WORK = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

queue_depth = Gauge("cloudcafe_queue_depth", "Keys that are due or waiting for their time.")
queue_active = Gauge("cloudcafe_queue_active", "Reconciles that are running.")
queue_latency = Histogram(
    "cloudcafe_queue_latency_seconds",
    "From due to started, by what woke the key: news of its object, or the clock.",
    ["kind", "woken"],
    buckets=WORK,
)
work_seconds = Histogram(
    "cloudcafe_reconcile_seconds", "Length of a reconcile.", ["kind"], buckets=WORK
)
reconciles = Counter("cloudcafe_reconciles", "Reconciles by how they ended.", ["kind", "result"])
rounds_broken = Counter(
    "cloudcafe_rounds_broken", "Rounds beside the queue, as of the books, that met a bug of ours."
)
kubernetes_calls = Counter(
    "cloudcafe_kubernetes_calls", "Requests to the API server.", ["verb", "resource", "result"]
)
aws_calls = Counter("cloudcafe_aws_calls", "Requests to AWS.", ["service", "operation", "result"])
http_calls = Counter(
    "cloudcafe_http_calls", "Requests to the cafe's services.", ["method", "status"]
)
events_published = Counter("cloudcafe_events", "Kubernetes events.", ["result"])
loop_lag = Histogram(
    "cloudcafe_event_loop_lag_seconds",
    "How late the event loop was, sampled twenty times a second.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
loop_busy_max = Gauge(
    "cloudcafe_event_loop_busy_max_seconds",
    "The most that the event loop was late because of its own work, not of the machine's load.",
)
leading = Gauge("cloudcafe_leading", "1 while this process holds the Lease.")
expected_orders = Gauge(
    "cloudcafe_expected_orders_per_minute", "What the stores' rushes promise, ten minutes ahead."
)
rush_capacity = Gauge(
    "cloudcafe_rush_capacity", "What AWS has ready, by tagged resource.", ["resource", "what"]
)
stores = Gauge("cloudcafe_stores", "Stores by readiness.", ["ready"])
stores_balanced = Gauge(
    "cloudcafe_stores_balanced", "Stores by whether their books balance.", ["balanced"]
)
stores_accepting = Gauge("cloudcafe_stores_accepting", "Stores where guests can order now.")
stores_drifted = Gauge("cloudcafe_stores_drifted", "Stores with settings changed by hand.")
stores_monthly_usd = Gauge(
    "cloudcafe_stores_monthly_usd", "What the stores cost for being there, in US dollars a month."
)
orders_per_minute = Gauge(
    "cloudcafe_orders_per_minute", "Guests' orders over the last five minutes, of all stores."
)
order_wait = Gauge(
    "cloudcafe_order_wait_p95_seconds", "From placed to confirmed or refused, of all stores."
)
store_orders_per_minute = Gauge(
    "cloudcafe_store_orders_per_minute", "Of the hundred busiest stores, if asked for.", ["store"]
)
store_order_wait = Gauge("cloudcafe_store_order_wait_p95_seconds", "Of the same stores.", ["store"])

SPANS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900)
inject_seconds = Histogram(
    "cloudcafe_chaos_inject_seconds",
    "From captured to injected, stored.",
    ["fault"],
    buckets=SPANS,
)
undo_seconds = Histogram(
    "cloudcafe_chaos_undo_seconds",
    "From the undo's start until stored.",
    ["fault"],
    buckets=SPANS,
)
recovery_seconds = Histogram(
    "cloudcafe_chaos_recovery_seconds", "Until users were served again (RTO).", buckets=SPANS
)
runs = Counter("cloudcafe_chaos_runs", "Finished runs.", ["verdict"])
