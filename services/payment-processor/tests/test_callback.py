"""The provider's call back: who signed it is heard, and nobody is believed."""

import base64
import json

import httpx
import pytest
from cafe_payments.callback import PATH, is_callback, judge, sign
from cafe_payments.endpoints import callbacks
from cafe_payments.secret_environment import fill
from fastapi import FastAPI

KEY = "merchant-key-for-tests"


def call(body, **changes):
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"x-signature": sign(text.encode(), KEY)}
    return {"requestContext": {"http": {}}, "headers": headers, "body": text, **changes}


def test_a_signed_one_names_its_order():
    assert judge(call({"reference": "o-1", "state": "captured"}), KEY) == (202, "o-1")


def test_a_signed_one_may_come_as_base64():
    body = b'{"reference": "o-1"}'
    event = call(body.decode(), isBase64Encoded=True)
    event["body"] = base64.b64encode(body).decode()
    assert judge(event, KEY) == (202, "o-1")


@pytest.mark.parametrize("headers", [{}, {"x-signature": "sha256=00"}, {"x-signature": "é"}])
def test_one_that_nobody_signed_is_refused(headers):
    assert judge(call({"reference": "o-1"}, headers=headers), KEY) == (401, "")


def test_one_signed_with_another_key_is_refused():
    assert judge(call({"reference": "o-1"}), "another-key") == (401, "")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"reference": 1}', '{"reference": ""}', "x"])
def test_a_signed_one_that_names_no_order_is_malformed(body):
    assert judge(call(body), KEY) == (400, "")


def test_what_is_no_base64_is_malformed():
    assert judge(call("?", isBase64Encoded=True), KEY) == (400, "")


def test_a_long_one_is_refused_before_it_is_read():
    assert judge(call("x" * 20_000), KEY)[0] == 413


def test_the_queues_events_are_no_calls_back():
    assert not is_callback({"Records": []})
    assert is_callback(call({}))


def test_a_secret_is_read_once_and_never_over_a_value():
    asked = []
    environment = {
        "CAFE_SERVICE_TOKEN_SECRET": "arn:token",
        "CAFE_PROVIDER_KEY_SECRET": "arn:key",
        "CAFE_PROVIDER_KEY": "given",
        "OTHER_SECRET": "x",
    }
    fill(environment, lambda arn: asked.append(arn) or f"value of {arn}")
    assert environment["CAFE_SERVICE_TOKEN"] == "value of arn:token"
    assert environment["CAFE_PROVIDER_KEY"] == "given"
    assert asked == ["arn:token"]
    assert "OTHER" not in environment


@pytest.mark.parametrize(
    ("body", "signature", "status"),
    [
        (b'{"reference": "o-1"}', sign(b'{"reference": "o-1"}', KEY), 202),
        (b'{"reference": "o-1"}', "sha256=00", 401),
        (b"{}", sign(b"{}", KEY), 400),
        (b"x" * 20_000, "", 413),
    ],
)
async def test_the_container_answers_as_the_function_does(body, signature, status):
    app = FastAPI()
    app.include_router(callbacks)
    app.state.merchant_key = KEY
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://payments") as client:
        answer = await client.post(PATH, content=body, headers={"x-signature": signature})
    assert (answer.status_code, answer.content) == (status, b"")
