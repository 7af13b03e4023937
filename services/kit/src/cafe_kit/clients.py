"""HTTP between the services: one way to call a neighbour, with bounds, a budget and the trace."""

import asyncio
import random
import time
from collections.abc import Callable
from http import HTTPStatus

import httpx

from cafe_kit.context import current_trace

CONNECT_SECONDS = 1.0
READ_SECONDS = 2.0
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.05
ROUNDING = 1e-6
"""Ten times a tenth of a retry is one retry, whatever floating point makes of it."""
PASSING = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


async def _carry_trace(request: httpx.Request) -> None:
    trace = current_trace()
    if trace is not None:
        request.headers["traceparent"] = trace.traceparent
        request.headers["x-request-id"] = trace.request_id


def neighbour(
    base_url: str,
    token: str,
    *,
    connections: int = 32,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """A client for one neighbour. It does not retry: `call` does, where that is safe."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        event_hooks={"request": [_carry_trace]},
        transport=transport,
        trust_env=False,
    )


class RetryBudget:
    """How many retries one neighbour may get: a share of its calls, and a few a second anyway.

    Without it, retries multiply the load on a neighbour exactly when it is overloaded.
    """

    def __init__(
        self,
        *,
        share: float = 0.1,
        least_per_second: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._least_per_second = least_per_second
        self._clock = clock
        self._most = max(10.0, least_per_second)
        self._tokens = least_per_second
        self._refilled_at = clock()

    def note_call(self) -> None:
        """A call was made; it earns its share of a retry."""
        self._tokens = min(self._most, self._tokens + self._share)

    def spend(self) -> bool:
        """Whether one more retry is allowed; it then counts as made."""
        now = self._clock()
        earned = (now - self._refilled_at) * self._least_per_second
        # what only the passing of time earns never saves up for more than a second
        if self._tokens < self._least_per_second:
            self._tokens = min(self._least_per_second, self._tokens + earned)
        self._refilled_at = now
        if self._tokens < 1 - ROUNDING:
            return False
        self._tokens -= 1
        return True


async def call(
    client: httpx.AsyncClient,
    request: httpx.Request,
    *,
    budget: RetryBudget,
    idempotent: bool,
    deadline_seconds: float,
) -> httpx.Response:
    """Send a request of `client.build_request`, again where that is safe and the budget allows.

    What never left (no connection) is always safe to repeat; the rest only if `idempotent`.
    Returns the last response, whatever its status.

    Raises:
        httpx.ConnectError: nobody was reached; nothing happened there.
        httpx.HTTPError: no answer within the deadline; what happened there is unknown.
    """
    deadline = time.monotonic() + deadline_seconds
    budget.note_call()
    attempt = 1
    while True:
        pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * (1 + random.random())  # noqa: S311 - jitter
        try:
            response = await _send(client, request, deadline)
        except httpx.TransportError as error:
            unsent = isinstance(
                error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
            )
            if not (unsent or idempotent) or not _may(attempt, pause, deadline, budget):
                raise
        else:
            if response.status_code not in PASSING or not idempotent:
                return response
            pause = max(pause, _retry_after_seconds(response))
            if not _may(attempt, pause, deadline, budget):
                return response
        await asyncio.sleep(pause)
        attempt += 1


def _may(attempt: int, pause: float, deadline: float, budget: RetryBudget) -> bool:
    in_time = time.monotonic() + pause < deadline
    return attempt < ATTEMPTS and in_time and budget.spend()


async def _send(
    client: httpx.AsyncClient, request: httpx.Request, deadline: float
) -> httpx.Response:
    left = max(deadline - time.monotonic(), 0.001)
    try:
        async with asyncio.timeout(left):
            return await client.send(request)
    except TimeoutError:
        raise httpx.ReadTimeout("no answer within the deadline", request=request) from None


def _retry_after_seconds(response: httpx.Response) -> float:
    given = response.headers.get("retry-after", "")
    return float(given) if given.isdigit() else 0.0
