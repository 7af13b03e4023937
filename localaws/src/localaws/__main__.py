"""`python -m localaws`: serve the embedded AWS until SIGTERM."""

from __future__ import annotations

import os
import socket
import sys

import structlog
import uvicorn

from localaws.gateway import Gateway
from localaws.logs import configure
from localaws.settings import Settings

KEEP_ALIVE_SECONDS = 75
"""Longer than SDKs keep an idle connection, or they would write into one that is being closed."""


def main() -> int:
    """Read the environment, bind, serve. Returns the exit code."""
    try:
        settings = Settings.from_environment(os.environ)
    except ValueError as error:
        sys.stderr.write(f"localaws: {error}\n")
        return 2
    configure(settings.log_level)
    listener = socket.create_server((settings.host, settings.port), backlog=1024)
    # asyncio sets it only on sockets made with an explicit protocol number; without it each
    # answer waits 40 ms for the client's delayed acknowledgement
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        Gateway(settings),
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
    )
    structlog.get_logger("localaws").info("listening", port=listener.getsockname()[1])
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
