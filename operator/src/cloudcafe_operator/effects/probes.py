"""Single samples: what one customer sees at one moment. Called by `sampling.py`.

Trouble of the probed system is the answer and never raised; trouble of whom it asks is raised.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cloudcafe_operator.effects.system_probes import Systems
from cloudcafe_operator.planning.samples import Result
from cloudcafe_operator.ports import Clock, Http, HttpAnswer
from cloudcafe_operator.resources.duration import seconds
from cloudcafe_operator.resources.probe import HttpProbe, OrderProbe, Probe

POLL_S = 0.2
OK = 200
CREATED = 201
REFUSED_FROM = 400
LONGEST_WHY = 200
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shop:
    """Where coffee is bought, and the right to mark an order as synthetic."""

    order_url: str
    menu_url: str
    token: str = field(repr=False)
    store_id: Callable[[str, str], str] = lambda _, name: name  # of namespace and name


@dataclass(frozen=True, slots=True)
class Seen:
    """One sample; `why` says what a bad one met."""

    result: Result
    milliseconds: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """Takes samples; one serves all runs."""

    http: Http
    clock: Clock
    shop: Shop
    systems: Systems
    sleep: Sleep = asyncio.sleep

    async def sample(self, probe: Probe, *, namespace: str, key: str) -> Seen:
        """Return how it went. `key` makes an order unique."""
        begun = self.clock.monotonic()
        longest = seconds(probe.timeout)
        if probe.http:
            result, why = await self._request(probe.http, longest)
        elif probe.order:
            result, why = await self._order(probe.order, namespace, key, longest)
        elif probe.system:
            result, why = await self.systems.ask(probe.system, namespace=namespace, longest=longest)
        else:
            result, why = "refused", "a probe of no kind"
        milliseconds = round(1000 * (self.clock.monotonic() - begun))
        allowed = probe.tolerance.latency_milliseconds
        if result == "good" and allowed is not None and milliseconds > allowed:
            return Seen("delayed", milliseconds, f"more than {allowed} ms")
        return Seen(result, milliseconds, why)

    async def _request(self, probe: HttpProbe, longest: float) -> tuple[Result, str]:
        answer = await self.systems.http.request("GET", probe.url, timeout_seconds=longest)
        if probe.expect_status:
            good = answer.status in probe.expect_status
        else:
            good = 0 < answer.status < REFUSED_FROM
        return ("good", "") if good else ("refused", _why(answer))

    async def _order(
        self, probe: OrderProbe, namespace: str, key: str, longest: float
    ) -> tuple[Result, str]:
        """Buy and wait for the confirmation; accepted without one is delayed."""
        store = self.shop.store_id(namespace, probe.store)
        begun = self.clock.monotonic()
        sku = probe.sku
        if not sku:
            menu = await self._menu(store, longest)
            items = _json(menu).get("items") or []
            if not items:
                why = "the menu is empty" if menu.status == OK else _why(menu)
                return "refused", f"nothing to order: {why}"
            sku = str(items[0].get("sku", ""))
        left = max(POLL_S, longest - (self.clock.monotonic() - begun))
        answer = await self.http.request(
            "POST",
            f"{self.shop.order_url}/orders",
            body={"storeId": store, "lines": [{"sku": sku, "quantity": 1}], "synthetic": True},
            headers=self._headers() | {"Idempotency-Key": key},
            timeout_seconds=left,
        )
        order = _json(answer)
        if answer.status != CREATED or "id" not in order:
            return "refused", _why(answer)
        return await self._confirmed(order, begun, longest)

    async def _confirmed(
        self, order: dict[str, Any], begun: float, longest: float
    ) -> tuple[Result, str]:
        """Poll until the order is decided; bounded by time and by number."""
        for _ in range(max(1, round(longest / POLL_S))):
            if order.get("status") == "confirmed":
                return "good", ""
            if order.get("status") in ("rejected", "cancelled"):
                return "refused", f"an order that was {order['status']}"
            left = longest - (self.clock.monotonic() - begun)
            if left <= 0:
                break
            await self.sleep(POLL_S)
            answer = await self.http.request(
                "GET",
                f"{self.shop.order_url}/orders/{order['id']}",
                headers=self._headers(),
                timeout_seconds=max(POLL_S, left),
            )
            order = order | _json(answer)
        if order.get("status") == "confirmed":
            return "good", ""
        return "delayed", f"an order still {order.get('status')} after {longest:g} s"

    async def _menu(self, store: str, longest: float) -> HttpAnswer:
        url = f"{self.shop.menu_url}/stores/{quote(store, safe='')}/menu"
        return await self.http.request("GET", url, headers=self._headers(), timeout_seconds=longest)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.shop.token}"}


def _json(answer: HttpAnswer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) and answer.status < REFUSED_FROM else {}


def _why(answer: HttpAnswer) -> str:
    """Return what a refusal says, in one short line."""
    if not answer.status:
        return answer.error or "no answer"
    try:
        problem = json.loads(answer.body or b"{}")
    except ValueError:
        problem = {}
    said = [problem.get(name) for name in ("title", "detail")] if isinstance(problem, dict) else []
    return " ".join([str(answer.status), *(str(part) for part in said if part)])[:LONGEST_WHY]
