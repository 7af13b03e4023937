"""A table is UPDATING for a while after each change."""

from __future__ import annotations

import json

import pytest
from localaws.consequences.dynamodb_updating import DynamoDBUpdating
from localaws.messages import Reply

from localaws.tests.fakes import FakeClock, request, world


class Stage:
    def __init__(self, seconds):
        self.clock, self.asked = FakeClock(), []
        self.subject = DynamoDBUpdating(world(self.clock, table_update_seconds=seconds))

    async def _forward(self, asked):
        self.asked.append(asked.action)
        member = "Table" if asked.action == "DescribeTable" else "TableDescription"
        return Reply(200, json.dumps({member: {"TableStatus": "ACTIVE"}}).encode())

    async def ask(self, action, table="t"):
        reply = await self.subject.answer(
            request("dynamodb", action, {"TableName": table}), self._forward
        )
        document = json.loads(reply.body)
        found = document.get("Table") or document.get("TableDescription") or {}
        return found.get("TableStatus") or document["__type"].rpartition("#")[2]


async def test_a_changed_table_is_updating_and_then_active_again():
    stage = Stage(2.0)
    assert await stage.ask("UpdateTable") == "UPDATING"
    assert await stage.ask("DescribeTable") == "UPDATING"
    assert await stage.ask("DescribeTable", "another") == "ACTIVE"
    stage.clock.now += 2
    assert await stage.ask("DescribeTable") == "ACTIVE"


@pytest.mark.parametrize("action", ["UpdateTable", "DeleteTable"])
async def test_a_table_that_is_being_changed_takes_no_other_change(action):
    stage = Stage(2.0)
    await stage.ask("UpdateTable")
    assert await stage.ask(action) == "ResourceInUseException"
    assert stage.asked == ["UpdateTable"]
    stage.clock.now += 2
    await stage.ask(action)
    assert stage.asked == ["UpdateTable", action]


async def test_without_seconds_a_change_is_done_at_once():
    stage = Stage(0.0)
    assert await stage.ask("UpdateTable") == "ACTIVE"
    assert await stage.ask("DescribeTable") == "ACTIVE"
