"""DynamoDB serves no more than a table's capacity: the rest is throttled as AWS throttles.

DynamoDB requests pass through it. Enforced per table and direction: provisioned capacity, and the
maximum of an on-demand table where one is set. Writes cost what the emulator reports
(ReturnConsumedCapacity is asked for and hidden again), reads what their answer weighs.

Approximations: one partition per table; an index spends its table's capacity; a query pays for
what it returns, not for what its filter dropped; the old item's size counts only for single
writes; PartiQL is not throttled.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localaws.capacity import item_size, read_units
from localaws.consequences import _dynamodb_refusals as refusals
from localaws.consequences._dynamodb_batches import Batches
from localaws.consequences._dynamodb_calls import item_write_units, table_key
from localaws.consequences._dynamodb_metrics import Meter
from localaws.messages import json_object
from localaws.tables import Direction, TableKey, Tables, Throughput, throughput_of

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Reply, Request
    from localaws.world import World

OK = 200
ONE_BLOCK = 4096
TICK_SECONDS = 1.0
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
READS = frozenset({"GetItem", "Query", "Scan"})
SHAPING = frozenset({"CreateTable", "UpdateTable", "DeleteTable"})


class DynamoDBCapacity:
    """Lets requests through while there is capacity."""

    services = frozenset({"dynamodb"})

    def __init__(self, world: World) -> None:
        self._world = world
        self._tables = Tables(self._describe, world.clock)
        self._meter = Meter(world)
        self._batches = Batches(self._tables, self._meter)

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Throttle, or forward and charge."""
        action = request.action
        data = json_object(request.body)
        if data is None:
            return await forward(request)  # the emulator says what is wrong with it
        if action in WRITES:
            return await self._write(request, data, forward)
        if action in READS:
            return await self._read(request, data, forward)
        if action in SHAPING:
            return await self._shape(request, data, forward)
        return await self._batches.answer(request, data, forward)

    async def tick(self) -> float:
        """Nothing is due: buckets are filled when they are asked."""
        return TICK_SECONDS

    def state(self) -> object:
        """Limits and what is left of them, by table."""
        return {"tables": self._tables.snapshot()}

    def memory(self) -> object:
        """What is left in the buckets; the limits themselves are the emulator's."""
        return self._tables.balances()

    def remember(self, memory: Any) -> None:
        """Go on with what was left: a restart must not grant a throttled table a burst."""
        self._tables.expect(memory)

    async def reset(self) -> None:
        """Forget all tables."""
        self._tables.clear()

    async def _write(self, request: Request, data: dict[str, Any], forward: Forward) -> Reply:
        key = table_key(request, data.get("TableName"))
        limits = await self._tables.throughput(key)
        if limits is None:
            return await forward(request)
        estimate = item_write_units(data.get("Item"))
        if not self._tables.admits(key, Direction.WRITE, estimate):
            return self._refuse(key, limits, Direction.WRITE)
        self._tables.spend(key, Direction.WRITE, estimate)
        hidden = data.get("ReturnConsumedCapacity", "NONE") == "NONE"
        reply = await forward(_asking_for_capacity(request, data) if hidden else request)
        reply, units = _charged(reply, estimate, hidden=hidden)
        self._settle(key, Direction.WRITE, estimate, units)
        return reply

    async def _read(self, request: Request, data: dict[str, Any], forward: Forward) -> Reply:
        key = table_key(request, data.get("TableName"))
        limits = await self._tables.throughput(key)
        if limits is None:
            return await forward(request)
        consistent = data.get("ConsistentRead") is True
        estimate = read_units(0, consistent=consistent)
        if not self._tables.admits(key, Direction.READ, estimate):
            return self._refuse(key, limits, Direction.READ)
        self._tables.spend(key, Direction.READ, estimate)
        reply = await forward(request)
        units = read_units(_weight(reply), consistent=consistent) if reply.status == OK else 0.0
        self._settle(key, Direction.READ, estimate, units)
        return reply

    async def _shape(self, request: Request, data: dict[str, Any], forward: Forward) -> Reply:
        key = table_key(request, data.get("TableName"))
        await self._tables.throughput(key)  # what it was decides what a change means
        reply = await forward(request)
        if reply.status == OK:
            await self._tables.changed(key)
        return reply

    def _refuse(self, key: TableKey, limits: Throughput, direction: Direction) -> Reply:
        self._meter.refused(key, direction)
        return refusals.throttled(limits, direction)

    def _settle(self, key: TableKey, direction: Direction, estimate: float, units: float) -> None:
        self._tables.spend(key, direction, units - estimate)
        self._meter.consumed(key, direction, units)

    async def _describe(self, key: TableKey) -> Throughput | None:
        body = json.dumps({"TableName": key.name}).encode()
        target = "DynamoDB_20120810.DescribeTable"
        request = self._world.request("dynamodb", target, body, scope=(key.account, key.region))
        reply = await self._world.call(request)
        return throughput_of(reply.body) if reply.status == OK else None


def build(world: World) -> DynamoDBCapacity:
    """The consequence with its real surroundings."""
    return DynamoDBCapacity(world)


def _asking_for_capacity(request: Request, data: dict[str, Any]) -> Request:
    """The request that also returns what it cost.

    The member is put in front of the body as it came: re-encoding it would cost more.
    """
    if "ReturnConsumedCapacity" in data:
        return request.with_body(json.dumps({**data, "ReturnConsumedCapacity": "TOTAL"}).encode())
    body = request.body.lstrip()
    return request.with_body(b'{"ReturnConsumedCapacity":"TOTAL",' + body[1:])


def _charged(reply: Reply, estimate: float, *, hidden: bool) -> tuple[Reply, float]:
    """What a write cost: a refused condition costs as much as the write, an error nothing."""
    if reply.status != OK:
        refused = b"ConditionalCheckFailedException" in reply.body
        return reply, estimate if refused else 0.0
    document = json.loads(reply.body)
    consumed = document.get("ConsumedCapacity")
    if consumed is None:
        return reply, estimate
    if hidden:
        del document["ConsumedCapacity"]
        reply = reply.with_body(json.dumps(document).encode())
    return reply, float(consumed["CapacityUnits"])


def _weight(reply: Reply) -> int:
    """Bytes read, from the answer; its JSON is never shorter than what it holds."""
    if len(reply.body) <= ONE_BLOCK:
        return len(reply.body)
    document = json.loads(reply.body)
    items = document.get("Items") or [document.get("Item") or {}]
    return sum(map(item_size, items))
