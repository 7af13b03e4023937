"""Documents of many stores in one answer, each as its own GET gives it.

Used by the endpoints by which the operator looks at a whole fleet. A store that cannot be read
keeps nobody else from being read: it is named in `unread`, and its own GET says why.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query, Response
from pydantic import BaseModel, Field

from cafe_kit.errors import NotFoundError, TimedOutError
from cafe_kit.wire import StoreId, WireView

MOST_STORES = 100
MOST_BYTES = 512 * 1024
"""The operator reads no answer beyond a megabyte; what does not fit is unread."""
AT_ONCE = 8
PATIENCE_SECONDS = 2.0
"""One slow store must not cost all the others their answer."""

View = TypeVar("View", bound=BaseModel)
Read = Callable[[str], Awaitable[View]]

StoreIds = Annotated[
    list[StoreId],
    Query(
        alias="id",
        min_length=1,
        max_length=MOST_STORES,
        description="Ids of stores, one a parameter.",
    ),
]


class Batch(WireView, Generic[View]):
    """What was found of many stores."""

    found: dict[str, View] = Field(description="By store id; whoever has none is missing.")
    unread: list[str] = Field(description="Nothing is known of these now: ask for each alone.")


async def read_each(ids: Sequence[str], read: Read[View]) -> Response:
    """Read some stores side by side and answer with those that could be read in time.

    Raises:
        CafeError: as `read` raised it, where no store could be read.
    """
    room = asyncio.Semaphore(AT_ONCE)

    async def one(store_id: str) -> View:
        async with room:
            return await read(store_id)

    reading = {store_id: asyncio.create_task(one(store_id)) for store_id in dict.fromkeys(ids)}
    try:
        await asyncio.wait(reading.values(), timeout=PATIENCE_SECONDS)
    finally:
        for task in reading.values():
            task.cancel()
    ended = await asyncio.gather(*reading.values(), return_exceptions=True)
    found: dict[str, View] = {}
    unread: dict[str, BaseException] = {}
    for store_id, outcome in zip(reading, ended, strict=True):
        if not isinstance(outcome, BaseException):
            found[store_id] = outcome
        elif not isinstance(outcome, NotFoundError):
            unread[store_id] = outcome
    if len(unread) == len(reading):
        raise _trouble(unread.values())
    return answer(found, unread)


def answer(found: Mapping[str, BaseModel], unread: Iterable[str] = ()) -> Response:
    """Encode what was found; beyond a size, stores are unread."""
    documents: list[str] = []
    left, size = list(unread), 0
    for store_id, view in found.items():
        document = view.model_dump_json(by_alias=True)
        size += len(document.encode())
        if documents and size > MOST_BYTES:
            left.append(store_id)
        else:
            documents.append(f"{json.dumps(store_id)}:{document}")
    body = f'{{"found":{{{",".join(documents)}}},"unread":{json.dumps(left)}}}'
    return Response(body, media_type="application/json")


def _trouble(outcomes: Iterable[BaseException]) -> Exception:
    """Return why nobody could be read."""
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            return outcome
    return TimedOutError(
        f"No store was read within {PATIENCE_SECONDS:g} s.", remedy="Ask for fewer, or later."
    )
