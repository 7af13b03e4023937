"""The whole service on the emulator: an order is served, and a low stock is told by its worker."""

import asyncio
import json

import httpx
from cafe_inventory.app import build
from cafe_inventory.settings import InventorySettings

TOKEN = "service-token-for-tests"


async def test_an_order_is_served_and_low_stock_reaches_the_stream(aws_environment):
    settings = InventorySettings(
        service_token=TOKEN,
        inventory_table=aws_environment.new_table(),
        stock_stream=aws_environment.new_stream(),
        look_seconds=0.05,
        sweep_seconds=0.05,
        walk_seconds=0.05,
    )
    application = build(settings)
    assert application.stress.view().model_dump().get("story", "Stocktake") == "Stocktake"
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(application.public),
        base_url="http://inventory",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    async with asyncio.timeout(30), application.running(), client:
        par = {"items": [{"sku": "milk", "quantity": 10}]}
        assert (await client.put("/stores/s/stock", json=par)).status_code == 200
        body = {"storeId": "s", "lines": [{"sku": "milk", "quantity": 9}]}
        assert (await client.put("/reservations/o", json=body)).status_code == 200
        assert (await client.post("/reservations/o/commit")).json()["status"] == "committed"
        event = await asyncio.to_thread(_first_event, aws_environment, settings.stock_stream)
    assert (event["type"], event["storeId"], event["available"]) == ("stock.low", "s", 1)


def _first_event(emulator, stream):
    kinesis = emulator.client("kinesis")
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    while True:
        answer = kinesis.get_records(ShardIterator=iterator)
        if answer["Records"]:
            kinesis.close()
            return json.loads(answer["Records"][0]["Data"])
        iterator = answer["NextShardIterator"]
