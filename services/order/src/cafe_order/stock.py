"""Reservations, commits and releases at the inventory service; its word moves the order.

One HTTP call a batch: `POST /reservations:batch`. Every item of it is idempotent, so a batch whose
answer was lost is sent again as a whole.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal, get_args

import httpx
from cafe_kit.context import continue_trace
from cafe_kit.errors import UnavailableError
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from cafe_order import events
from cafe_order.destinations import (
    Delivered,
    Outcome,
    Park,
    RefusedError,
    Retry,
    deliver_or_split,
)
from cafe_order.outbox import OutboxRow
from cafe_order.saga import StockAnswer, StockStatus

PATH = "/reservations:batch"
ANSWER_SECONDS = 5.0
ACTIONS = {events.RESERVE: "reserve", events.COMMIT: "commit", events.RELEASE: "release"}
FITTING: dict[str, frozenset[str]] = {
    events.RESERVE: frozenset(get_args(StockStatus)),
    events.COMMIT: frozenset({"committed", "released", "notFound", "conflict"}),
    events.RELEASE: frozenset({"released", "notFound"}),
}
"""What an answer to each command may be; anything else needs a person."""

NOT_NOW = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,  # a token that is being rotated is no poison
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,  # an older inventory, while both are being updated
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class _Line(_Model):
    sku: str
    quantity: int


class _Command(_Model):
    """What the stock needs of a message; what else it tells is not its business."""

    store_id: str
    lines: tuple[_Line, ...]
    synthetic: bool = False
    placed_at: str | None = None


class _Result(_Model):
    order_id: str
    status: StockStatus | Literal["unavailable"]
    detail: str | None = None


class _Results(_Model):
    results: tuple[_Result, ...]


_COMMAND = TypeAdapter(_Command)


class StockDestination:
    """The outbox's way to the inventory service."""

    name = events.STOCK
    batch_size = 50
    lanes = 4
    linger_seconds = 0.0
    newest_only = False

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def deliver(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """One call for all; what cannot be read is parked and not sent."""
        requests: dict[int, dict[str, Any]] = {}
        outcomes: dict[int, Outcome] = {}
        for row in rows:
            try:
                requests[row.id] = _request(row)
            except (KeyError, ValidationError) as error:
                outcomes[row.id] = Park(f"Nobody can carry out {row.kind!r}: {error}")

        async def send(some: Sequence[OutboxRow]) -> list[Outcome]:
            return await self._send(some, [requests[row.id] for row in some])

        sent = [row for row in rows if row.id in requests]
        if sent:
            answers = await deliver_or_split(sent, send)
            outcomes |= {row.id: answer for row, answer in zip(sent, answers, strict=True)}
        return [outcomes[row.id] for row in rows]

    async def check(self) -> None:
        """Raise unless the inventory service answers."""
        (await self._client.get("/livez")).raise_for_status()

    async def _send(
        self, rows: Sequence[OutboxRow], requests: Sequence[dict[str, Any]]
    ) -> list[Outcome]:
        # a batch belongs to many traces: one of its own, unless it is one order's
        continue_trace(f"00-{rows[0].trace_id}-{'1' * 16}-01" if len(rows) == 1 else "")
        try:
            response = await self._client.post(
                PATH, json={"requests": requests}, timeout=ANSWER_SECONDS
            )
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"The inventory service: {type(error).__name__}: {error}"
            ) from error
        return judge(rows, response)


def judge(rows: Sequence[OutboxRow], response: httpx.Response) -> list[Outcome]:
    """What the inventory's answer to a batch means for each row.

    Raises:
        RefusedError: the batch, or something in it, is not acceptable to the inventory.
        UnavailableError: not now.
    """
    quoted = f"The inventory service answered {response.status_code}: {response.text[:300]}"
    if response.is_server_error or response.status_code in NOT_NOW:
        raise UnavailableError(quoted)
    if not response.is_success:
        raise RefusedError(quoted)
    try:
        results = _Results.model_validate_json(response.content).results
    except ValidationError as error:
        raise UnavailableError(f"The inventory's answer is not readable: {error}") from error
    found = {result.order_id: result for result in results}
    return [_outcome(row, found.get(str(row.order_id))) for row in rows]


def _outcome(row: OutboxRow, result: _Result | None) -> Outcome:
    if result is None:
        return Retry("The inventory's answer leaves it out.")
    if result.status == "unavailable":
        return Retry(result.detail or "The inventory could not tell.")
    if result.status not in FITTING[row.kind]:
        return Park(f"The inventory answered {result.status}: {result.detail or 'no detail'}")
    return Delivered(StockAnswer(row.kind, result.status, result.detail or ""))


def _request(row: OutboxRow) -> dict[str, Any]:
    command = _COMMAND.validate_json(row.payload)
    return {
        "orderId": str(row.order_id),
        "action": ACTIONS[row.kind],
        **command.model_dump(by_alias=True, exclude_none=True, mode="json"),
    }
