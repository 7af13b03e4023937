"""The DynamoDB consequence against a fake emulator: what is admitted, charged and refused."""

from __future__ import annotations

import json

import pytest
from localaws.consequences.dynamodb_capacity import DynamoDBCapacity
from localaws.messages import Reply
from localaws.tables import TableKey

from localaws.tests.fakes import FakeClock, request, world

TABLE = TableKey("000000000000", "eu-west-1", "t")
ITEM = {"pk": {"S": "p"}, "sk": {"S": "s"}}


class Stage:
    """One table `t`; `served` are the requests that reached the emulator."""

    def __init__(self, read=1, write=1, *, on_demand=False):
        self.clock = FakeClock()
        self.read, self.write, self.on_demand = read, write, on_demand
        self.served = []
        self.reply = {}
        self.cost = 1.0
        self.described = 0
        self.world = world(self.clock, call=self._call)
        self.subject = DynamoDBCapacity(self.world)

    async def _call(self, asked):
        self.described += 1
        table = {"TableArn": "arn:t"}
        if self.on_demand:
            most = {"MaxReadRequestUnits": self.read, "MaxWriteRequestUnits": self.write}
            table |= {
                "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
                "OnDemandThroughput": most,
            }
        else:
            bought = {"ReadCapacityUnits": self.read, "WriteCapacityUnits": self.write}
            table["ProvisionedThroughput"] = bought
        return Reply(200, json.dumps({"Table": table}).encode())

    async def ask(self, action, body):
        async def forward(passed):
            data = json.loads(passed.body)
            self.served.append(data)
            answer = dict(self.reply)
            if data.get("ReturnConsumedCapacity") == "TOTAL":
                answer["ConsumedCapacity"] = {"TableName": "t", "CapacityUnits": self.cost}
            return Reply(200, json.dumps(answer).encode(), ((b"x-amz-crc32", b"1"),))

        reply = await self.subject.answer(request("dynamodb", action, body), forward)
        return reply.status, json.loads(reply.body), reply

    async def put(self, **more):
        return await self.ask("PutItem", {"TableName": "t", "Item": ITEM, **more})

    async def drain(self):
        """Halve the capacity, which empties the buckets."""
        await self.subject._tables.throughput(TABLE)
        self.read, self.write = self.read / 2, self.write / 2
        await self.ask("UpdateTable", {"TableName": "t"})


async def test_a_fresh_table_has_its_burst():
    stage = Stage()
    assert [(await stage.put())[0] for _ in range(301)] == [200] * 300 + [400]
    assert len(stage.served) == 300


async def test_throttling_is_worded_as_aws_does():
    stage = Stage()
    await stage.drain()
    status, body, reply = await stage.put()
    assert status == 400
    assert body["__type"].endswith("#ProvisionedThroughputExceededException")
    assert body["message"].startswith("The level of configured provisioned throughput")
    assert body["ThrottlingReasons"] == [
        {"reason": "TableWriteProvisionedThroughputExceeded", "resource": "arn:t"}
    ]
    assert (b"x-amzn-errortype", body["__type"].encode()) in reply.headers


async def test_the_maximum_of_an_on_demand_table_is_throttled_by_another_name():
    stage = Stage(on_demand=True)
    await stage.drain()
    _, body, _ = await stage.put()
    assert body["__type"].endswith("#ThrottlingException")
    assert body["throttlingReasons"][0]["reason"] == "TableWriteMaxOnDemandThroughputExceeded"


async def test_an_on_demand_table_without_maximum_is_never_throttled():
    stage = Stage(read=-1, write=-1, on_demand=True)
    assert {(await stage.put())[0] for _ in range(400)} == {200}


async def test_a_maximum_that_is_newly_set_has_no_burst():
    stage = Stage(read=-1, write=-1, on_demand=True)
    await stage.put()
    stage.write = 1
    await stage.ask("UpdateTable", {"TableName": "t"})
    assert (await stage.put())[0] == 400


async def test_reads_and_writes_are_throttled_apart():
    stage = Stage(read=100, write=1)
    await stage.drain()
    stage.clock.now += 1
    assert (await stage.ask("GetItem", {"TableName": "t", "Key": ITEM}))[0] == 200
    assert (await stage.put())[0] == 400


async def test_the_cost_of_a_write_is_asked_for_and_hidden():
    stage = Stage()
    _, body, reply = await stage.put()
    assert stage.served[0]["ReturnConsumedCapacity"] == "TOTAL"
    assert body == {}
    assert reply.headers == ()


async def test_a_client_that_asks_for_the_cost_gets_it():
    stage = Stage()
    _, body, _ = await stage.put(ReturnConsumedCapacity="TOTAL")
    assert body["ConsumedCapacity"]["CapacityUnits"] == 1
    _, body, _ = await stage.put(ReturnConsumedCapacity="NONE")
    assert "ConsumedCapacity" not in body


async def test_what_a_write_really_cost_is_charged_afterwards():
    stage = Stage()
    stage.cost = 300
    assert (await stage.put())[0] == 200
    assert (await stage.put())[0] == 400


async def test_an_item_counts_by_its_size():
    stage = Stage()
    large = {**ITEM, "x": {"S": "x" * 250 * 1024}}
    stage.cost = 251
    assert (await stage.ask("PutItem", {"TableName": "t", "Item": large}))[0] == 200
    assert (await stage.ask("PutItem", {"TableName": "t", "Item": large}))[0] == 400
    assert (await stage.put())[0] == 200


async def test_a_query_pays_for_what_it_returned():
    stage = Stage()
    query = {"TableName": "t", "ConsistentRead": True}
    stage.reply = {"Items": [{"x": {"S": "x" * 4096 * 300}}]}
    assert (await stage.ask("Query", query))[0] == 200
    assert (await stage.ask("Query", query))[0] == 400
    stage.clock.now += 2
    assert (await stage.ask("Query", query))[0] == 200


async def test_a_batch_write_returns_what_it_could_not_serve():
    stage = Stage(write=4)
    await stage.drain()
    stage.clock.now += 1
    puts = [{"PutRequest": {"Item": {**ITEM, "n": {"N": str(i)}}}} for i in range(5)]
    status, body, _ = await stage.ask("BatchWriteItem", {"RequestItems": {"t": puts}})
    assert status == 200
    assert stage.served[-1]["RequestItems"] == {"t": puts[:2]}
    assert body["UnprocessedItems"] == {"t": puts[2:]}


async def test_a_batch_of_which_nothing_is_served_is_throttled():
    stage = Stage()
    await stage.drain()
    served = len(stage.served)
    puts = [{"PutRequest": {"Item": ITEM}}, {"DeleteRequest": {"Key": ITEM}}]
    status, body, _ = await stage.ask("BatchWriteItem", {"RequestItems": {"t": puts}})
    assert status == 400
    assert body["__type"].endswith("#ProvisionedThroughputExceededException")
    assert len(stage.served) == served


async def test_a_batch_read_returns_the_keys_it_could_not_serve():
    stage = Stage(read=2)
    await stage.drain()
    stage.clock.now += 1
    keys = [{"pk": {"S": str(i)}} for i in range(4)]
    asked = {"Keys": keys, "ProjectionExpression": "pk"}
    _, body, _ = await stage.ask("BatchGetItem", {"RequestItems": {"t": asked}})
    assert body["UnprocessedKeys"] == {"t": {**asked, "Keys": keys[2:]}}


async def test_a_transaction_is_cancelled_with_a_reason_for_each_item():
    stage = Stage()
    await stage.drain()
    items = [
        {"Put": {"TableName": "t", "Item": ITEM}},
        {"Update": {"TableName": "arn:aws:dynamodb:x:y:table/t", "Key": ITEM}},
    ]
    status, body, _ = await stage.ask("TransactWriteItems", {"TransactItems": items})
    assert status == 400
    assert body["__type"].endswith("#TransactionCanceledException")
    codes = [reason["Code"] for reason in body["CancellationReasons"]]
    assert codes == ["ProvisionedThroughputExceeded"] * 2
    assert "[ProvisionedThroughputExceeded, ProvisionedThroughputExceeded]" in body["message"]


async def test_a_transaction_pays_double():
    stage = Stage(write=4)
    await stage.drain()
    item = {"Put": {"TableName": "t", "Item": ITEM}}
    stage.clock.now += 1
    assert (await stage.ask("TransactWriteItems", {"TransactItems": [item]}))[0] == 200
    assert (await stage.put())[0] == 400


async def test_restored_capacity_serves_at_once():
    stage = Stage(write=500)
    await stage.drain()
    assert (await stage.put())[0] == 400
    stage.write = 500
    await stage.ask("UpdateTable", {"TableName": "t"})
    assert (await stage.put())[0] == 200


async def test_capacity_is_read_once():
    stage = Stage(write=500)
    for _ in range(5):
        await stage.put()
    assert stage.described == 1


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("PutItem", b"not json"),
        ("PutItem", b"[]"),
        ("PutItem", b"[" * 100_000),
        ("PutItem", {"TableName": 7, "Item": "nonsense"}),
        ("PutItem", {"Item": {"pk": {}}}),
        ("BatchWriteItem", {"RequestItems": 1}),
        ("BatchGetItem", {"RequestItems": {"t": {}}}),
        ("TransactWriteItems", {"TransactItems": [{}]}),
        ("ListTables", {}),
    ],
)
async def test_nonsense_is_left_to_the_emulator(action, body):
    stage = Stage()
    seen = []

    async def forward(passed):
        seen.append(passed)
        return Reply(400, b'{"__type":"ValidationException"}')

    reply = await stage.subject.answer(request("dynamodb", action, body), forward)
    assert (reply.status, len(seen)) == (400, 1)


async def test_a_refused_request_costs_nothing_and_a_failed_condition_a_write():
    stage = Stage(write=2)
    await stage.drain()
    stage.clock.now += 1
    bodies = iter([b"ValidationException", b"ConditionalCheckFailedException"])

    async def refuse(_passed):
        return Reply(400, next(bodies))

    put = request("dynamodb", "PutItem", {"TableName": "t", "Item": ITEM})
    await stage.subject.answer(put, refuse)
    await stage.subject.answer(put, refuse)
    assert (await stage.put())[0] == 400


async def test_what_is_used_and_what_is_refused_is_measured_for_alarms():
    stage = Stage(write=2)
    await stage.put()
    await stage.drain()
    await stage.put()
    sums = {metric.name: value for metric, value in stage.world.measures.taken().items()}
    assert sums == {"ConsumedWriteCapacityUnits": 1, "WriteThrottleEvents": 1}
