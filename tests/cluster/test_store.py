"""A store tells the truth, and goes when it is told to."""

import pytest

from tests.cluster.conftest import NAMESPACE, condition

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def store(name, **spec):
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "CafeStore",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"city": "London", "timezone": "Europe/London", "currency": "GBP", **spec},
    }


def ready(cluster, name, timeout_s=120):
    def there():
        found = cluster.get("cafestore", name)
        return found if condition(found, "Ready").get("status") == "True" else None

    return cluster.wait(there, f"store {name} to be Ready", timeout_s)


def queues(cluster, bystander, name):
    code = (
        "import boto3\n"
        "found = boto3.client('sqs').list_queues(QueueNamePrefix='cloudcafe-')\n"
        f"print('\\n'.join(url for url in found.get('QueueUrls', []) if {name!r} in url))\n"
    )
    return cluster.python(bystander, code).split()


def test_a_store_whose_queue_is_already_gone_can_be_deleted(cluster, bystander):
    cluster.apply(store("short-lived"))
    ready(cluster, "short-lived")
    assert queues(cluster, bystander, "short-lived")
    cluster.python(
        bystander,
        "import boto3\nsqs = boto3.client('sqs')\n"
        "for url in sqs.list_queues(QueueNamePrefix='cloudcafe-')['QueueUrls']:\n"
        "    if 'short-lived' in url:\n"
        "        sqs.delete_queue(QueueUrl=url)\n",
    )
    cluster.delete("cafestore", "short-lived")
    cluster.wait(lambda: cluster.get("cafestore", "short-lived") is None, "the store to go", 90)
    assert queues(cluster, bystander, "short-lived") == []
    assert cluster.get("secret", "short-lived-till") is None


def test_a_negative_price_is_refused_at_admission(cluster):
    menu = [{"sku": "espresso", "name": "Espresso", "priceMinor": -250}]
    refused = cluster.apply(store("negative", menu=menu), check=False)
    assert refused.returncode != 0
    assert "priceMinor" in refused.stderr


def test_a_misspelt_field_is_refused_by_name(cluster):
    refused = cluster.apply(store("misspelt", timezon="Europe/London"), check=False)
    assert refused.returncode != 0
    assert "timezon" in refused.stderr


def test_the_store_serves_again_after_its_whole_data_tier_restarted(cluster, soho, order):
    data = "app.kubernetes.io/name in (postgresql, documentdb, localaws, toxiproxy)"
    words = ("-l", data, "--grace-period=1", "--wait=false")
    cluster.kubectl("-n", NAMESPACE, "delete", "pod", *words)
    cluster.wait(lambda: order()["status"] != 201, "the data tier to be away", 60)
    cluster.wait(lambda: order()["status"] == 201, "orders to be accepted again", 180)
