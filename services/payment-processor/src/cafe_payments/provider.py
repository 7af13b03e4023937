"""The card provider over HTTP. Implements the port `Provider` of `service.py`.

A request is repeated only where that is safe (`cafe_kit.clients.call`), within a budget; an answer
that did not come is told apart from a request that never left.
"""

import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

import httpx
from cafe_kit.clients import RetryBudget, call
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from cafe_payments.errors import NotReachedError, OutcomeUnknownError, RefusedError
from cafe_payments.holdoff import HoldOff
from cafe_payments.models import Charge, ChargeState, Entry

LATENCY = "ProviderLatency"
NOT_PROCESSED = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.UNAUTHORIZED,  # a key that is being rotated is no refusal of the order
        HTTPStatus.FORBIDDEN,
    }
)


class Times(Protocol):
    """Business metrics."""

    def time(self, name: str, seconds: float) -> None:
        """Something took this long."""
        ...


class _Charge(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    charge_id: str
    state: ChargeState
    reason: str | None = None

    def plain(self) -> Charge:
        return Charge(self.charge_id, self.state, self.reason)


class _Charges(BaseModel):
    charges: list[_Charge]


class HttpProvider:
    """The provider's client for one process."""

    def __init__(
        self, client: httpx.AsyncClient, call_seconds: float, times: Times, hold_off: HoldOff
    ) -> None:
        self._client = client
        self._call_seconds = call_seconds
        self._times = times
        self._hold_off = hold_off
        self._budget = RetryBudget()

    def hold_off_seconds(self) -> float:
        """How long it is best left alone."""
        return self._hold_off.seconds()

    async def check(self) -> None:
        """Raise unless it answers."""
        (await self._client.get("/livez")).raise_for_status()

    async def close(self) -> None:
        """Let its connections go."""
        await self._client.aclose()

    async def authorise(self, entry: Entry, key: str) -> Charge:
        """Reserve the money."""
        request = self._client.build_request(
            "POST",
            "/charges",
            headers={"Idempotency-Key": key},
            json={
                "reference": entry.order_id,
                "storeId": entry.store_id,
                "amountMinor": entry.amount_minor,
                "currency": entry.currency,
                "placedAt": entry.placed_at.isoformat(),
                "capture": False,
            },
        )
        # a key that the provider has forgotten makes the repetition a second charge
        return _charge(_accepted(await self._send(request, idempotent=False)))

    async def find(self, order_id: str) -> Sequence[Charge]:
        """All charges of an order."""
        request = self._client.build_request("GET", "/charges", params={"reference": order_id})
        response = _accepted(await self._send(request))
        try:
            found = _Charges.model_validate_json(response.content).charges
        except ValidationError as error:
            raise OutcomeUnknownError(f"The provider's answer is unreadable: {error}") from error
        return [charge.plain() for charge in found]

    async def capture(self, charge_id: str) -> Charge:
        """Take the money."""
        return await self._settle(charge_id, "capture")

    async def void(self, charge_id: str) -> Charge:
        """Let the reserved money go."""
        return await self._settle(charge_id, "void")

    async def refund(self, charge_id: str) -> Charge:
        """Give the money back."""
        return await self._settle(charge_id, "refund")

    async def _settle(self, charge_id: str, action: str) -> Charge:
        request = self._client.build_request("POST", f"/charges/{charge_id}/{action}")
        response = await self._send(request)
        if response.status_code == HTTPStatus.CONFLICT:
            request = self._client.build_request("GET", f"/charges/{charge_id}")
            response = await self._send(request)
        return _charge(_accepted(response))

    async def _send(self, request: httpx.Request, *, idempotent: bool = True) -> httpx.Response:
        began = time.monotonic()
        try:
            response = await call(
                self._client,
                request,
                budget=self._budget,
                idempotent=idempotent,
                deadline_seconds=self._call_seconds,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            self._hold_off.failed()
            raise NotReachedError(f"The provider: {type(error).__name__}: {error}") from error
        except httpx.HTTPError as error:
            self._hold_off.failed()
            raise OutcomeUnknownError(f"The provider: {type(error).__name__}: {error}") from error
        finally:
            self._times.time(LATENCY, time.monotonic() - began)
        return self._judged(response)

    def _judged(self, response: httpx.Response) -> httpx.Response:
        status = response.status_code
        if status in NOT_PROCESSED:
            self._hold_off.failed()
            raise NotReachedError(f"The provider answered {status}: {response.text[:300]}")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
            self._hold_off.failed()
            raise OutcomeUnknownError(f"The provider answered {status}: {response.text[:300]}")
        self._hold_off.succeeded()
        return response


def _accepted(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise RefusedError(
            f"The provider refused with {response.status_code}: {response.text[:300]}"
        )
    return response


def _charge(response: httpx.Response) -> Charge:
    try:
        return _Charge.model_validate_json(response.content).plain()
    except ValidationError as error:
        raise OutcomeUnknownError(f"The provider's answer is unreadable: {error}") from error
