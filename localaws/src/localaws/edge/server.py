"""Binds the edge's ports and keeps them served. `gateway` owns one."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog
import uvicorn

from localaws.clock import monotonic
from localaws.edge.api import HttpApi
from localaws.edge.http import Door
from localaws.edge.routing import Answer, Asked, Forward, decide, groups_of, kept, usable
from localaws.edge.tills import Tills
from localaws.emulators import stages
from localaws.measures import Metric
from localaws.seeds_api import API

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.consequences.network_reachability import NetworkReachability
    from localaws.measures import Measures
    from localaws.network import Listener, Network, TargetGroup
    from localaws.settings import Settings

    Which = Callable[[Network, Listener, TargetGroup], list[str]]

log = structlog.get_logger(__name__)

CUSTOMERS, TILLS = "cloudcafe-alb", "cloudcafe-tills"
CLIENT_ERROR = 400
NOWHERE = Answer(503, b"503 Service Temporarily Unavailable")


class Edge:
    """The doors; without ports there is none."""

    def __init__(
        self, settings: Settings, reachability: NetworkReachability, measures: Measures
    ) -> None:
        self._settings = settings
        self._reachability = reachability
        self._measures = measures
        api = HttpApi(partial(stages.read, settings.region), monotonic)
        self._doors = {
            "customers": Door(self._decide, settings.address_of, self._count_customers),
            "api": Door(api.decide, settings.address_of, self._count_calls),
        }
        self._tills = Tills(self._targets_of_tills, self._kept_of_tills, settings.address_of)
        reachability.watchers.append(self._tills.changed)
        self._sockets: dict[str, socket.socket] = {}
        self._http: list[uvicorn.Server] = []
        self._tcp: asyncio.Server | None = None
        self._serving: list[asyncio.Task[None]] = []

    def bind(self) -> None:
        """Take the ports and say which; connections wait in them until `start`."""
        for name, port in self._settings.edge_ports.items():
            self._sockets[name] = socket.create_server((self._settings.host, port), backlog=1024)
        if self._sockets:
            taken = {name: each.getsockname()[1] for name, each in self._sockets.items()}
            log.info("edge listening", ports=taken)

    async def start(self) -> None:
        """Serve."""
        for name, door in self._doors.items():
            if name in self._sockets:
                self._serve(door, self._sockets[name])
        if "tills" in self._sockets:
            self._tcp = await asyncio.start_server(self._tills.serve, sock=self._sockets["tills"])

    async def stop(self) -> None:
        """End what is under way, within the seconds of a graceful stop."""
        if self._tcp is not None:
            self._tcp.close()
            await self._tills.close()
        for server in self._http:
            server.should_exit = True
        await asyncio.gather(*self._serving, return_exceptions=True)
        for door in self._doors.values():
            await door.close()

    def _serve(self, door: Door, listener: socket.socket) -> None:
        config = uvicorn.Config(
            door, http="httptools", lifespan="off", log_config=None, access_log=False,
            server_header=False, timeout_keep_alive=60, timeout_graceful_shutdown=5,
        )  # fmt: skip
        # without it each answer waits for the client's delayed acknowledgement, see __main__
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _Server(config)
        self._http.append(server)
        self._serving.append(asyncio.create_task(server.serve([listener]), name="edge"))

    def _decide(self, asked: Asked) -> Answer | Forward:
        network = self._reachability.current
        listener = network.listeners.get(CUSTOMERS)
        return decide(network, listener, asked) if listener else NOWHERE

    def _count_customers(self, status: int, own: bool) -> None:  # noqa: FBT001 - see http.Tell
        listener = self._reachability.current.listeners.get(CUSTOMERS)
        where = (("LoadBalancer", listener.suffix if listener else CUSTOMERS),)
        who = "ELB" if own else "Target"
        for name in ("RequestCount", f"HTTPCode_{who}_{status // 100}XX_Count"):
            self._measures.add(Metric("AWS/ApplicationELB", name, where))

    def _count_calls(self, status: int, _own: bool) -> None:  # noqa: FBT001 - see http.Tell
        names = ["Count", *([f"{status // 100}xx"] if status >= CLIENT_ERROR else [])]
        for name in names:
            self._measures.add(Metric("AWS/ApiGateway", name, (("ApiId", API),)))

    def _targets_of_tills(self) -> list[Forward]:
        return self._of_tills(usable)

    def _kept_of_tills(self) -> set[str]:
        return {each.target for each in self._of_tills(kept)}

    def _of_tills(self, which: Which) -> list[Forward]:
        network = self._reachability.current
        listener = network.listeners.get(TILLS)
        if listener is None:
            return []
        return [
            Forward(group.service, target)
            for group in groups_of(network, listener)
            for target in which(network, listener, group)
        ]


class _Server(uvicorn.Server):
    """Leaves signals to the gateway's own server."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
