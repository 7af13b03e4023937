"""Buys a coffee through the services, as a till would: what `helm test` runs.

Standard library only, so that any image with Python can run it. Addresses and the service token
come from the environment of the services: CAFE_ORDER_URL, CAFE_MENU_URL, CAFE_INVENTORY_URL and
CAFE_SERVICE_TOKEN. Prints each step; exits 0 when the coffee was confirmed, else 1 with the reason.
"""
# ruff: noqa: INP001, T201 - a file of the chart and no module; printing is what it is for

from __future__ import annotations

import hashlib
import http.client
import json
import os
import sys
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = float(os.environ.get("PATIENCE_S", "90"))
PAUSE_S = 0.5
TIMEOUT_S = 10
CURRENCY = "GBP"
ESPRESSO = {"sku": "espresso", "name": "Espresso", "priceMinor": 280}
NOT_NOW = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class NoCoffeeError(Exception):
    """A step that did not go as it must, in words."""


@dataclass(frozen=True)
class Answer:
    """What a service said."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)

    def reason(self) -> str:
        """Return why it is not what was wanted, from the problem document if there is one."""
        try:
            problem = self.json()
            words = [str(problem[key]) for key in ("title", "detail") if problem.get(key)]
        except (ValueError, AttributeError):
            words = [self.body[:200].decode(errors="replace")]
        return f"{self.status} {': '.join(words)}".strip()


class Till:
    """The till of one temporary store; everything it sends gives up at the same deadline."""

    def __init__(self, store: str, deadline: float) -> None:
        self.store = store
        self.deadline = deadline

    def send(
        self, method: str, service: str, path: str, body: Any = None, *, key: str | None = None
    ) -> Answer:
        """Send a request until it is answered by something else than "not now"."""
        while True:
            try:
                answer = _request(method, service, path, body, key=key)
            except (OSError, http.client.HTTPException) as error:
                why = str(error) or type(error).__name__
            else:
                if answer.status not in NOT_NOW:
                    return answer
                why = answer.reason()
            self.pause(f"{method} {service} {path}: {why}, until patience ran out")

    def expect(self, method: str, service: str, path: str, body: Any = None) -> Answer:
        """Send a request that must succeed."""
        answer = self.send(method, service, path, body)
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise NoCoffeeError(f"{method} {service} {path}: {answer.reason()}")
        return answer

    def pause(self, complaint: str) -> None:
        """Wait a moment before trying again, or complain when it is too late for that."""
        if time.monotonic() > self.deadline:
            raise NoCoffeeError(complaint)
        time.sleep(PAUSE_S)


def _request(method: str, service: str, path: str, body: Any, *, key: str | None) -> Answer:
    headers = {"Authorization": f"Bearer {os.environ['CAFE_SERVICE_TOKEN']}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if key is not None:
        headers["Idempotency-Key"] = key
    host = urlsplit(os.environ[f"CAFE_{service.upper()}_URL"]).netloc
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return Answer(response.status, response.read())
    finally:
        connection.close()


def open_store(till: Till) -> None:
    """Create the store with one drink on its menu and in stock."""
    print(f"a store opens: {till.store}", flush=True)
    store = {
        "name": "Helm test",
        "city": "London",
        "timezone": "Europe/London",
        "currency": CURRENCY,
        "tier": "kiosk",
        "acceptingOrders": True,
        "tillKeySha256": hashlib.sha256(uuid.uuid4().bytes).hexdigest(),
    }
    till.expect("PUT", "order", f"/stores/{till.store}", store)
    menu = {"currency": CURRENCY, "items": [ESPRESSO]}
    till.expect("PUT", "menu", f"/stores/{till.store}/menu", menu)
    stock = {"items": [{"sku": ESPRESSO["sku"], "quantity": 3}]}
    till.expect("PUT", "inventory", f"/stores/{till.store}/stock", stock)


def order_twice(till: Till) -> str:
    """Order with the same key twice; return the id of the one order that must come of it."""
    print("a coffee is ordered, and the till repeats itself", flush=True)
    key = f"helm-test-{uuid.uuid4()}"
    lines = [{"sku": ESPRESSO["sku"], "quantity": 1}]
    body = {"storeId": till.store, "currency": CURRENCY, "lines": lines, "synthetic": True}
    first = till.send("POST", "order", "/orders", body, key=key)
    if first.status != HTTPStatus.CREATED:
        raise NoCoffeeError(f"POST order /orders: {first.reason()}")
    again = till.send("POST", "order", "/orders", body, key=key)
    if again.body != first.body:
        raise NoCoffeeError("the repeated order was not answered with the first answer's bytes")
    order = first.json()
    if order["totalMinor"] != ESPRESSO["priceMinor"]:
        raise NoCoffeeError(f"an espresso of {ESPRESSO['priceMinor']} cost {order['totalMinor']}")
    print(f"  order {order['id']}: one order, the same {len(first.body)} bytes twice", flush=True)
    return str(order["id"])


def wait_until_confirmed(till: Till, order: str) -> None:
    """Follow the order until its stock is reserved."""
    while True:
        seen = till.expect("GET", "order", f"/orders/{order}").json()
        if seen["status"] == "confirmed":
            print("  confirmed", flush=True)
            return
        if seen["status"] != "placed":
            raise NoCoffeeError(f"the order was {seen['status']}: {seen.get('history')}")
        till.pause("the order is still only placed: look at order's relay and at inventory")


def close_store(till: Till) -> None:
    """Remove everything but the order itself, which ends by itself some days later."""
    print("the store closes", flush=True)
    till.deadline = time.monotonic() + min(15, PATIENCE_S)
    till.expect("DELETE", "inventory", f"/stores/{till.store}/stock")
    till.expect("DELETE", "menu", f"/stores/{till.store}/menu")
    till.expect("DELETE", "order", f"/stores/{till.store}")


def buy(till: Till) -> None:
    """Open the store and buy."""
    open_store(till)
    wait_until_confirmed(till, order_twice(till))


def main() -> int:
    """Buy, clear away whatever happened, and return the exit code."""
    till = Till(f"helm-test-{uuid.uuid4().hex[:8]}", time.monotonic() + PATIENCE_S)
    good = True
    for step in (buy, close_store):
        try:
            step(till)
        except NoCoffeeError as error:
            good = False
            print(f"no coffee: {error}", file=sys.stderr)
    if good:
        print("a coffee was bought", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
