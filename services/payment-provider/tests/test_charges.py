"""The stand-in charges, charges twice when it may, and keeps every charge in its books."""

import asyncio

import httpx
import pytest
from cafe_kit.paging import encode_cursor
from cafe_provider.app import build

PERIOD = {"from": "2026-11-22T07:00:00Z", "until": "2026-11-22T08:00:00Z"}


async def charges_of(client, reference="o-1"):
    return (await client.get("/charges", params={"reference": reference})).json()["charges"]


async def test_a_charge_is_authorised_captured_and_refunded(client, charge_body):
    made = await client.post("/charges", json=charge_body())
    assert made.status_code == 201
    charge = made.json()
    assert charge["state"] == "authorised"
    for action, state in (("capture", "captured"), ("refund", "refunded")):
        for _ in range(2):
            done = await client.post(f"/charges/{charge['chargeId']}/{action}")
            assert (done.status_code, done.json()["state"]) == (200, state)
    assert await charges_of(client) == [{**charge, "state": "refunded"}]
    assert (await client.get(f"/charges/{charge['chargeId']}")).json()["state"] == "refunded"


async def test_capture_at_once_is_a_wish(client, charge_body):
    made = await client.post("/charges", json=charge_body(capture=True))
    assert made.json()["state"] == "captured"


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        ((), "refund"),
        (("capture",), "void"),
        (("void",), "capture"),
        (("capture", "refund"), "capture"),
    ],
)
async def test_a_step_that_the_state_does_not_allow_names_the_state(
    client, charge_body, steps, refused
):
    charge = (await client.post("/charges", json=charge_body())).json()
    for step in steps:
        await client.post(f"/charges/{charge['chargeId']}/{step}")
    answer = await client.post(f"/charges/{charge['chargeId']}/{refused}")
    assert answer.status_code == 409
    assert answer.json()["state"] == (await charges_of(client))[0]["state"]


async def test_the_same_key_is_the_same_charge(client, charge_body):
    headers = {"Idempotency-Key": "o-1:authorise"}
    first, second = await asyncio.gather(
        *(client.post("/charges", json=charge_body(), headers=headers) for _ in range(2))
    )
    assert first.json() == second.json()
    assert len(await charges_of(client)) == 1


async def test_the_same_key_with_another_body_is_refused(client, charge_body):
    headers = {"Idempotency-Key": "o-1:authorise"}
    await client.post("/charges", json=charge_body(), headers=headers)
    other = await client.post("/charges", json=charge_body(amountMinor=1), headers=headers)
    assert other.status_code == 422
    assert other.json()["field"] == "Idempotency-Key"


async def test_without_a_key_a_repetition_charges_again(client, charge_body):
    for _ in range(2):
        await client.post("/charges", json=charge_body())
    assert len(await charges_of(client)) == 2


async def test_a_forgotten_key_charges_again(client, charge_body):
    headers = {"Idempotency-Key": "o-1:authorise"}
    await client.post("/charges", json=charge_body(), headers=headers)
    await client.put("/faults", json={"forgetKeys": True})
    await client.post("/charges", json=charge_body(), headers=headers)
    await client.put("/faults", json={})
    await client.post("/charges", json=charge_body(), headers=headers)
    assert len(await charges_of(client)) == 3


async def test_too_much_for_a_card_is_declined_and_in_the_books(client, charge_body):
    made = await client.post("/charges", json=charge_body(amountMinor=100_000_00))
    assert made.status_code == 201
    assert made.json()["state"] == "declined"
    assert made.json()["reason"]
    ledger = (await client.get("/ledger", params=PERIOD)).json()
    assert [entry["state"] for entry in ledger["entries"]] == ["declined"]


async def test_a_charge_can_time_out_after_it_was_made(client, charge_body):
    await client.put("/faults", json={"timeoutAfterChargeShare": 1, "hangSeconds": 0})
    assert (await client.post("/charges", json=charge_body())).status_code == 504
    charge = (await charges_of(client))[0]
    assert charge["state"] == "authorised"
    lost = await client.post(f"/charges/{charge['chargeId']}/capture")
    assert lost.status_code == 504
    assert (await charges_of(client))[0]["state"] == "captured"


@pytest.mark.parametrize(
    ("fault", "status"),
    [({"timeoutBeforeChargeShare": 1, "hangSeconds": 0}, 504), ({"errorShare": 1}, 500)],
)
async def test_a_request_that_is_lost_before_has_charged_nothing(
    client, charge_body, fault, status
):
    await client.put("/faults", json=fault)
    assert (await client.post("/charges", json=charge_body())).status_code == status
    assert await charges_of(client) == []


async def test_a_hanging_request_hangs_after_it_has_charged(application, client, charge_body):
    begun, held = asyncio.Event(), asyncio.Event()

    async def sleep(seconds):
        assert seconds == 30
        begun.set()
        await held.wait()

    application.public.state.service._sleep = sleep
    await client.put("/faults", json={"timeoutAfterChargeShare": 1, "hangSeconds": 30})
    hanging = asyncio.create_task(client.post("/charges", json=charge_body()))
    await begun.wait()
    assert len(await charges_of(client)) == 1
    held.set()
    assert (await hanging).status_code == 504


async def test_the_same_seed_is_the_same_fate_in_any_order(client, charge_body):
    faults = {"errorShare": 0.5, "declineShare": 0.3, "hangSeconds": 0, "seed": 7}
    fates = []
    for order in (range(40), reversed(range(40))):
        await client.put("/faults", json=faults)
        seen = {}
        for number in order:
            answer = await client.post("/charges", json=charge_body(f"s-{number}"))
            seen[number] = (answer.status_code, answer.json().get("state"))
        fates.append(seen)
    assert fates[0] == fates[1]
    assert len(set(fates[0].values())) == 3


async def test_charges_and_faults_survive_a_restart(provider_settings, charge_body):
    token = provider_settings.service_token.get_secret_value()
    for expected in (0, 1):
        application = build(provider_settings)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(application.public),
            base_url="http://provider",
            headers={"Authorization": f"Bearer {token}"},
        ) as client:
            assert len(await charges_of(client)) == expected
            assert (await client.get("/faults")).json()["declineShare"] == expected / 2
            await client.put("/faults", json={"declineShare": 0.5})
            headers = {"Idempotency-Key": "o-1:authorise"}
            await client.post("/charges", json=charge_body(), headers=headers)
        for closer in application.closers:
            await closer()


async def test_the_ledger_has_every_charge_once_page_by_page(client, charge_body):
    moments = ["07:00:00", "07:10:00", "07:10:00", "07:59:59.999999", "08:00:00", "06:59:59"]
    for number, at in enumerate(moments):
        placed = f"2026-11-22T{at}+00:00"
        store = "corner" if number != 1 else "other"
        body = charge_body(f"o-{number}", placedAt=placed, storeId=store)
        await client.post("/charges", json=body)
    seen, cursor = [], None
    while True:
        page = await client.get(
            "/ledger", params=PERIOD | {"limit": 1} | ({"cursor": cursor} if cursor else {})
        )
        seen += [entry["orderId"] for entry in page.json()["entries"]]
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert seen == ["o-0", "o-1", "o-2", "o-3"]
    of_one = await client.get("/ledger", params=PERIOD | {"storeId": "other"})
    assert [entry["orderId"] for entry in of_one.json()["entries"]] == ["o-1"]


@pytest.mark.parametrize("serial", [str(2**63), "9" * 19, "9" * 400, "-1", "x"])
async def test_a_cursor_that_no_page_gave_out_is_refused(client, serial):
    cursor = encode_cursor({"at": "2026-11-22T07:30:00Z", "serial": serial})
    async with asyncio.timeout(5):
        page = await client.get("/ledger", params=PERIOD | {"cursor": cursor})
    assert page.status_code == 422
    assert page.json()["type"].endswith("bad-cursor")


async def test_one_bad_request_does_not_hurt_those_it_shares_a_commit_with(client, charge_body):
    answers = await asyncio.gather(
        *(client.post("/charges", json=charge_body(f"g-{number}")) for number in range(20)),
        client.post(f"/charges/ch_{'0' * 24}/capture"),
    )
    assert [answer.status_code for answer in answers] == [201] * 20 + [404]


async def test_a_book_that_cannot_be_written_is_a_503_and_recovers(
    provider_settings, client, charge_body
):
    folder = provider_settings.provider_data
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    refused = await client.post("/charges", json=charge_body())
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    folder.unlink()
    assert (await client.post("/charges", json=charge_body())).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amountMinor": -1}, "amountMinor"),
        ({"amountMinor": 1.5}, "amountMinor"),
        ({"currency": "euro"}, "currency"),
        ({"placedAt": "2026-11-22T07:00:00"}, "placedAt"),
        ({"reference": "no spaces"}, "reference"),
        ({"tip": 1}, "tip"),
    ],
)
async def test_bad_input_is_refused_with_its_field(client, charge_body, change, field):
    refused = await client.post("/charges", json=charge_body(**change))
    assert refused.status_code == 422
    assert refused.json()["field"] == field


async def test_nothing_is_open_to_strangers(client, charge_body):
    client.headers.pop("Authorization")
    assert (await client.post("/charges", json=charge_body())).status_code == 401
    client.headers["Authorization"] = "Bearer a-tills-key"
    assert (await client.get("/faults")).status_code == 403
