"""A TCP proxy that can cut, refuse and swallow: what a failover or a partition does to clients."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress


class TcpProxy:
    """Stands before a server on 127.0.0.1."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        """Where new connections lead."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0
        self.on_answer: Callable[[bytes], bool] = lambda _data: True
        """Sees each piece the server sends; False cuts all connections before it is passed on."""

    async def allow(self) -> None:
        """Listen (again), on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Close all connections, at once and without a word."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def refuse(self) -> None:
        """As `cut`, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    def swallow(self) -> None:
        """Keep everything open but pass nothing on: a partition."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass on again."""
        self._flowing.set()

    async def close(self) -> None:
        """The end."""
        self.flow()
        await self.refuse()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, up_writer}
        self._spawn(self._pump(reader, up_writer, lambda _data: True))
        self._spawn(self._pump(up_reader, writer, self._passes))

    def _passes(self, data: bytes) -> bool:
        return self.on_answer(data)

    def _spawn(self, coroutine) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passes: Callable[[bytes], bool],
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                if not passes(data):
                    await self.cut()
                    break
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)
        writer.transport.abort()


@asynccontextmanager
async def tcp_proxy(target_port: int) -> AsyncIterator[TcpProxy]:
    """A proxy for the time of a test."""
    proxy = TcpProxy(target_port)
    await proxy.allow()
    try:
        yield proxy
    finally:
        await proxy.close()
