"""Orders on real pods: accepted once, refused with a sentence that says what to do."""

import json

import pytest


def completed(cluster, bystander, order_id, till):
    code = (
        "import base64, urllib.request\n"
        f"key = base64.b64decode({till!r}).decode()\n"
        f"call = urllib.request.Request('http://order:8080/orders/{order_id}',"
        " headers={'Authorization': 'Bearer ' + key})\n"
        "print(urllib.request.urlopen(call, timeout=5).read().decode())\n"
    )
    return json.loads(cluster.python(bystander, code))["status"] == "completed"


@pytest.mark.cluster
def test_an_order_is_accepted_paid_and_completed(cluster, bystander, order):
    answer = order()
    assert answer["status"] == 201
    till = cluster.get("secret", "espresso-soho-till")["data"]["key"]
    bought = answer["body"]["id"]
    cluster.wait(lambda: completed(cluster, bystander, bought, till), "the order's end", 60)


@pytest.mark.cluster
def test_the_same_key_brings_back_the_same_order(order):
    first, again = order(key="a-till-that-retries"), order(key="a-till-that-retries")
    assert first["body"] == again["body"]


@pytest.mark.cluster
def test_the_same_key_with_another_body_is_refused(order):
    order(key="one-key-two-orders")
    other = {
        "storeId": "cloudcafe.espresso-soho",
        "lines": [{"sku": "espresso", "quantity": 2}],
    }
    answer = order(key="one-key-two-orders", body=other)
    assert answer["status"] == 422


LINE = {"sku": "espresso", "quantity": 1}


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("status", "names", "key", "body"),
    [
        (400, "Idempotency-Key", "", None),
        (404, "cloudcafe.nowhere", None, {"storeId": "cloudcafe.nowhere", "lines": [LINE]}),
        (
            422,
            "unobtainium",
            None,
            {
                "storeId": "cloudcafe.espresso-soho",
                "lines": [{"sku": "unobtainium", "quantity": 1}],
            },
        ),
        (
            422,
            "quantity",
            None,
            {"storeId": "cloudcafe.espresso-soho", "lines": [{"sku": "espresso", "quantity": -1}]},
        ),
    ],
    ids=["without a key", "unknown store", "unknown item", "negative quantity"],
)
def test_a_bad_order_is_refused_with_what_is_wrong_and_the_remedy(order, status, names, key, body):
    answer = order(key=key, body=body)
    assert answer["status"] == status
    assert names in json.dumps(answer["body"])
    assert answer["body"]["remedy"]
