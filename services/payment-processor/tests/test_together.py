"""The processor on the AWS emulator, paying through the real stand-in that misbehaves."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from cafe_kit.app import build_application
from cafe_kit.aws import Aws
from cafe_kit.events import parse_event
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import SqsConsumer
from cafe_payments.endpoints import router
from cafe_payments.fakes import FakeMetrics
from cafe_payments.handler import PaymentHandler
from cafe_payments.settings import PaymentSettings
from cafe_payments.wiring import assemble
from cafe_provider import app as provider_app
from cafe_provider.settings import ProviderSettings

TOKEN = "service-token-for-tests"
PERIOD = {"from": "2026-11-22T07:00:00.000000Z", "until": "2026-11-22T08:00:00.000000Z"}
FAULTS = {
    "timeoutAfterChargeShare": 0.25,
    "timeoutBeforeChargeShare": 0.1,
    "errorShare": 0.1,
    "declineShare": 0.2,
    "hangSeconds": 0,
    "forgetKeys": True,
    "seed": 4,
}


def client_of(application):
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(application.public),
        base_url="http://x",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


async def books(client, **parameters):
    """All pages of a ledger."""
    entries, cursor = [], None
    while True:
        page = await client.get(
            "/ledger", params=PERIOD | parameters | ({"cursor": cursor} if cursor else {})
        )
        assert page.status_code == 200, page.text
        entries += page.json()["entries"]
        cursor = page.json()["next"]
        if cursor is None:
            return entries


class Together:
    """Queue, processor, ledger, provider and their HTTP."""

    def __init__(self, emulator, aws, provider):
        self.settings = PaymentSettings(
            service_token=TOKEN,
            payments_queue=emulator.new_queue(),
            payment_results_queue=emulator.new_queue(),
            payments_table=emulator.new_table(),
            call_seconds=2,
            lease_seconds=8,
            provider_longest_seconds=0.5,
        )
        transport = httpx.ASGITransport(provider.public)
        self.aws = aws
        self.parts = assemble(self.settings, aws, FakeMetrics(), transport=transport)
        handler = PaymentHandler(self.parts.payments, self.parts.results)
        self.consumer = SqsConsumer(
            aws,
            self.settings.payments_queue,
            handler.handle,
            service="payment-processor",
            metrics=Metrics("p"),
            concurrency=2,
        )
        application = build_application("payment-processor", "t", self.settings, [router])
        application.public.state.ledger = self.parts.ledger
        self.http = client_of(application)
        self.provider = client_of(provider)

    async def send(self, commands):
        url = await self._url(self.settings.payments_queue)
        for at in range(0, len(commands), 10):
            entries = [
                {
                    "Id": str(number),
                    "MessageBody": command.encode(),
                    "MessageGroupId": command.order_id,
                    "MessageDeduplicationId": command.id,
                }
                for number, command in enumerate(commands[at : at + 10])
            ]
            await self.aws.call("sqs", "send_message_batch", QueueUrl=url, Entries=entries)

    async def results(self, enough):
        """Results from the queue until it is enough."""
        url = await self._url(self.settings.payment_results_queue)
        told = []
        async with asyncio.timeout(60):
            while not enough(told):
                answer = await self.aws.call(
                    "sqs",
                    "receive_message",
                    QueueUrl=url,
                    MaxNumberOfMessages=10,
                    WaitTimeSeconds=1,
                )
                for message in answer.get("Messages", ()):
                    told.append(parse_event(message["Body"]))
                    receipt = message["ReceiptHandle"]
                    await self.aws.call(
                        "sqs", "delete_message", QueueUrl=url, ReceiptHandle=receipt
                    )
        return told

    async def _url(self, queue):
        return (await self.aws.call("sqs", "get_queue_url", QueueName=queue))["QueueUrl"]

    async def close(self):
        await self.parts.ledger.close()
        await self.parts.provider.close()
        await self.http.aclose()
        await self.provider.aclose()


@pytest.fixture
async def together(aws_environment, tmp_path):
    provider = provider_app.build(ProviderSettings(service_token=TOKEN, provider_data=tmp_path))
    aws = Aws("eu-west-1", 16)
    made = Together(aws_environment, aws, provider)
    yield made
    await made.close()
    await aws.close()
    for closer in provider.closers:
        await closer()


async def test_the_books_agree_though_the_provider_forgets_and_times_out(together, new_world):
    world = new_world()
    orders = [f"o-{number}" for number in range(30)]
    asked = [world.command(order=order) for order in orders]
    cancelled = [world.command("cancel-requested", order) for order in orders[::5]]
    await together.provider.put("/faults", json=FAULTS)
    await together.send([*asked, *cancelled])
    stopping = asyncio.Event()
    worker = asyncio.create_task(together.consumer.run(stopping))
    try:
        told = await together.results(lambda told: set(orders) <= {e.order_id for e in told})
        await together.provider.put("/faults", json={})
        told += await together.results(lambda more: settled_all(cancelled, [*told, *more]))
    finally:
        stopping.set()
        await worker
    ours = {entry["orderId"]: entry for entry in await books(together.http, limit=7)}
    theirs = {}
    for entry in await books(together.provider, limit=11):
        theirs.setdefault(entry["orderId"], []).append(entry)
    assert sorted(ours) == sorted(orders)
    for order, entry in ours.items():
        live = [c for c in theirs[order] if c["state"] in {"authorised", "captured"}]
        assert [c["chargeId"] for c in live] == (
            [entry["chargeId"]] if entry["state"] == "captured" else []
        )
        assert f"{order}:payment.{entry['state']}" in {event.id for event in told}
    assert {ours[command.order_id]["state"] for command in cancelled} <= {
        "refunded",
        "voided",
        "declined",
    }


def settled_all(cancelled, told):
    """Whether each cancelled order's end was told."""
    ends = {"payment.voided", "payment.refunded", "payment.declined"}
    return {c.order_id for c in cancelled} <= {e.order_id for e in told if e.type in ends}


async def test_a_payment_is_read_and_an_unknown_one_is_not_found(together, new_world):
    world = new_world()
    await together.parts.payments.settle(world.command())
    payment = (await together.http.get("/payments/o-1")).json()
    assert payment["state"] == "captured"
    assert payment["amountMinor"] == 450
    assert (await together.http.get("/payments/o-2")).status_code == 404
    together.http.headers["Authorization"] = "Bearer a-till"
    assert (await together.http.get("/payments/o-1")).status_code == 403


async def test_the_ledger_is_cut_by_the_orders_time_and_by_store(together, new_world):
    world = new_world()
    moments = {
        "early": datetime(2026, 11, 22, 6, 59, 59, 999999, tzinfo=UTC),
        "first": datetime(2026, 11, 22, 7, 0, tzinfo=UTC),
        "last": datetime(2026, 11, 22, 7, 59, 59, 999999, tzinfo=UTC),
        "late": datetime(2026, 11, 22, 8, 0, tzinfo=UTC),
    }
    for order, at in moments.items():
        command = world.command(order=order).model_copy(update={"placed_at": at})
        await together.parts.payments.settle(command)
    elsewhere = world.command(order="other").model_copy(update={"store_id": "other"})
    await together.parts.payments.settle(elsewhere)
    for limit in (1, 2, 100):
        entries = await books(together.http, limit=limit, storeId="corner")
        assert sorted(entry["orderId"] for entry in entries) == ["first", "last"]
    assert len(await books(together.http, limit=1)) == 3
    bad = await together.http.get("/ledger", params=PERIOD | {"cursor": "e30"})
    assert (bad.status_code, bad.json()["field"]) == (422, "cursor")
    empty = {"from": "2001-01-01T00:00:00Z", "until": "2001-01-03T00:00:00Z"}
    page = (await together.http.get("/ledger", params=empty)).json()
    assert page["entries"] == []
    assert page["next"]


async def test_many_writers_of_the_same_entries_do_not_lose_one(together, new_world):
    world = new_world()
    commands = [world.command(order=f"w-{number}") for number in range(12)]
    ends = await asyncio.gather(
        *(together.parts.payments.settle(command) for command in commands * 3),
        return_exceptions=True,
    )
    settled = [end for end in ends if not isinstance(end, Exception)]
    assert {entry.state for entry in settled} == {"captured"}
    charges = await books(together.provider)
    assert len(charges) == 12
