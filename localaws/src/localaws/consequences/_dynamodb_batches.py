"""Throttling of DynamoDB's calls on several items: batches in part, transactions as a whole.

`dynamodb_capacity` hands every call on that is not on a single table. A batch serves what there
is capacity for and returns the rest as unprocessed; when that is nothing, it is throttled as a
whole. A transaction pays double and is cancelled when one of its tables has too little.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from localaws.capacity import item_size, read_units
from localaws.consequences import _dynamodb_refusals as refusals
from localaws.consequences._dynamodb_calls import Part, parts_of, table_key, without
from localaws.tables import Direction, TableKey, Tables, Throughput

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.consequences._dynamodb_metrics import Meter
    from localaws.messages import Reply, Request

OK = 200
BATCHES = frozenset({"BatchWriteItem", "BatchGetItem"})


class Batches:
    """Shares tables and meter with the single-item calls."""

    def __init__(self, tables: Tables, meter: Meter) -> None:
        self._tables = tables
        self._meter = meter

    async def answer(self, request: Request, data: dict[str, Any], forward: Forward) -> Reply:
        """Throttle, or forward and charge; calls that are no batches are forwarded as they are."""
        parts = parts_of(request.action, data)
        if not parts:
            return await forward(request)
        limits = {
            part.table: await self._tables.throughput(table_key(request, part.table))
            for part in parts
        }
        if request.action in BATCHES:
            return await self._batch(request, data, parts, limits, forward)
        return await self._transaction(request, parts, limits, forward)

    async def _batch(
        self,
        request: Request,
        data: dict[str, Any],
        parts: list[Part],
        limits: dict[str, Throughput | None],
        forward: Forward,
    ) -> Reply:
        served, refused = [], []
        for part in parts:
            key = table_key(request, part.table)
            if self._tables.admits(key, part.direction, part.units):
                self._tables.spend(key, part.direction, part.units)
                served.append(part)
            else:
                self._meter.refused(key, part.direction)
                refused.append(part)
        if not served:
            first = limits[refused[0].table]
            if first is not None:
                return refusals.throttled(first, refused[0].direction)
        asked = request.with_body(json.dumps(without(data, refused)).encode())
        reply = await forward(asked if refused else request)
        if reply.status != OK:
            self._charge(request, served, -1, metered=False)
            return reply
        self._charge(request, served, 0, metered=True)
        document = json.loads(reply.body)
        self._charge_size(request, data, document)
        if not refused:
            return reply
        left = "UnprocessedItems" if request.action == "BatchWriteItem" else "UnprocessedKeys"
        document.setdefault(left, {}).update(without(data, served)["RequestItems"])
        return reply.with_body(json.dumps(document).encode())

    async def _transaction(
        self,
        request: Request,
        parts: list[Part],
        limits: dict[str, Throughput | None],
        forward: Forward,
    ) -> Reply:
        needed: defaultdict[TableKey, float] = defaultdict(float)
        direction = parts[0].direction
        for part in parts:
            needed[table_key(request, part.table)] += part.units
        short = {
            key for key, units in needed.items() if not self._tables.admits(key, direction, units)
        }
        if short:
            for key in short:
                self._meter.refused(key, direction)
            return refusals.cancelled(
                [limits[p.table] if table_key(request, p.table) in short else None for p in parts]
            )
        self._charge(request, parts, 1, metered=False)
        reply = await forward(request)
        if reply.status == OK or b"TransactionCanceledException" in reply.body:
            self._charge(request, parts, 0, metered=True)
        else:
            self._charge(request, parts, -1, metered=False)
        return reply

    def _charge(self, request: Request, parts: list[Part], sign: int, *, metered: bool) -> None:
        """Spend (1), give back (-1) or leave (0) the parts' units, and meter them."""
        for part in parts:
            key = table_key(request, part.table)
            self._tables.spend(key, part.direction, sign * part.units)
            if metered:
                self._meter.consumed(key, part.direction, part.units)

    def _charge_size(self, request: Request, data: dict[str, Any], document: Any) -> None:
        """A batch read was admitted at one block a key; what is larger is charged now."""
        for table, items in document.get("Responses", {}).items():
            consistent = data["RequestItems"].get(table, {}).get("ConsistentRead") is True
            block = read_units(0, consistent=consistent)
            more = sum(read_units(item_size(item), consistent=consistent) - block for item in items)
            key = table_key(request, table)
            self._tables.spend(key, Direction.READ, more)
            self._meter.consumed(key, Direction.READ, more)
