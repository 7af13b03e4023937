"""HTTP between the services: one way to call a neighbour, with bounds and the trace."""

import httpx

from cafe_kit.context import current_trace

CONNECT_SECONDS = 1.0
READ_SECONDS = 2.0


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
    """A client for one neighbour. It does not retry: the caller knows what is safe to repeat."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        event_hooks={"request": [_carry_trace]},
        transport=transport,
        trust_env=False,
    )
