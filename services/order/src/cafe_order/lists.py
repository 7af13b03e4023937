"""Orders' states on their way into lists of orders in DynamoDB, a customer's or a store's.

Used by the relay's destinations `history.py` and `store_history.py`. Each write is an order's whole
state. One whose answer never came may still arrive after a later one: a connection that broke, or
DynamoDB itself, may have held it up. So a state that others follow is put on the condition that the
list knows no later one, and where it does, that is as good as delivered. Nothing follows an order's
end, so ends need no condition and share calls; a batch cannot be conditional.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from cafe_kit.aws import error_code
from cafe_kit.errors import ThrottledError, UnavailableError

from cafe_order.destinations import Delivered, Outcome, Retry, deliver_or_split
from cafe_order.outbox import OutboxRow
from cafe_order.saga import ENDS, RANKS, so_far

WRITE_BATCH = 25
PUTS_AT_ONCE = 4
"""Of one batch of rows; the process has some threads for all of AWS."""
PUTS_SECONDS = 5.0
"""A batch's rows are locked meanwhile, by a transaction that the database ends after fifteen."""

REFUSED_CONDITION = "ConditionalCheckFailedException"

Item = dict[str, Any]
Found = tuple[OutboxRow, Item]
Call = Callable[..., Awaitable[dict[str, Any]]]
"""As `AwsCalls.call`."""


def known(status: str) -> str:
    """The status itself.

    Raises:
        ValueError: no order has it.
    """
    if status not in RANKS:
        raise ValueError(f"{status!r} is no status")
    return status


async def write(call: Call, table: str, found: Sequence[Found]) -> dict[int, Outcome]:
    """Write items with different keys; the outcomes by their rows' ids."""
    ended = [one for one in found if one[1]["status"]["S"] in ENDS]
    under_way = [one for one in found if one[1]["status"]["S"] not in ENDS]
    chunks = [ended[at : at + WRITE_BATCH] for at in range(0, len(ended), WRITE_BATCH)]
    outcomes: dict[int, Outcome] = {}
    for answers in await asyncio.gather(
        _put_each(call, table, under_way), *(_put_all(call, table, chunk) for chunk in chunks)
    ):
        outcomes |= answers
    return outcomes


async def _put_each(call: Call, table: str, found: Sequence[Found]) -> dict[int, Outcome]:
    """One call a state; when DynamoDB takes one not or not in time, what is left is not tried."""
    room, clock = asyncio.Semaphore(PUTS_AT_ONCE), asyncio.get_running_loop().time
    ends = clock() + PUTS_SECONDS
    away: list[UnavailableError] = []

    async def put(item: Item, _row: Sequence[OutboxRow]) -> list[Outcome]:
        async with room:
            if away:
                raise away[0]
            if clock() >= ends:
                raise UnavailableError("Other orders' states took all the time of this pass.")
            try:
                await _put(call, table, item)
            except ThrottledError:  # of one customer's partition, maybe
                raise
            except UnavailableError as error:
                away.append(error)
                raise
        return [Delivered()]

    answers = await asyncio.gather(
        *(deliver_or_split([row], partial(put, item)) for row, item in found)
    )
    return {row.id: answer for (row, _), [answer] in zip(found, answers, strict=True)}


async def _put(call: Call, table: str, item: Item) -> None:
    earlier = {f":s{n}": {"S": status} for n, status in enumerate(so_far(item["status"]["S"]))}
    try:
        await call(
            "dynamodb",
            "put_item",
            TableName=table,
            Item=item,
            ConditionExpression=f"attribute_not_exists(pk) OR #status IN ({', '.join(earlier)})",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=earlier,
        )
    except ClientError as error:
        if error_code(error) != REFUSED_CONDITION:
            raise


async def _put_all(call: Call, table: str, found: Sequence[Found]) -> dict[int, Outcome]:
    """One BatchWriteItem; what it leaves unprocessed is retried alone."""
    items = {row.id: item for row, item in found}
    rows = [row for row, _ in found]

    async def send(some: Sequence[OutboxRow]) -> list[Outcome]:
        puts = [{"PutRequest": {"Item": items[row.id]}} for row in some]
        answer = await call("dynamodb", "batch_write_item", RequestItems={table: puts})
        left = _left(answer, table)
        return [
            Retry("DynamoDB left it unprocessed.")
            if items[row.id]["sk"]["S"] in left
            else Delivered()
            for row in some
        ]

    answers = await deliver_or_split(rows, send)
    return {row.id: answer for row, answer in zip(rows, answers, strict=True)}


def _left(answer: Mapping[str, Any], table: str) -> set[str]:
    return {
        request["PutRequest"]["Item"]["sk"]["S"]
        for request in answer.get("UnprocessedItems", {}).get(table, ())
    }
