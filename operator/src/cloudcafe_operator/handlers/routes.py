"""Which reconciler works on which kind. Called by `main.py` once.

A reconciler is a function from a key to the seconds until the key is due again, or None.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cafe_ledger.collect import Book

from cloudcafe_operator.effects.alarms_store import AlarmsPart
from cloudcafe_operator.effects.allowance import good_news, settings_read
from cloudcafe_operator.effects.backup_store import Backups
from cloudcafe_operator.effects.books import HttpBooks, collector
from cloudcafe_operator.effects.cafe import Cafe
from cloudcafe_operator.effects.cafe_looks import CafeLooks
from cloudcafe_operator.effects.capacity import CapacityKeeper
from cloudcafe_operator.effects.chronicle import Chronicle, RecordedAws
from cloudcafe_operator.effects.converge_store import StoreConverger
from cloudcafe_operator.effects.dashboards_store import DashboardPart, FleetDashboard
from cloudcafe_operator.effects.delete_store import StoreDeleter
from cloudcafe_operator.effects.do_steps import StoreSteps
from cloudcafe_operator.effects.execute_store import StoreExecutor
from cloudcafe_operator.effects.fleet import FleetWatch
from cloudcafe_operator.effects.ledger import LedgerTiming, LedgerWatch
from cloudcafe_operator.effects.news import News
from cloudcafe_operator.effects.observe_store import StoreObserver, TagListing
from cloudcafe_operator.effects.probes import Shop
from cloudcafe_operator.effects.remove_store import StoreRemover
from cloudcafe_operator.effects.report_store import StoreReporter
from cloudcafe_operator.effects.rests import Rests
from cloudcafe_operator.effects.rush import RushKeeper
from cloudcafe_operator.effects.secrets_store import secret_listing
from cloudcafe_operator.effects.store_part import Parts
from cloudcafe_operator.effects.table_store import TablePart
from cloudcafe_operator.effects.turns import looks, purchases
from cloudcafe_operator.effects.verify_store import OrderPathVerifier
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.handlers.chaos import ChaosReconciler
from cloudcafe_operator.handlers.store import StoreReconciler
from cloudcafe_operator.kinds import CAFE_STORES, CHAOS_EXPERIMENTS, CHAOS_RUNS, ref_from_key
from cloudcafe_operator.planning.naming import store_id
from cloudcafe_operator.planning.store_world import Platform
from cloudcafe_operator.ports import Ports
from cloudcafe_operator.resources.store import ACCEPT_DAMAGE, ADOPT
from cloudcafe_operator.settings import Settings
from cloudcafe_operator.workqueue import Reconcile

WATCHED_BY_KOPF = (CHAOS_EXPERIMENTS, CHAOS_RUNS)
WATCHED = (CAFE_STORES, *WATCHED_BY_KOPF)


@dataclass(frozen=True, slots=True)
class Routes:
    """The reconciler of each kind, and what must be called when leading ends."""

    by_kind: Mapping[str, Reconcile]
    stop: Callable[[], None]
    # these run while this operator leads
    watch_ledger: Callable[[], Coroutine[Any, Any, None]]
    keep_rush_plan: Callable[[], Coroutine[Any, Any, None]]
    watch_fleet: Callable[[], Coroutine[Any, Any, None]]
    keep_fleet_dashboard: Callable[[], Coroutine[Any, Any, None]]

    async def reconcile(self, key: str) -> float | None:
        """Pass a key to the reconciler of its kind."""
        return await self.by_kind[key.partition("/")[0]](key)


def routes(settings: Settings, ports: Ports, news: News, cluster: str) -> Routes:
    """Connect all reconcilers; `news` is what the watch of stores brings, `cluster` our uid."""
    stores = store_reconciler(settings, ports, news, cluster)
    chaos = chaos_reconciler(settings, ports, cluster)

    async def reconcile_store(key: str) -> float | None:
        return await stores.reconcile(ref_from_key(key))

    by_kind = {CAFE_STORES.kind: reconcile_store, **chaos.routes()}
    return Routes(
        by_kind,
        stop=chaos.sampler.stop_all,
        watch_ledger=stores.ledger.run,
        keep_rush_plan=stores.rush.run,
        watch_fleet=stores.fleet.run,
        keep_fleet_dashboard=stores.dashboard.run,
    )


def chaos_reconciler(settings: Settings, ports: Ports, cluster: str) -> ChaosReconciler:
    """Connect the chaos engine. Its identity is new in every process: claims are made in it."""
    shop = Shop(
        order_url=settings.order_url,
        menu_url=settings.menu_url,
        token=settings.service_token.get_secret_value(),
        store_id=store_id,
    )
    return ChaosReconciler(
        ports,
        faults=faults(),
        shop=shop,
        collector=collector(books(settings, ports)),
        identity=f"{settings.pod_name}-{uuid.uuid4().hex[:8]}",
        namespace=settings.pod_namespace,
        cluster=cluster,
        claim_seconds=settings.claim_seconds,
    )


def books(settings: Settings, ports: Ports) -> HttpBooks:
    """Return where the books of all services are."""
    urls: dict[Book, str] = {
        "order": settings.order_url,
        "inventory": settings.inventory_url,
        "payment-processor": settings.payment_processor_url,
        "payment-provider": settings.payment_provider_url,
        "loyalty": settings.loyalty_url,
        "analytics-worker": settings.analytics_worker_url,
    }
    return HttpBooks(ports.http, urls, settings.service_token.get_secret_value())


def store_reconciler(settings: Settings, ports: Ports, news: News, cluster: str) -> StoreReconciler:
    """Connect the parts that stores need."""
    kubernetes, clock, chronicle = ports.kubernetes, ports.clock, Chronicle()
    aws = RecordedAws(ports.aws, clock, chronicle)
    cafe = Cafe(
        http=ports.http,
        order_url=settings.order_url,
        menu_url=settings.menu_url,
        inventory_url=settings.inventory_url,
        token=settings.service_token.get_secret_value(),
    )
    listing = TagListing(aws, clock)
    parts: Parts = {
        "alarms": AlarmsPart(aws, clock, listing),
        "dashboard": DashboardPart(aws, clock),
        "table": TablePart(aws, clock),
    }
    secrets = secret_listing(aws, clock)
    rush = rush_keeper(settings, ports)
    reporter = StoreReporter(kubernetes, ports.events, chronicle, good_news(clock))
    return StoreReconciler(
        kubernetes=kubernetes,
        clock=clock,
        platform=Platform(
            settings.order_url,
            settings.menu_url,
            settings.inventory_url,
            settings.aws_region,
            cluster,
        ),
        converger=StoreConverger(
            observer=StoreObserver(
                kubernetes,
                aws,
                CafeLooks(cafe, clock),
                listing,
                secrets,
                parts,
                settings_read(clock),
            ),
            steps=StoreSteps(
                StoreExecutor(kubernetes, aws, cafe, settings.aws_region, listing, secrets, parts),
                chronicle,
            ),
            clock=clock,
            resync_seconds=settings.resync_seconds,
            fleet=rush.stores,
        ),
        verifier=OrderPathVerifier(
            cafe,
            clock,
            timedelta(seconds=settings.verify_seconds),
            purchases(clock),
            rush.stores,
        ),
        deleter=StoreDeleter(
            StoreRemover(aws, cafe, Backups(aws), parts, cluster), reporter, clock
        ),
        reporter=reporter,
        ledger=LedgerWatch(
            collector(books(settings, ports)),
            clock,
            ports.queue,
            LedgerTiming(
                every=settings.ledger_seconds,
                window=settings.ledger_window_seconds,
                settle=settings.ledger_settle_seconds,
                stuck_after=settings.ledger_stuck_seconds,
            ),
        ),
        rush=rush,
        fleet=FleetWatch(
            cafe, kubernetes, clock, settings.pod_namespace, each_store=settings.store_metrics
        ),
        dashboard=FleetDashboard(ports.aws, settings.aws_region, settings.fleet_seconds),
        turns=looks(clock),
        rests=Rests(clock, (ACCEPT_DAMAGE, ADOPT)),
        news=news,
        queue=ports.queue,
    )


def rush_keeper(settings: Settings, ports: Ports) -> RushKeeper:
    """Connect what is made ready ahead of rushes: the services' replicas, and AWS."""
    kubernetes, clock, home = ports.kubernetes, ports.clock, settings.pod_namespace
    capacity = CapacityKeeper(
        kubernetes, ports.aws, ports.events, clock, home, settings.capacity, settings.namespaces
    )
    return RushKeeper(
        kubernetes,
        ports.events,
        clock,
        home,
        capacity,
        settings.namespaces,
        settings.rush_seconds,
    )


def wakes_also(key: str, manifest: Mapping[str, Any]) -> Sequence[str]:
    """Return the other keys that an event wakes: a run's owner."""
    meta = manifest["metadata"]
    owners = meta.get("ownerReferences") or []
    if not key.startswith("ChaosRun/"):
        return ()
    return [f"{one['kind']}/{meta['namespace']}/{one['name']}" for one in owners]
