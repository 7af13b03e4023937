"""The storefront on real pods: a guest buys without a key, and a store's staff need theirs."""

import json
import uuid

import pytest

pytestmark = pytest.mark.cluster
STORE = "cloudcafe.espresso-soho"


@pytest.fixture
def ask(cluster, soho, bystander):
    """Ask the storefront from a pod beside it: status and body."""

    def asked(path, body=None, **headers):
        code = (
            "import json, urllib.error, urllib.request\n"
            f"body, headers = {body!r}, {headers!r}\n"
            "data = None if body is None else json.dumps(body).encode()\n"
            "headers = {k.replace('_', '-'): v for k, v in headers.items()}\n"
            "headers |= {'Content-Type': 'application/json'}\n"
            f"call = urllib.request.Request('http://storefront:8080{path}', data, headers)\n"
            "try:\n"
            "    answer = urllib.request.urlopen(call, timeout=10)\n"
            "except urllib.error.HTTPError as error:\n"
            "    answer = error\n"
            "print(json.dumps([answer.status, answer.read().decode()]))\n"
        )
        return json.loads(cluster.python(bystander, code))

    return asked


def test_a_guest_sees_the_page_orders_and_follows_the_order_to_its_end(cluster, ask):
    status, page = ask("/")
    assert (status, "shop.js" in page) == (200, True)
    menu = json.loads(ask(f"/shop/stores/{STORE}/menu")[1])
    [espresso] = [item for item in menu["items"] if item["sku"] == "espresso"]
    wanted = {
        "storeId": STORE,
        "lines": [{"sku": "espresso", "quantity": 1}],
        "expectedTotalMinor": espresso["priceMinor"],
    }
    key = str(uuid.uuid4())
    answers = [ask("/shop/orders", wanted, Idempotency_Key=key) for _ in range(2)]
    assert [status for status, _ in answers] == [201, 201]
    [bought] = {json.loads(body)["id"] for _, body in answers}

    def completed():
        return json.loads(ask(f"/shop/orders/{bought}")[1])["status"] == "completed"

    cluster.wait(completed, "the order's end", 60)


def test_a_board_opens_with_the_stores_own_key(cluster, ask):
    path = f"/board/stores/{STORE}/take"
    assert ask(path, {})[0] == 401
    assert ask(path, {}, Authorization="Bearer the-key-of-another-till")[0] == 403
    read = ("-n", "cloudcafe", "get", "secret", "espresso-soho-till")
    key = cluster.kubectl(*read, "-o", "go-template={{.data.key | base64decode}}").stdout

    def opened():
        return ask(path, {}, Authorization=f"Bearer {key}")[0] == 200

    cluster.wait(opened, "the board", 60)  # it asks again while its queue is away, as the page does
