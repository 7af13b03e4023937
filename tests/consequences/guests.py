"""Who asks the services while something is broken: a guest, again and again, and patience."""

from __future__ import annotations

import asyncio
import time
import uuid

import httpx
from cloudcafe_operator.errors import Retry

from tests.consequences.stage import STORE, TOKEN

WITHIN_SECONDS = 60.0

WAITED_S = 1.0  # twenty times what an answer takes


async def within(ask, what, seconds=WITHIN_SECONDS):
    """Return the first true answer; Retry and a silent service are not yet."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            if last := await ask():
                return last
        except (Retry, httpx.TransportError) as error:
            last = error
        await asyncio.sleep(0.05)  # before it is asked again
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}: {last!r}")


class Guest:
    """Speaks HTTP with the services, as their callers do."""

    def __init__(self, stage):
        self._stage = stage
        self._http = httpx.AsyncClient(
            timeout=10.0, trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}
        )

    async def close(self):
        await self._http.aclose()

    async def get(self, service, path):
        return await self._http.get(self._stage.url(service) + path)

    async def post(self, service, path, body):
        return await self._http.post(self._stage.url(service) + path, json=body)

    async def order(self, customer=None, door="order"):
        """Buy an espresso; the answer, whatever it is."""
        body = {"storeId": STORE, "lines": [{"sku": "espresso", "quantity": 1}]}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        body |= {"customerId": customer} if customer else {}
        return await self._http.post(self._stage.url(door) + "/orders", json=body, headers=headers)

    async def ordered(self, customer=None):
        """Buy one that must be taken; its id."""
        answer = await self.order(customer)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def status(self, order_id):
        return (await self.get("order", f"/orders/{order_id}")).json()["status"]

    async def menu(self, service="menu"):
        return await self.get(service, f"/stores/{STORE}/menu")

    async def points(self, customer):
        """The customer's balance; None while nobody can tell."""
        answer = await self.get("loyalty", f"/customers/{customer}")
        return answer.json()["balance"] if answer.status_code == 200 else None

    async def is_served(self):
        """Whether a coffee, bought now, comes to its end: all services take part in it."""
        customer = f"guest-{uuid.uuid4()}"
        answer = await self.order(customer)
        if answer.status_code != 201 or (await self.menu()).status_code != 200:
            return False
        order = answer.json()["id"]
        await within(lambda: self.is_("completed", order), f"order {order} to be completed")
        await within(lambda: self.points(customer), f"the points of {customer}")
        return True

    async def _has_stock(self, order):
        """Also where it was paid a moment later, between two looks."""
        return await self.status(order) != "placed"

    async def is_(self, status, order):
        return await self.status(order) == status

    async def reserve(self):
        """Ask inventory for an espresso of an order of one's own."""
        body = {"storeId": STORE, "lines": [{"sku": "espresso", "quantity": 1}]}
        url = f"{self._stage.url('inventory')}/reservations/{uuid.uuid4()}"
        return await self._http.put(url, json=body)

    async def balance(self, customer):
        return await self.get("loyalty", f"/customers/{customer}")

    async def sold(self):
        """How many orders the sales report counts; None while there is no report."""
        answer = await self.get("analytics-worker", "/reports/sales/by-store")
        if answer.status_code != 200:
            return None
        return sum(row["orders"] for row in answer.json()["rows"])

    async def unpaid(self):
        """Buy one whose payment nobody takes; None where somebody was about to take it."""
        order = await self.ordered()
        await within(lambda: self._has_stock(order), f"stock for {order}")
        await asyncio.sleep(1.0)  # ten times what a payment takes
        return order if await self.is_("confirmed", order) else None


class Watch:
    """Asks again and again while the body runs; `seen` are the answers, None for silence."""

    def __init__(self, ask):
        self._ask = ask
        self.seen = []

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self):
        while True:
            try:
                self.seen.append(await self._ask())
            except httpx.TransportError:
                self.seen.append(None)
            await asyncio.sleep(0.05)  # a guest takes a breath


def says_try_again(answer):
    """Whether the service itself refuses for now, and says when to come back."""
    return (
        answer is not None
        and answer.status_code == 503
        and int(answer.headers.get("retry-after", 0)) > 0
    )


def notices(answer):
    """Whether a guest is turned away, or waits until a replica has taken over."""
    return answer is None or says_try_again(answer) or answer.elapsed.total_seconds() > WAITED_S
