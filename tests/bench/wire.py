"""HTTP/1.1 on a bare asyncio protocol: it costs next to nothing. Spoken by the stand-ins."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Callable
from typing import Any

import msgspec

encode = msgspec.json.encode


class Connection(asyncio.Protocol):
    """One connection; who inherits answers each request that is complete."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            last = end + 4 + int(headers.get("content-length", 0))
            if len(self._buffer) < last:
                return
            body, self._buffer = self._buffer[end + 4 : last], self._buffer[last:]
            method, path, _ = first.split(" ")
            self.request(method, path, headers, body)

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Answer one request."""
        raise NotImplementedError

    def send(self, status: int, value: Any) -> None:
        """Send one answer; bytes as they are, all else as JSON."""
        content = value if isinstance(value, bytes) else b"" if value is None else encode(value)
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
            f"x-amzn-RequestId: bench\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        self.transport.write(head.encode() + content)


async def serve(connection: Callable[[], Connection], *, tls: ssl.SSLContext | None = None) -> None:
    """Serve on a free port, say which on stdout, until told to stop."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()
