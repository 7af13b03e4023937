"""ministack in this process: its ASGI application, called without a socket.

The gateway calls it for the data path (DynamoDB, SQS, Kinesis, RDS, …). ministack reads its
settings from the environment while it is imported, so `start` sets them first and imports late.
"""

# ruff: noqa: SLF001 - the package has no public way to embed it

from __future__ import annotations

import asyncio
import importlib
import os
from typing import TYPE_CHECKING, Any

from localaws.messages import Reply, Request
from localaws.routing import action_of, changes_state

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, MutableMapping

    from localaws.settings import Settings

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    AsgiApp = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]

# modules that the cafe uses from its first request: imported before the port opens, because an
# import of ministack's largest files holds the event loop for a third of a second
WARM = ("dynamodb", "kinesis", "sqs", "secretsmanager", "cloudwatch", "rds", "sts", "tagging")


class Ministack:
    """One instance per process: ministack keeps its state in module globals."""

    def __init__(self, settings: Settings, changed: Callable[[], None] = lambda: None) -> None:
        """`changed` is called after each request that may have changed what ministack holds."""
        self._settings = settings
        self._changed = changed
        self._app: AsgiApp | None = None
        self._lifespan: asyncio.Task[None] | None = None
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()

    def load(self) -> None:
        """Import and extend it; call it before `start`, and restore a state between the two."""
        os.environ.update(_environment(self._settings))
        application = importlib.import_module("ministack.app")
        for name in WARM:
            application._get_module(name)
        importlib.import_module("localaws.emulators.ministack_additions").install()
        self._app = application.app

    async def start(self) -> None:
        """Start it; raises RuntimeError if it refuses to start."""
        scope: Message = {"type": "lifespan", "asgi": {"version": "3.0"}}
        self._lifespan = asyncio.create_task(
            self._loaded(scope, self._inbox.get, self._outbox.put), name="ministack"
        )
        await self._say("lifespan.startup")

    async def stop(self) -> None:
        """Let it put away what it holds; safe to call when it never started."""
        if self._lifespan is not None and not self._lifespan.done():
            await self._say("lifespan.shutdown")
            await self._lifespan

    async def reset(self) -> None:
        """Forget all resources (tests only)."""
        application = importlib.import_module("ministack.app")
        async with application._get_reset_lock():
            await asyncio.to_thread(application._reset_all_state)
        self._changed()

    async def serve(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass one ASGI conversation on unchanged (streams, web sockets, data planes)."""
        try:
            await self._loaded(scope, receive, send)
        finally:
            if scope["type"] != "http" or changes_state(scope["method"], _action(scope)):
                self._changed()

    async def call(self, request: Request) -> Reply:
        """Answer one request whose body is known; the reply is complete when this returns."""
        sent = False
        started: Message = {}
        chunks: list[bytes] = []

        async def receive() -> Message:
            nonlocal sent
            if sent:
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                chunks.append(message.get("body", b""))

        try:
            await self._loaded(_scope(request), receive, send)
        finally:
            if changes_state(request.method, request.action):
                self._changed()
        headers = tuple(
            (name, value)
            for name, value in started.get("headers", ())
            if name.lower() not in (b"content-length", b"transfer-encoding")
        )
        return Reply(started["status"], b"".join(chunks), headers)

    @property
    def _loaded(self) -> AsgiApp:
        if self._app is None:
            raise RuntimeError("ministack was called before start()")
        return self._app

    async def _say(self, kind: str) -> None:
        await self._inbox.put({"type": kind})
        answer = await self._outbox.get()
        if not answer["type"].endswith(".complete"):
            raise RuntimeError(f"ministack answered {kind} with {answer}")


def _environment(settings: Settings) -> dict[str, str]:
    """Switches: no Docker, no listeners of its own, no history, our region."""
    return {
        "CLOUDTRAIL_RECORDING": "0",
        "DOCKER_HOST": "unix:///nonexistent.sock",
        "GATEWAY_PORT": str(settings.port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_REGION": settings.region,
        "PERSIST_STATE": "0",
        "SFTP_ENABLED": "0",
    }


def _action(scope: Message) -> str:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return action_of(headers, scope["path"], b"")


def _scope(request: Request) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": request.query,
        "headers": request.raw_headers,
        "client": ("127.0.0.1", 0),
        "server": ("localaws", 4566),
    }
