"""Stores' own lists of orders, each in a DynamoDB table of its own: written by the relay.

| pk | sk | attributes |
|---|---|---|
| `STORE#<id>` | `<placedAt>#<orderId>` | order (JSON), status |

The operator makes a table for a flagship and names it when it registers the store; other stores
have no such list. It is a destination of its own, so that a table that is throttled or gone keeps
no customer's list waiting; nor does it keep another store's (`resting.py`). It is written as those
are (`lists.py`).
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from botocore.exceptions import ClientError
from cafe_kit.aws import AwsCalls, error_code
from cafe_kit.errors import NotFoundError

from cafe_order import events
from cafe_order.destinations import MALFORMED, Outcome, Park
from cafe_order.history import CustomerHistory
from cafe_order.lists import REFUSED_CONDITION, Found, Item, known, write
from cafe_order.models import CustomerOrders, StoreView
from cafe_order.outbox import OutboxRow
from cafe_order.resting import Resting, patient

log = structlog.get_logger()


class StoreHistoryDestination:
    """The outbox's way to the stores' lists."""

    name = events.STORE_HISTORY
    batch_size = 100
    lanes = 1
    newest_only = True

    def __init__(
        self,
        aws: AwsCalls,
        *,
        linger_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._aws = aws
        self.linger_seconds = linger_seconds
        self._resting = Resting("DynamoDB", clock)

    async def deliver(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """Each table by itself, as `lists.py` writes."""
        outcomes: dict[int, Outcome] = {}
        tables: defaultdict[str, list[Found]] = defaultdict(list)
        for row in rows:
            try:
                table, item = item_of(row.payload)
                tables[table].append((row, item))
            except (ValueError, KeyError, TypeError) as error:
                outcomes[row.id] = Park(f"No list of a store: {type(error).__name__}: {error}")
        for answers in await asyncio.gather(
            *(self._deliver_some(table, found) for table, found in tables.items())
        ):
            outcomes |= answers
        return [outcomes[row.id] for row in rows]

    async def _deliver_some(self, table: str, found: Sequence[Found]) -> dict[int, Outcome]:
        answers = await write(partial(self._call, table), table, found)
        return {row.id: patient(row, answers[row.id], table) for row, _ in found}

    async def _call(
        self, table: str, service: str, operation: str, **parameters: object
    ) -> dict[str, Any]:
        try:
            return await self._resting.call(table, self._aws, service, operation, **parameters)
        except ClientError as error:
            code = error_code(error)
            if code == "ResourceNotFoundException":
                # it went with its store: nobody is left who would read the list
                log.warning("the list of a store is gone", table=table)
                return {}
            if code not in MALFORMED | {REFUSED_CONDITION}:
                # it is closed to us, or its key is: that passes when somebody mends it
                self._resting.rest(table, f"{code}: {error}")
            raise


class StoreHistory:
    """The lists, for reading."""

    def __init__(self, aws: AwsCalls) -> None:
        self._aws = aws

    async def page(self, store: StoreView, limit: int, cursor: str | None) -> CustomerOrders:
        """A store's orders, the newest first.

        Raises:
            NotFoundError: it keeps no list.
            ThrottledError: DynamoDB refuses for its capacity.
            UnavailableError: DynamoDB is away.
            UnprocessableError: the cursor is none of ours.
        """
        if store.orders_table is None:
            raise NotFoundError(
                f"Store {store.id} keeps no list of its orders.",
                slug="no-list",
                remedy="Set spec.tier of its CafeStore to flagship, which has one.",
            )
        table = CustomerHistory(self._aws, store.orders_table)
        return await table.listed(f"STORE#{store.id}", limit, cursor)


def item_of(payload: str) -> tuple[str, Item]:
    """The table and the item of a message.

    Raises:
        ValueError: it is no JSON, or the status in it is none.
        KeyError: something is missing.
    """
    message = json.loads(payload)
    order = message["order"]
    values = {
        "pk": f"STORE#{order['storeId']}",
        "sk": f"{order['placedAt']}#{order['orderId']}",
        "status": known(order["status"]),
        "order": json.dumps(order, separators=(",", ":")),
    }
    return message["table"], {name: {"S": value} for name, value in values.items()}
