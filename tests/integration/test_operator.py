"""The operator as a process, against a real API server and localaws."""

import os
import time

import boto3
import pytest
from cloudcafe_operator.resources.store import example

from tests.integration.cluster import condition, eventually
from tests.integration.operator_process import OperatorProcess

pytestmark = pytest.mark.integration
STORES = 50
BUSY = "cloudcafe_event_loop_busy_max_seconds"
IDLE_SECONDS = int(os.environ.get("CAFE_BENCH_IDLE_SECONDS", "15"))  # `make bench`: 120


def store(namespace, name="corner", **spec):
    manifest = example()
    manifest["metadata"] = {"name": name, "namespace": namespace}
    manifest["spec"] |= spec
    return manifest


@pytest.fixture
def sqs(local_aws):
    return boto3.client("sqs", **local_aws.client_arguments)


def wait_ready(cluster, namespace, name="corner"):
    def ready():
        item = cluster.get("store", name, namespace)
        return item if condition(item, "Ready").get("status") == "True" else None

    return eventually(ready)


def wait_gone(cluster, namespace, name="corner"):
    eventually(lambda: cluster.get("store", name, namespace) is None)


def queues(sqs):
    return {
        url.rpartition("/")[2] for url in sqs.list_queues(QueueNamePrefix="cloudcafe-test-").get(
            "QueueUrls", [])
    }  # fmt: skip


def test_a_store_becomes_ready_and_goes_without_leaving_anything(
    cluster, namespace, operator, cafe, sqs
):
    operator.start()
    cluster.apply(store(namespace))
    item = wait_ready(cluster, namespace)
    assert queues(sqs) == {
        f"cloudcafe-{namespace}_corner-orders.fifo",
        f"cloudcafe-{namespace}_corner-orders-dlq.fifo",
    }
    assert item["status"]["orderPath"]["totalMs"] >= 0
    assert cluster.get("secret", "corner-till", namespace)
    assert condition(item, "Drifted")["status"] == "False"
    events = {event["reason"] for event in cluster.list("events", namespace)}
    assert {"Ready", "DataTierReady", "MenuSynced", "OrderPathVerified"} <= events
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--timeout=30s")
    assert queues(sqs) == set()
    assert cafe.stores == cafe.menus == cafe.stocks == {}


def test_a_store_whose_queue_is_gone_already_is_deleted(cluster, namespace, operator, sqs):
    operator.start()
    cluster.apply(store(namespace))
    wait_ready(cluster, namespace)
    for name in queues(sqs):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--timeout=30s")


def test_a_namespace_is_deleted_with_its_stores(cluster, namespace, operator, sqs):
    operator.start()
    cluster.apply(store(namespace), store(namespace, "second"))
    wait_ready(cluster, namespace)
    wait_ready(cluster, namespace, "second")
    cluster.kubectl("delete", "namespace", namespace, "--timeout=60s")
    assert queues(sqs) == set()
    cluster.kubectl("create", "namespace", namespace)  # the fixture deletes it


def test_a_killed_operator_goes_on_where_it_was(cluster, namespace, operator, cafe):
    operator.start()
    cluster.apply(store(namespace))
    wait_ready(cluster, namespace)
    operator.kill()
    cluster.apply(store(namespace, "second"))
    cluster.kubectl("delete", "store", "corner", "-n", namespace, "--wait=false")
    operator.start()
    wait_ready(cluster, namespace, "second")
    wait_gone(cluster, namespace)
    assert set(cafe.stores) == {f"{namespace}.second"}


def test_a_stopped_operator_gives_its_lease_back_to_a_standby(cluster, home, operator):
    operator.start()
    assert operator.stop() == 0
    lease = cluster.get("lease", "cloudcafe-operator", home)
    assert not lease["spec"].get("holderIdentity")
    operator.start(POD_NAME="another")
    lease = cluster.get("lease", "cloudcafe-operator", home)
    assert lease["spec"]["holderIdentity"] == "another"


def test_a_standby_is_ready_and_takes_over_when_the_leader_stops(operator, tmp_path):
    operator.start()
    standby = OperatorProcess({**operator.environment, "POD_NAME": "standby"}, tmp_path / "2.log")
    try:
        standby.start(role="standby")
        assert operator.stop() == 0
        standby.wait_until("ok, leading")
    finally:
        assert standby.stop() == 0


def test_an_operator_that_lost_its_lease_stops_at_once(cluster, home, operator):
    operator.start()
    taken = '{"spec":{"holderIdentity":"somebody-else"}}'
    cluster.kubectl("patch", "lease", "cloudcafe-operator", "-n", home, "--type=merge", "-p", taken)
    assert operator.process.wait(timeout=20) == 1


@pytest.mark.slow
@pytest.mark.timeout(120 + 10 * IDLE_SECONDS)
def test_fifty_stores_at_rest_cost_no_write_and_no_aws_call(
    cluster, namespace, home, operator, record_testsuite_property
):
    operator.start()
    before = cluster.writes()
    started = time.monotonic()
    cluster.apply(*(store(namespace, f"store-{number}") for number in range(STORES)))
    wait = ("wait", "--for=condition=Ready", "store", "--all", "-n", namespace, "--timeout=90s")
    cluster.kubectl(*wait)
    figures = {"seconds until all were Ready": round(time.monotonic() - started, 1)}
    cost = grown(before, cluster.writes())
    eventually(lambda: operator.metric("cloudcafe_queue_active") == 0)
    eventually(lambda: planned_stores(cluster, home) == str(STORES), seconds=60)
    quiet, aws_quiet = cluster.writes(), operator.metric("cloudcafe_aws_calls_total")
    time.sleep(IDLE_SECONDS)  # doing nothing for a while is what is measured
    assert grown(quiet, cluster.writes()) == {}
    assert operator.metric("cloudcafe_aws_calls_total") == aws_quiet
    figures["writes per store"] = {key: count / STORES for key, count in cost.items()}
    figures["loop late by its own work, s"] = operator.metric(BUSY)
    figures["loop late at all > 50 ms, samples"] = operator.late_samples()
    # `make bench` measures it in milliseconds; here it must only not be off by a class
    assert operator.metric(BUSY) < 0.5
    for name, value in figures.items():
        record_testsuite_property(name, value)


def planned_stores(cluster, home):
    """Return how many stores the rush plan that is shown counts; it follows in half a minute."""
    plan = cluster.get("configmap", "cloudcafe-rush-plan", home)
    return plan["data"]["stores"] if plan else ""


def grown(before, after):
    """Return the counters that grew, and by how much."""
    changed = {key: value - before.get(key, 0) for key, value in after.items()}
    return {key: value for key, value in changed.items() if value}
