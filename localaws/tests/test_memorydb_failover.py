"""A MemoryDB failover from the API to the sockets: a real Toxiproxy before an echo server."""

from __future__ import annotations

import json
import time

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from localaws.consequences.memorydb_failover import MemorydbFailover
from localaws.messages import Reply

from localaws.tests.fakes import FakeClock, request, world
from localaws.tests.traffic import OUTAGE_SECONDS, echoes, until

SHARD = {"ClusterName": "cloudcafe", "ShardName": "0001"}
ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def memorydb(client_of_stage):
    return client_of_stage("memorydb", config=ONCE)


def _messages(memorydb, **more):
    return [one["Message"] for one in memorydb.describe_events(**more)["Events"]]


def _nodes(memorydb):
    (cluster,) = memorydb.describe_clusters(ClusterName="cloudcafe", ShowShardDetails=True)[
        "Clusters"
    ]
    return cluster["Status"], [node["Status"] for node in cluster["Shards"][0]["Nodes"]]


def _code(call):
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]["Code"]


def test_a_failover_cuts_the_points_and_lets_them_back_and_the_events_tell_of_it(
    toxiproxy, memorydb
):
    until(lambda: toxiproxy.serves("memorydb"))
    connection = toxiproxy.connect("memorydb")
    with connection:
        started = time.monotonic()
        memorydb.failover_shard(**SHARD)
        assert not echoes(connection)
        assert not toxiproxy.serves("memorydb")
        assert toxiproxy.serves("elasticache")
        assert _nodes(memorydb) == ("available", ["creating", "available"])
        assert _code(lambda: memorydb.failover_shard(**SHARD)) == "InvalidClusterStateFault"
        until(lambda: toxiproxy.serves("memorydb"))
        assert time.monotonic() - started == pytest.approx(OUTAGE_SECONDS, abs=1.2)
    assert _nodes(memorydb) == ("available", ["available", "available"])
    finished, promoted, called = _messages(memorydb, SourceName="cloudcafe", Duration=60)
    assert called == "FailoverShard API called for shard 0001"
    assert promoted.startswith("Failover from primary node")
    assert promoted.endswith("completed")
    assert finished.startswith("Finished recovery")
    assert _messages(memorydb, SourceName="another") == []


class Stage:
    """The consequence before a cluster of two shards, the second without a replica."""

    def __init__(self):
        self.clock = FakeClock()
        self.subject = MemorydbFailover(world(self.clock), None)

    async def ask(self, action, **asked):
        async def forward(passed):
            name = json.loads(passed.body)["ClusterName"]
            if name != "cloudcafe":
                return Reply(400, b'{"__type": "ClusterNotFoundFault"}')
            shards = [
                {"Name": f"000{count}", "Nodes": [{"Status": "available"}] * nodes}
                for count, nodes in ((1, 2), (2, 1))
            ]
            cluster = {"Name": name, "Status": "available", "Shards": shards}
            return Reply(200, json.dumps({"Clusters": [cluster]}).encode())

        reply = await self.subject.answer(request("memorydb", action, asked), forward)
        return json.loads(reply.body)

    async def fail_over(self, **changes):
        return (await self.ask("FailoverShard", **{**SHARD, **changes})).get("__type", "")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"ClusterName": "nobody"}, "ClusterNotFoundFault"),
        ({"ShardName": "0009"}, "ShardNotFoundFault"),
        ({"ShardName": "0002"}, "InvalidParameterValueException"),
    ],
)
async def test_what_cannot_fail_over_is_refused_as_aws_does(asked, code):
    stage = Stage()
    assert await stage.fail_over(**asked) == code
    assert stage.subject.state()["failingOver"] is None


async def test_the_sixth_failover_of_a_day_is_refused_also_after_a_restart():
    stage = Stage()
    for _ in range(5):
        assert await stage.fail_over() == ""
        stage.clock.now += 10
        await stage.subject.tick()
    again = Stage()
    again.subject.remember(json.loads(json.dumps(stage.subject.memory())))
    assert await again.fail_over() == "APICallRateForCustomerExceededFault"
    assert len((await again.ask("DescribeEvents"))["Events"]) == 15


async def test_a_failover_that_a_restart_met_is_over_and_told_to_be():
    stage = Stage()
    await stage.fail_over()
    again = Stage()
    again.subject.remember(json.loads(json.dumps(stage.subject.memory())))
    assert again.subject.state()["failingOver"] is None
    messages = [one["Message"] for one in (await again.ask("DescribeEvents"))["Events"]]
    assert [message.split()[0] for message in messages] == ["Finished", "Failover", "FailoverShard"]


async def test_the_node_that_is_replaced_is_shown_until_the_failover_is_over():
    stage = Stage()
    await stage.fail_over()
    assert stage.subject.state()["failingOver"] == "cloudcafe"
    assert await stage.subject.tick() == 1.0
    stage.clock.now += 2.5
    assert await stage.subject.tick() == pytest.approx(0.5)
    stage.clock.now += 0.5
    await stage.subject.tick()
    assert stage.subject.state()["failingOver"] is None


def test_both_stores_are_found_by_their_tags(client):
    wanted = {"Key": "cloudcafe.dev/chaos", "Value": "allowed"}
    memorydb = client("memorydb")
    (cluster,) = memorydb.describe_clusters()["Clusters"]
    assert wanted in memorydb.list_tags(ResourceArn=cluster["ARN"])["TagList"]
    found = client("resourcegroupstaggingapi").get_resources(
        ResourceTypeFilters=["elasticache:replicationgroup"]
    )["ResourceTagMappingList"]
    assert [one["ResourceARN"].rpartition(":")[2] for one in found] == ["cloudcafe"]
    assert wanted in found[0]["Tags"]
