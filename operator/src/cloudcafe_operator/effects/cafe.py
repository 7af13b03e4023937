"""The APIs of the cafe's services, as the operator uses them.

Called by the store's execute and removal, by probes that buy a coffee, and by `cafe_looks.py`,
which reads many stores at once. Refusals become errors with the service's own sentence (its problem
document), so that a condition repeats it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from cloudcafe_operator.errors import (
    AccessDenied,
    Bug,
    Conflict,
    NotFound,
    OperatorError,
    Throttled,
    Unavailable,
    UserError,
)
from cloudcafe_operator.ports import Http, HttpAnswer, Json

Part = Literal["store", "menu", "stock"]
TIMEOUT_SECONDS = 5.0
NO_CONTENT = 204
BY_STATUS: Mapping[int, type[OperatorError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    409: Conflict,
    429: Throttled,
}
NEWER = b"Extra inputs are not permitted"  # what a service says of a field that it does not know
UPGRADE_S = 5.0
CLIENT_ERRORS = range(400, 500)
SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Cafe:
    """The three services. `token` is the service token that lets us manage stores."""

    http: Http
    order_url: str
    menu_url: str
    inventory_url: str
    token: str

    async def get(self, store_id: str, part: Part) -> Json | None:
        """Return the store, its menu or its stock; None where the service knows none."""
        return self.understood(await self.ask(store_id, part), store_id, part)

    async def ask(self, store_id: str, part: Part) -> HttpAnswer:
        """Return the service's answer about it, whatever it is."""
        return await self._ask("GET", self._url(store_id, part))

    async def ask_many(self, store_ids: Sequence[str], part: Part) -> HttpAnswer:
        """Return the service's answer about many stores; at most a hundred."""
        base = {"store": self.order_url, "menu": self.menu_url, "stock": self.inventory_url}[part]
        named = "&".join(f"id={quote(one, safe='')}" for one in store_ids)
        return await self._ask("GET", f"{base}/{part}s:batch?{named}")

    def understood(self, answer: HttpAnswer, store_id: str, part: Part) -> Json | None:
        """Return what an answer about a store tells of it, or raise what its refusal means."""
        try:
            return checked(answer, f"GET {self._url(store_id, part)}")
        except NotFound:
            return None

    async def put(self, store_id: str, part: Part, body: Json) -> Json:
        """Create or replace it."""
        return await self._send("PUT", self._url(store_id, part), body)

    async def delete(self, store_id: str, part: Part) -> None:
        """Delete it; fine when it is gone already."""
        try:
            await self._send("DELETE", self._url(store_id, part))
        except NotFound:
            return

    async def order(self, store_id: str, sku: str, *, key: str) -> tuple[Json, float]:
        """Order one portion, fenced from sales; the same key is the same order. Also ms."""
        body = {
            "storeId": store_id,
            "lines": [{"sku": sku, "quantity": 1}],
            "synthetic": True,
        }
        url = f"{self.order_url}/orders"
        answer = await self._ask("POST", url, body, {"Idempotency-Key": key})
        return checked(answer, f"POST {url}"), answer.elapsed_ms

    async def find_order(self, order_id: str) -> Json:
        """Return an order with its history."""
        return await self._send("GET", f"{self.order_url}/orders/{order_id}")

    async def activity(self) -> Json:
        """Return how busy the stores are, the thousand busiest in one answer."""
        return await self._send("GET", f"{self.order_url}/activity")

    def _url(self, store_id: str, part: Part) -> str:
        store = quote(store_id, safe="")
        return {
            "store": f"{self.order_url}/stores/{store}",
            "menu": f"{self.menu_url}/stores/{store}/menu",
            "stock": f"{self.inventory_url}/stores/{store}/stock",
        }[part]

    async def _send(self, method: str, url: str, body: Json | None = None) -> Json:
        return checked(await self._ask(method, url, body), f"{method} {url}")

    async def _ask(
        self, method: str, url: str, body: Json | None = None, more: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        return await self.http.request(
            method,
            url,
            body=body,
            headers={"Authorization": f"Bearer {self.token}", **(more or {})},
            timeout_seconds=TIMEOUT_SECONDS,
        )


def checked(answer: HttpAnswer, what: str) -> dict[str, Any]:
    """Return the answer's object, or raise what the refusal means."""
    if answer.status in SUCCESS:
        if answer.status == NO_CONTENT:
            return {}
        try:
            return dict(json.loads(answer.body))
        except ValueError as problem:
            raise Bug(f"{what} answered {answer.status} without a JSON object") from problem
    if answer.status == 0:
        raise Unavailable(f"{what}: {answer.error}")
    said = f"{what}: {answer.status} {_sentence(answer)}".rstrip()
    if NEWER in answer.body:  # during an upgrade: no spec is to blame, and it will not last
        raise Unavailable(f"{said}. That service is older than this operator", after=UPGRADE_S)
    default = UserError if answer.status in CLIENT_ERRORS else Unavailable
    raise BY_STATUS.get(answer.status, default)(said)


def _sentence(answer: HttpAnswer) -> str:
    """Return a problem document's title, detail and remedy."""
    try:
        problem = json.loads(answer.body)
    except ValueError:
        return ""
    if not isinstance(problem, dict):
        return ""
    parts = (problem.get(name) for name in ("title", "detail", "remedy"))
    return ". ".join(str(part).rstrip(".") for part in parts if part)
