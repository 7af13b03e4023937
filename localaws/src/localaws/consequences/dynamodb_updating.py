"""A table whose throughput was changed is UPDATING for a while, and takes no other change.

DynamoDB requests pass through it. `LOCALAWS_TABLE_UPDATE_SECONDS` says how long; 0, the default, is
at once. The new capacity is enforced from the beginning, and reads and writes go on, as on AWS.
A restart ends it: the table is ACTIVE then.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localaws.consequences._dynamodb_calls import table_key
from localaws.messages import Protocol, error_reply, json_object

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Reply, Request
    from localaws.tables import TableKey
    from localaws.world import World

OK = 200
IDLE_SECONDS = 1.0
CHANGES = frozenset({"UpdateTable", "DeleteTable"})


class DynamoDBUpdating:
    """Knows until when which tables are UPDATING."""

    services = frozenset({"dynamodb"})

    def __init__(self, world: World) -> None:
        self._world = world
        self._until: dict[TableKey, float] = {}

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Show a table that is being changed, and refuse to change it again."""
        if request.action != "DescribeTable" and request.action not in CHANGES:
            return await forward(request)
        key = table_key(request, (json_object(request.body) or {}).get("TableName"))
        busy = self._world.clock() < self._until.get(key, 0.0)
        if request.action == "DescribeTable":
            reply = await forward(request)
            return _shown(reply, "Table") if busy else reply
        if busy:
            why = f"Table is being updated: {key.name}"
            message = f"Attempt to change a resource which is still in use: {why}"
            return error_reply(Protocol.JSON, "ResourceInUseException", message)
        reply = await forward(request)
        seconds = self._world.settings.table_update_seconds
        if request.action != "UpdateTable" or reply.status != OK or not seconds:
            return reply
        self._until[key] = self._world.clock() + seconds
        return _shown(reply, "TableDescription")

    async def tick(self) -> float:
        """Forget what is over."""
        now = self._world.clock()
        self._until = {key: end for key, end in self._until.items() if end > now}
        return IDLE_SECONDS

    def state(self) -> object:
        """The tables and the seconds that are left."""
        now = self._world.clock()
        return {key.name: round(end - now, 3) for key, end in self._until.items()}

    def memory(self) -> object:
        """Nothing: the time without a process is longer."""
        return None

    def remember(self, memory: Any) -> None:
        """Nothing."""

    async def reset(self) -> None:
        """All are ACTIVE."""
        self._until.clear()


def build(world: World) -> DynamoDBUpdating:
    """The consequence with its real surroundings."""
    return DynamoDBUpdating(world)


def _shown(reply: Reply, member: str) -> Reply:
    if reply.status != OK:
        return reply
    document = json.loads(reply.body)
    document[member]["TableStatus"] = "UPDATING"
    return reply.with_body(json.dumps(document).encode())
