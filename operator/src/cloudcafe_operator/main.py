"""The composition root: settings, ports, reconcilers, queue, Lease, kopf. `python -m` starts it.

The order is the safety: nothing is reconciled before the Lease is held, everything stops at once
when it is lost, and it is given back only after the last worker has stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog

from cloudcafe_operator.effects.admin import ServiceAdmin
from cloudcafe_operator.effects.aws import AwsApi
from cloudcafe_operator.effects.clock import SystemClock
from cloudcafe_operator.effects.cluster_access import ClusterAccess
from cloudcafe_operator.effects.cluster_identity import cluster_uid
from cloudcafe_operator.effects.events import EventWriter
from cloudcafe_operator.effects.health import Health, serve, watch_loop
from cloudcafe_operator.effects.http import HttpClient
from cloudcafe_operator.effects.kubernetes import KubernetesApi
from cloudcafe_operator.effects.leader import LeaderAws, LeaderHttp
from cloudcafe_operator.effects.lease import Leadership, LeaseLost, Timing
from cloudcafe_operator.effects.news import News
from cloudcafe_operator.effects.probe_http import FencedResolver, ProbeClient
from cloudcafe_operator.effects.rounds import for_ever
from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.handlers.routes import (
    WATCHED,
    WATCHED_BY_KOPF,
    Routes,
    routes,
    wakes_also,
)
from cloudcafe_operator.handlers.store_watch import StoreWatch
from cloudcafe_operator.handlers.watch import KopfWatch, Watcher
from cloudcafe_operator.kinds import CAFE_STORES, LEASES
from cloudcafe_operator.ports import Ports, Ref
from cloudcafe_operator.settings import Settings
from cloudcafe_operator.workqueue import WorkQueue

Done = TypeVar("Done")
log = structlog.get_logger()
SECONDS_TO_FINISH = 5.0
SECONDS_BETWEEN_TRIES = 2.0
#: An owner waits for a change; a look at a fleet can wait, but not for ever. Of runs nothing goes
#: ahead: what the clock wakes there is an undo.
NEWS_OF_STORES_AHEAD_S = 60.0
RARER = 5  # are stores compared with a full list: there are thousands, and their watch is our own


@dataclass(frozen=True, slots=True)
class App:
    """Everything that runs, made once."""

    settings: Settings
    ports: Ports
    routes: Routes
    queue: WorkQueue
    watcher: Watcher
    stores: StoreWatch
    leadership: Leadership
    events: EventWriter
    health: Health


async def run(settings: Settings) -> int:
    """Run until told to stop (0) or until leading is lost or a part fails (1)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock()
    kubernetes, aws = await asyncio.to_thread(connect, settings)  # loads certificates
    http = HttpClient()
    customers = HttpClient(reuse=False)
    probes = ProbeClient(FencedResolver(settings.pod_namespace, opened=settings.probes_to))
    clients = Clients(kubernetes, aws, http, customers, probes)
    health = Health()
    stop_serving = await serve(health, host=settings.host, port=settings.port)
    lag = asyncio.create_task(watch_loop(health, clock), name="loop lag")
    try:
        return await _lead(_made(settings, clients, clock, health), stop)
    finally:
        await _cancel([lag])
        await stop_serving()
        for client in (probes, customers, http):
            await client.close()
        await aws.close()
        await kubernetes.close()


def connect(settings: Settings) -> tuple[KubernetesApi, AwsApi]:
    """Make the clients that take a while."""
    reach = ClusterAccess(settings.api_server)
    kubernetes = KubernetesApi(reach.access(), connections=settings.workers * 4)
    return kubernetes, AwsApi(region=settings.aws_region)


@dataclass(frozen=True, slots=True)
class Clients:
    """Whatever speaks to somebody else."""

    kubernetes: KubernetesApi
    aws: AwsApi
    http: HttpClient
    customers: HttpClient
    probes: ProbeClient


async def _made(settings: Settings, clients: Clients, clock: SystemClock, health: Health) -> App:
    """Connect the parts once the API server has told what they rest on."""
    cluster = await awaited(settings, clients.kubernetes, health)
    return compose(settings, clients, clock=clock, health=health, cluster=cluster)


def compose(
    settings: Settings, clients: Clients, *, clock: SystemClock, health: Health, cluster: str
) -> App:
    """Connect the parts; `cluster` is this cluster's uid."""
    kubernetes, http = clients.kubernetes, clients.http
    lease = Ref(LEASES, settings.lease_name, settings.pod_namespace)
    timing = Timing(duration=settings.lease_seconds, deadline=settings.lease_seconds * 2 / 3)
    leadership = Leadership(kubernetes, clock, ref=lease, identity=settings.pod_name, timing=timing)
    events = EventWriter(kubernetes, clock, instance=settings.pod_name)
    found: Routes

    async def reconcile(key: str) -> float | None:
        return await found.reconcile(key)

    queue = WorkQueue(
        reconcile,
        clock=clock,
        workers=settings.workers,
        ahead={CAFE_STORES.kind: NEWS_OF_STORES_AHEAD_S},
    )
    token = settings.service_token.get_secret_value()
    admin = ServiceAdmin(kubernetes, http, settings.pod_namespace, token)
    ports = Ports(
        kubernetes=kubernetes,
        aws=LeaderAws(clients.aws, leadership),
        http=LeaderHttp(http, leadership),
        customers=LeaderHttp(clients.customers, leadership),
        probes=LeaderHttp(clients.probes, leadership),
        admin=admin,
        clock=clock,
        events=events,
        queue=queue,
    )
    news = News()
    # reconcilers wake keys, the queue calls reconcilers
    found = routes(settings, ports, news, cluster)
    within = settings.namespaces
    watcher = Watcher(kubernetes, queue, namespaces=within, also=wakes_also)
    stores = StoreWatch(
        kubernetes,
        Watcher(kubernetes, queue, news=news),
        CAFE_STORES,
        within,
        settings.relist_seconds * RARER,
    )
    return App(settings, ports, found, queue, watcher, stores, leadership, events, health)


async def _lead(made: Coroutine[Any, Any, App], stop: asyncio.Event) -> int:
    """Wait for the API server and the Lease, then work until something ends."""
    stopping = asyncio.create_task(stop.wait(), name="stop")
    app = await _unless(stopping, made)
    if app is None:
        return 0
    app.health.starting = ""  # a standby is ready
    if not await _unless(stopping, _leading(app)):
        return 0
    app.health.role = "leading"
    gc.collect()
    gc.freeze()  # modules and clients stay for ever: looking through them would block the loop
    code = await _work(app, stopping)
    with contextlib.suppress(OperatorError):
        await app.leadership.release()
    return code


async def _work(app: App, stopping: asyncio.Task[Any]) -> int:
    log_in = ClusterAccess(app.settings.api_server).log_in
    watch = KopfWatch(app.watcher, WATCHED_BY_KOPF, app.settings.namespaces, log_in)
    compare = partial(app.watcher.compare, WATCHED_BY_KOPF)
    every, waits = app.settings.relist_seconds, "the comparison of runs and experiments waits"
    relist = for_ever(compare, seconds=every, waits=waits, pause_first=True)
    parts = [
        asyncio.create_task(app.leadership.hold(), name="lease"),
        asyncio.create_task(app.queue.run(), name="queue"),
        asyncio.create_task(app.events.run(), name="events"),
        asyncio.create_task(watch.run(), name="watch"),
        asyncio.create_task(relist, name="relist"),
        asyncio.create_task(app.stores.run(), name="watch of stores"),
        asyncio.create_task(app.routes.watch_ledger(), name="ledger"),
        asyncio.create_task(app.routes.keep_rush_plan(), name="rush plan"),
        asyncio.create_task(app.routes.watch_fleet(), name="fleet"),
        asyncio.create_task(app.routes.keep_fleet_dashboard(), name="fleet dashboard"),
    ]
    done, _ = await asyncio.wait([stopping, *parts], return_when=asyncio.FIRST_COMPLETED)
    for task in done - {stopping}:
        _report(task)
    if stopping in done:
        await app.queue.finish(seconds=SECONDS_TO_FINISH)
        await app.events.flush()
    app.routes.stop()
    await _cancel(parts)
    return 0 if stopping in done else 1


async def awaited(settings: Settings, kubernetes: KubernetesApi, health: Health) -> str:
    """Wait until the API server serves all our kinds and tells which cluster it is; its uid."""
    while True:
        try:
            namespaces = settings.namespaces or (None,)
            for resource in WATCHED:
                await kubernetes.is_served(resource, namespace=namespaces[0])
            return await cluster_uid(kubernetes)
        except OperatorError as error:
            health.starting = f"waiting for the API server and its definitions: {error}"
            log.warning("waiting", reason=str(error))
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)


async def _leading(app: App) -> bool:
    await app.leadership.acquire()
    return True


async def _unless(stopping: asyncio.Task[Any], work: Coroutine[Any, Any, Done]) -> Done | None:
    """Run work until it is done, or the operator is told to stop (None)."""
    task = asyncio.create_task(work)
    await asyncio.wait([stopping, task], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return task.result()
    await _cancel([task])
    return None


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _report(task: asyncio.Task[Any]) -> None:
    error = None if task.cancelled() else task.exception()
    if isinstance(error, LeaseLost):
        log.error("stopping: not the leader any more", error=str(error))
    else:
        log.error("stopping: a part ended", part=task.get_name(), exc_info=error)
