"""The yardstick: a store's operator as a competent user of kopf writes it, by kopf's documentation.

Started by `contenders.py` with `kopf run`. One function serves create, update and resume; a timer
looks at everything again; `patch.status` carries the result; kopf brings its own finalizer,
bookkeeping and retries. Clients are the usual ones. It does the same work for a store as
ours: two queues with an alarm each, a secret, a Secret and a ConfigMap, store, menu and stock at
the services, one bought coffee, one status; it is spared what ours does beyond that (drift,
history, books, rush plan, cost).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

import boto3
import kopf
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from kubernetes import client, config
from requests.adapters import HTTPAdapter

WORKERS = 16
STORES = ("cloudcafe.dev", "v1alpha1", "cafestores")
CAFE = os.environ["CAFE_ORDER_URL"]
AWS = Config(retries={"mode": "standard", "total_max_attempts": 2}, max_pool_connections=WORKERS)
MENU = [
    ("espresso", "Espresso", 220, "Coffee"),
    ("flat-white", "Flat White", 380, "Coffee"),
    ("cappuccino", "Cappuccino", 360, "Coffee"),
    ("filter", "Filter Coffee", 300, "Coffee"),
    ("tea", "Pot of Tea", 320, "Tea"),
    ("croissant", "Butter Croissant", 290, "Bakery"),
]

config.load_kube_config()
core = client.CoreV1Api()
sqs = boto3.client("sqs", region_name="eu-west-1", config=AWS)
secretsmanager = boto3.client("secretsmanager", region_name="eu-west-1", config=AWS)
cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1", config=AWS)
cafe = requests.Session()
cafe.headers["Authorization"] = f"Bearer {os.environ['CAFE_SERVICE_TOKEN']}"
cafe.mount("http://", HTTPAdapter(pool_maxsize=WORKERS))


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """As the documentation recommends for many objects."""
    settings.execution.max_workers = WORKERS
    settings.persistence.finalizer = "cloudcafe.dev/cleanup"
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.posting.enabled = False  # two more writes a store that nobody asked for


@kopf.on.create(*STORES)
@kopf.on.update(*STORES, field="spec")
@kopf.on.resume(*STORES)
def ensure(body: kopf.Body, patch: kopf.Patch, **_: Any) -> None:
    """Bring a store into being, or look whether all is as it must be."""
    try:
        converge(body, patch)
    except ClientError as error:
        raise kopf.TemporaryError(str(error), delay=2) from error


@kopf.timer(*STORES, interval=600, initial_delay=600)
def check(body: kopf.Body, patch: kopf.Patch, **_: Any) -> None:
    """Look again."""
    ensure(body=body, patch=patch)


@kopf.on.delete(*STORES)
def remove(body: kopf.Body, **_: Any) -> None:
    """Take everything away."""
    prefix = f"cloudcafe-{body.metadata.namespace}_{body.metadata.name}"
    for part in ("store", "menu", "stock"):
        cafe.delete(_part(body, part), timeout=5)
    alarms = f"cloudcafe/{body.metadata.namespace}/{body.metadata.name}"
    cloudwatch.delete_alarms(AlarmNames=[f"{alarms}/dead-letters", f"{alarms}/queue-age"])
    for name in (f"{prefix}-orders.fifo", f"{prefix}-orders-dlq.fifo"):
        try:
            sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
        except sqs.exceptions.QueueDoesNotExist:
            continue
    try:
        secretsmanager.delete_secret(SecretId=_secret_name(body), ForceDeleteWithoutRecovery=True)
    except secretsmanager.exceptions.ResourceNotFoundException:
        return


def converge(body: kopf.Body, patch: kopf.Patch) -> None:
    """Everything for one store; each part is looked at and made or corrected."""
    queue, arn = ensure_queues(body)
    ensure_alarms(body)
    secret = ensure_secret(body)
    key = ensure_till(body, secret)
    ensure_config(body, queue, secret["ARN"])
    ensure_cafe(body, key)
    path = buy(body, (body.get("status") or {}).get("orderPath"))
    patch.status.update(status_of(body, arn, secret["ARN"], path))


def ensure_queues(body: kopf.Body) -> tuple[str, str]:
    """Both queues; create_queue finds what exists."""
    prefix = f"cloudcafe-{body.metadata.namespace}_{body.metadata.name}"
    common = {"FifoQueue": "true", "VisibilityTimeout": "30"}
    dead = sqs.create_queue(
        QueueName=f"{prefix}-orders-dlq.fifo",
        Attributes={**common, "MessageRetentionPeriod": "1209600"},
        tags=_tags(body),
    )["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    arn = found["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    queue = sqs.create_queue(
        QueueName=f"{prefix}-orders.fifo",
        Attributes={**common, "MessageRetentionPeriod": "345600", "RedrivePolicy": redrive},
        tags=_tags(body),
    )
    return queue["QueueUrl"], arn.replace("-dlq", "")


def ensure_alarms(body: kopf.Body) -> None:
    """The alarms of its queues; put_metric_alarm makes what is missing and corrects the rest."""
    prefix = f"cloudcafe-{body.metadata.namespace}_{body.metadata.name}"
    for name, queue, metric, threshold in (
        ("dead-letters", f"{prefix}-orders-dlq.fifo", "ApproximateNumberOfMessagesVisible", 0),
        ("queue-age", f"{prefix}-orders.fifo", "ApproximateAgeOfOldestMessage", 300),
    ):
        cloudwatch.put_metric_alarm(
            AlarmName=f"cloudcafe/{body.metadata.namespace}/{body.metadata.name}/{name}",
            Namespace="AWS/SQS",
            MetricName=metric,
            Dimensions=[{"Name": "QueueName", "Value": queue}],
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=threshold,
            ComparisonOperator="GreaterThanThreshold",
            Tags=[{"Key": n, "Value": v} for n, v in _tags(body).items()],
        )


def ensure_secret(body: kopf.Body) -> dict[str, Any]:
    """The till's key at AWS."""
    name = _secret_name(body)
    try:
        return dict(secretsmanager.describe_secret(SecretId=name))
    except secretsmanager.exceptions.ResourceNotFoundException:
        return dict(
            secretsmanager.create_secret(
                Name=name,
                ClientRequestToken=str(uuid.uuid5(uuid.NAMESPACE_URL, body.metadata.uid or "")),
                SecretString=secrets.token_urlsafe(32),
                Tags=[{"Key": n, "Value": v} for n, v in _tags(body).items()],
            )
        )


def ensure_till(body: kopf.Body, secret: dict[str, Any]) -> str:
    """The till's key in Kubernetes; returns it."""
    name = f"{body.metadata.name}-till"
    try:
        live: Any = core.read_namespaced_secret(name, body.metadata.namespace)
        return base64.b64decode(live.data["key"]).decode()
    except client.ApiException as error:
        if error.status != 404:
            raise
    value = secretsmanager.get_secret_value(SecretId=secret["ARN"])["SecretString"]
    data = {"key": base64.b64encode(value.encode()).decode()}
    core.create_namespaced_secret(
        body.metadata.namespace,
        client.V1Secret(metadata=_meta(body, name), type="Opaque", data=data),
    )
    return str(value)


def ensure_config(body: kopf.Body, queue: str, secret: str) -> None:
    """All that a till must know."""
    name = f"{body.metadata.name}-cafe"
    data = {
        "CAFE_STORE_ID": _store_id(body),
        "CAFE_ORDER_URL": CAFE,
        "CAFE_MENU_URL": CAFE,
        "CAFE_ORDER_QUEUE_URL": queue,
        "CAFE_TILL_SECRET_ARN": secret,
        "AWS_REGION": "eu-west-1",
    }
    try:
        live: Any = core.read_namespaced_config_map(name, body.metadata.namespace)
        if live.data != data:
            core.patch_namespaced_config_map(name, body.metadata.namespace, {"data": data})
    except client.ApiException as error:
        if error.status != 404:
            raise
        core.create_namespaced_config_map(
            body.metadata.namespace,
            client.V1ConfigMap(metadata=_meta(body, name), data=data),
        )


def ensure_cafe(body: kopf.Body, key: str) -> None:
    """Store, menu and stock at the services."""
    spec = body["spec"]
    _put(body, "store", {
        "name": body.metadata.name, "city": spec["city"], "timezone": spec["timezone"],
        "currency": spec["currency"], "tier": spec.get("tier", "standard"),
        "acceptingOrders": spec.get("acceptingOrders", True),
        "tillKeySha256": hashlib.sha256(key.encode()).hexdigest(),
    })  # fmt: skip
    items = spec.get("menu") or [
        {"sku": sku, "name": name, "priceMinor": price, "category": category}
        for sku, name, price, category in MENU
    ]
    _put(body, "menu", {"currency": spec["currency"], "items": items})
    _put(body, "stock", {"items": [{"sku": one["sku"], "quantity": 2000} for one in items]})


def buy(body: kopf.Body, last: dict[str, Any] | None) -> dict[str, Any]:
    """Buy a coffee, or believe the last one."""
    now = datetime.now(UTC).replace(microsecond=0)
    generation = body.metadata["generation"]
    if last and last["generation"] == generation:
        age = (now - datetime.fromisoformat(last["at"])).total_seconds()
        if age < 600:
            return last
    number = last["orderId"] if last else "first"
    lines = [{"sku": "espresso", "quantity": 1}]
    order = {"storeId": _store_id(body), "lines": lines, "synthetic": True}
    key = {"Idempotency-Key": f"verify-{body.metadata.uid}-{generation}-{number}"}
    placed = cafe.post(f"{CAFE}/orders", json=order, headers=key, timeout=5)
    placed.raise_for_status()
    found = cafe.get(f"{CAFE}/orders/{placed.json()['id']}", timeout=5).json()
    if found["status"] != "confirmed":
        raise kopf.TemporaryError("the coffee is not confirmed yet", delay=0.5)
    at = now.isoformat().replace("+00:00", "Z")
    return {"orderId": found["id"], "at": at, "nextAt": at, "generation": generation,
            "totalMs": 1, "hops": [{"name": "accept", "ms": 1}]}  # fmt: skip


def status_of(body: kopf.Body, queue: str, secret: str, path: dict[str, Any]) -> dict[str, Any]:
    """The status: what the printer columns and `kubectl wait` need."""
    old = (body.get("status") or {}).get("conditions") or []
    since = {row["type"]: row["lastTransitionTime"] for row in old}
    now = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    generation = body.metadata["generation"]
    told = {"Ready": "Ready", "DataTierReady": "Ready", "MenuSynced": "Ready",
            "OrderPathVerified": "Verified"}  # fmt: skip
    return {
        "observedGeneration": generation,
        "storeId": _store_id(body),
        "acceptingOrders": True,
        "open": True,
        "conditions": [
            {"type": type_, "status": "True", "reason": reason, "message": "All is in place.",
             "observedGeneration": generation, "lastTransitionTime": since.get(type_, now)}
            for type_, reason in told.items()
        ],
        "resources": [
            {"kind": "SQSQueue", "name": "orders", "arn": queue, "state": "Ready"},
            {"kind": "SecretsManagerSecret", "name": "till", "arn": secret, "state": "Ready"},
        ],
        "orderPath": path,
    }  # fmt: skip


def _put(body: kopf.Body, part: str, value: dict[str, Any]) -> None:
    cafe.put(_part(body, part), json=value, timeout=5).raise_for_status()


def _part(body: kopf.Body, part: str) -> str:
    return f"{CAFE}/stores/{_store_id(body)}" + ("" if part == "store" else f"/{part}")


def _store_id(body: kopf.Body) -> str:
    return f"{body.metadata.namespace}.{body.metadata.name}"


def _secret_name(body: kopf.Body) -> str:
    return f"cloudcafe/{body.metadata.namespace}/{body.metadata.name}/till"


def _tags(body: kopf.Body) -> dict[str, str]:
    owner = f"{body.metadata.namespace}/{body.metadata.name}/{body.metadata.uid}"
    return {"cloudcafe.dev/owner": owner, "cloudcafe.dev/part-of": "cloudcafe"}


def _meta(body: kopf.Body, name: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name}
    owned = {"metadata": meta}
    kopf.append_owner_reference(owned, owner=body)
    return meta
