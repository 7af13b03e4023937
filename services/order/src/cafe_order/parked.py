"""Outbox rows that need a person: looked at, and put back when their cause is gone.

Used by the operations' endpoints (`operations.py`) and, through them, by `cafectl redrive`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Self

from cafe_kit.database import Database
from cafe_kit.paging import MAX_LIMIT, bad_cursor, decode_cursor, encode_cursor
from cafe_kit.wire import WireInput, WireView
from pydantic import Field, model_validator

from cafe_order.events import Destinations

CHUNK = 1000
MAX_BIGINT = 2**63 - 1

PARKED = """
SELECT id, order_id, destination, kind, parked_reason, attempts, parked_at, created_at
FROM outbox
WHERE parked_at IS NOT NULL AND id > $1 AND ($2::text IS NULL OR destination = $2)
ORDER BY id LIMIT $3
"""

REDRIVE = """
WITH chosen AS (
    SELECT id FROM outbox
    WHERE parked_at IS NOT NULL AND parked_at <= $4 AND ($1::text IS NULL OR destination = $1)
      AND ($2::bigint[] IS NULL OR id = ANY($2::bigint[]))
    ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET parked_at = NULL, parked_reason = NULL, parked_for = NULL, attempts = 0,
    due_at = now()
FROM chosen WHERE o.id = chosen.id
"""


class ParkedRow(WireView):
    """A message that could not be delivered."""

    id: int
    order_id: str
    destination: str
    kind: str
    reason: str
    attempts: int
    parked_at: datetime
    created_at: datetime


class ParkedPage(WireView):
    """Some of them, and where the next ones begin."""

    entries: list[ParkedRow]
    next: str | None = None


class RedriveInput(WireInput):
    """Which ones to put back: all, one destination's, or these."""

    destination: Destinations | None = None
    ids: list[int] | None = Field(default=None, min_length=1, max_length=MAX_LIMIT)

    @model_validator(mode="after")
    def _ids_fit(self) -> Self:
        if any(not 0 < number <= MAX_BIGINT for number in self.ids or ()):
            raise ValueError("an id is a positive number that fits 64 bits")
        return self


class Redriven(WireView):
    """How many were put back."""

    redriven: int


class PostgresParked:
    """The parked rows of the outbox table."""

    def __init__(self, database: Database, *, wake_relay: Callable[[], None]) -> None:
        self._database = database
        self._wake_relay = wake_relay

    async def page(self, destination: str | None, limit: int, cursor: str | None) -> ParkedPage:
        """Parked rows, the oldest first.

        Raises:
            UnprocessableError: the cursor is none of ours.
        """
        after = _position(cursor)
        async with self._database.connection() as connection:
            rows = await connection.fetch(PARKED, after, destination, limit + 1)
        return ParkedPage(
            entries=[_view(row) for row in rows[:limit]],
            next=encode_cursor({"id": str(rows[limit - 1]["id"])}) if len(rows) > limit else None,
        )

    async def redrive(self, destination: str | None, ids: Sequence[int] | None) -> int:
        """Put rows back, as if they had never been tried; returns how many.

        What is parked again meanwhile stays parked: each row gets one new chance a call.
        """
        async with self._database.connection() as connection:
            began = await connection.fetchval("SELECT now()")
        count, changed = 0, CHUNK
        while changed == CHUNK:
            async with self._database.connection() as connection:
                tag: str = await connection.execute(
                    REDRIVE, destination, None if ids is None else list(ids), CHUNK, began
                )
            changed = int(tag.removeprefix("UPDATE "))
            count += changed
        if count:
            self._wake_relay()
        return count


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    text = decode_cursor(cursor, "id")["id"]
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(MAX_BIGINT))):
        raise bad_cursor()
    return int(text)


def _view(row: Any) -> ParkedRow:
    return ParkedRow(
        id=row["id"],
        order_id=str(row["order_id"]),
        destination=row["destination"],
        kind=row["kind"],
        reason=row["parked_reason"] or "",
        attempts=row["attempts"],
        parked_at=row["parked_at"],
        created_at=row["created_at"],
    )
