"""Outgoing HTTP: answers, refusals and silence, never an exception."""

import asyncio

import pytest
from aiohttp import web
from cloudcafe_operator.effects.http import MOST_BYTES, HttpClient


@pytest.fixture
async def client():
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture
async def url(unused_tcp_port):
    async def echo(request):
        return web.json_response(
            {"body": await request.json(), "key": request.headers["X-Key"]}, status=201
        )

    async def away(_request):
        raise web.HTTPFound("/echo")

    async def caller(request):
        return web.Response(text=str(request.transport.get_extra_info("peername")))

    async def large(_request):
        return web.Response(body=b"x" * (MOST_BYTES + 10))

    app = web.Application()
    app.router.add_post("/echo", echo)
    app.router.add_get("/away", away)
    app.router.add_get("/large", large)
    app.router.add_get("/caller", caller)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield f"http://127.0.0.1:{unused_tcp_port}"
    await runner.cleanup()


async def test_an_answer_has_status_body_and_time(client, url):
    answer = await client.request("POST", f"{url}/echo", body={"a": 1}, headers={"X-Key": "k"})
    assert (answer.status, answer.error) == (201, "")
    assert answer.body == b'{"body": {"a": 1}, "key": "k"}'
    assert answer.elapsed_ms > 0


@pytest.mark.parametrize("reuse", [True, False])
async def test_what_measures_asks_by_a_connection_each(url, reuse):
    client = HttpClient(reuse=reuse)
    callers = [(await client.request("GET", f"{url}/caller")).body for _ in range(3)]
    await client.close()
    assert len(set(callers)) == (1 if reuse else 3)


async def test_redirects_are_answers_and_long_bodies_are_cut(client, url):
    assert (await client.request("GET", f"{url}/away")).status == 302
    assert len((await client.request("GET", f"{url}/large")).body) == MOST_BYTES


@pytest.mark.parametrize("bad", ["http://127.0.0.1:9/", "http://no.such.host.invalid/", "nonsense"])
async def test_network_trouble_is_an_answer_with_a_sentence(client, bad):
    answer = await client.request("GET", bad)
    assert answer.status == 0
    assert answer.error


async def test_silence_is_an_answer_too(client, unused_tcp_port):
    async def listen_only(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen_only, "127.0.0.1", unused_tcp_port)
    answer = await client.request(
        "GET", f"http://127.0.0.1:{unused_tcp_port}/", timeout_seconds=0.1
    )
    assert answer.error == "no answer within 0.1 s"
    await client.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0)
