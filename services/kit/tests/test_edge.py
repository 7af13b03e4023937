"""What every service does at its edge, tried on a small application."""

import asyncio
import json

import httpx
import pytest
from cafe_kit.app import build_application
from cafe_kit.context import current_trace
from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_kit.settings import KitSettings
from cafe_kit.wire import WireInput
from fastapi import APIRouter

TOKEN = "service-token-for-tests"
router = APIRouter()


class Thing(WireInput):
    """A body."""

    how_many: int


@router.post("/things")
async def post_thing(body: Thing) -> dict[str, int]:
    return {"howMany": body.how_many}


@router.get("/slow")
async def slow() -> None:
    await asyncio.sleep(30)


@router.get("/broken")
async def broken() -> None:
    raise RuntimeError("secret detail")


@router.get("/throttled")
async def throttled() -> None:
    raise ThrottledError("DynamoDB", "slow down")


@router.get("/away")
async def away() -> None:
    raise UnavailableError("away", retry_after_seconds=7)


@router.get("/trace/{name}")
async def trace(name: str) -> dict[str, str]:
    return {"traceId": current_trace().trace_id, "name": name}


@pytest.fixture
def application():
    settings = KitSettings(service_token=TOKEN, request_timeout_seconds=0.2, max_in_flight=3)
    return build_application("test", "Test", settings, [router])


@pytest.fixture
async def client(application):
    transport = httpx.ASGITransport(application.public)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


@pytest.fixture
async def admin(application):
    transport = httpx.ASGITransport(application.admin)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin") as opened:
        yield opened


async def test_a_body_over_the_limit_is_refused_by_its_announced_length(client):
    refused = await client.post("/things", content=b"x" * 65537)
    assert refused.status_code == 413
    assert refused.json()["remedy"]


async def test_a_body_over_the_limit_is_refused_when_it_comes_in_pieces(client):
    async def pieces():
        for _ in range(20):
            yield b" " * 8192

    refused = await client.post("/things", content=pieces())
    assert refused.status_code == 413


async def test_a_body_at_the_limit_passes(client):
    body = json.dumps({"howMany": 1}).encode()
    padded = body + b" " * (65536 - len(body))
    answer = await client.post(
        "/things", content=padded, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"[" * 5000])
async def test_what_is_not_json_is_refused_without_a_stack_trace(client, body):
    refused = await client.post(
        "/things", content=body, headers={"Content-Type": "application/json"}
    )
    assert refused.status_code in {400, 422}
    assert refused.headers["content-type"] == "application/problem+json"


async def test_a_slow_answer_is_cut_at_the_bound(client):
    refused = await client.get("/slow")
    assert refused.status_code == 504
    assert "outcome is unknown" in refused.json()["detail"]


async def test_an_unexpected_error_is_a_problem_that_tells_nothing(client):
    refused = await client.get("/broken")
    assert refused.status_code == 500
    assert "secret" not in refused.text
    assert refused.headers["x-request-id"]


async def test_too_many_at_once_are_turned_away(client):
    answers = await asyncio.gather(*(client.get("/slow") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [503, 503, 504, 504, 504]


async def test_throttling_names_its_service_and_says_when_to_come_back(client):
    refused = await client.get("/throttled")
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "2"
    assert refused.json()["title"] == "DynamoDB throttling"
    assert (await client.get("/away")).headers["retry-after"] == "7"


async def test_unknown_paths_and_methods_are_problems_too(client):
    for answer, status in ((await client.get("/nope"), 404), (await client.put("/things"), 405)):
        assert answer.status_code == status
        assert answer.json()["status"] == status


async def test_a_method_that_is_not_allowed_says_which_are(client):
    assert (await client.put("/things")).headers["allow"] == "POST"


async def test_a_callers_trace_is_taken_up_and_a_malformed_one_replaced(client):
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    known = await client.get(
        "/trace/x", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    )
    assert known.json()["traceId"] == trace_id
    fresh = await client.get("/trace/x", headers={"traceparent": "00-<script>-1-01"})
    assert len(fresh.json()["traceId"]) == 32


async def test_requests_are_counted_under_their_route_template(client, admin):
    await client.get("/trace/one")
    await client.get("/trace/two")
    await client.get("/nope")
    text = (await admin.get("/metrics")).text
    route = 'cafe_http_requests_total{method="GET",route="/trace/{name}",status="200"} 2.0'
    assert route in text
    assert 'route="unmatched"' in text
    assert "/trace/one" not in text


async def test_an_express_handler_answers_before_the_framework(application, client):
    async def answer(scope, body, send):
        if body == b"for the application":
            return False
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": body})
        return True

    application.express["POST", "/things"] = answer
    express = await client.post("/things", content=b"quick")
    assert (express.status_code, express.content) == (202, b"quick")
    assert express.headers["x-request-id"]
    ordinary = await client.post("/things", content=b"for the application")
    assert ordinary.status_code == 422
    assert application.metrics.render().count(b'route="/things",status="202"') == 2


async def test_what_an_express_handler_raises_becomes_a_problem(application, client):
    async def refuse(scope, body, send):
        raise UnavailableError("away", retry_after_seconds=7)

    application.express["POST", "/things"] = refuse
    refused = await client.post("/things", content=b"x")
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "7"
    assert refused.json()["instance"] == "/things"
