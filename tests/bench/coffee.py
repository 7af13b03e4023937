"""An order service that confirms every order at once: a process of its own, beside the bench.

Two hundred runs buy two hundred coffees a second; the fake cafe of the tests, with its stock and
its books, would take the core that the operator is measured on.
"""

import asyncio
import subprocess
import sys
import uuid
from contextlib import contextmanager

from aiohttp import web


async def order(_request):
    """Confirm."""
    return web.json_response({"id": uuid.uuid4().hex, "status": "confirmed"}, status=201)


@contextmanager
def serve():
    """Serve in another process; gives its URL."""
    words = [sys.executable, "-m", "tests.bench.coffee"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def _say(app):
    site = next(iter(app["runner"].sites))
    sys.stdout.write(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()


async def _main():
    app = web.Application()
    app.router.add_post("/orders", order)
    runner = app["runner"] = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await _say(app)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
