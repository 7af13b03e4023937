"""Composition of the order service: the only place that knows all its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import httpx
from cafe_kit.app import Application, build_application
from cafe_kit.aws import Aws, AwsCalls
from cafe_kit.clients import neighbour
from cafe_kit.cloudwatch import BusinessMetrics, add_cloudwatch
from cafe_kit.database import Database
from cafe_kit.errors import UnavailableError
from cafe_kit.sqs import SqsConsumer
from cafe_kit.store_metrics import StoreMetrics
from cafe_kit.wire import utc_now

from cafe_order import endpoints, hot_route, operations
from cafe_order.activity import PostgresActivity
from cafe_order.awaited import PostgresAwaited, Redelivery
from cafe_order.destinations import Destination, KinesisDestination, PaymentsDestination
from cafe_order.expiring import Expiring
from cafe_order.history import CustomerHistory, HistoryDestination
from cafe_order.ledger import PostgresLedger
from cafe_order.measuring import MeasuredPlacing
from cafe_order.merging import MergedPlacements
from cafe_order.migrate import newest_version
from cafe_order.outbox import OutboxRow, PostgresOutbox
from cafe_order.parked import PostgresParked
from cafe_order.placements import PostgresPlacements
from cafe_order.placing import Placing
from cafe_order.prices import MenuPrices
from cafe_order.relay import Bell, Housekeeping, Relay, RelayMetrics
from cafe_order.repository import PostgresOrders, keep_hours
from cafe_order.results import PaymentResults
from cafe_order.service import OrderService
from cafe_order.settings import OrderSettings
from cafe_order.shedding import Backlog
from cafe_order.stock import StockDestination
from cafe_order.store_history import StoreHistory, StoreHistoryDestination
from cafe_order.tickets import TicketsDestination
from cafe_order.transitions import PostgresSaga

COUNTED = {
    "order.placed": "OrdersPlaced",
    "order.completed": "OrdersCompleted",
    "order.rejected": "OrdersRejected",
    "order.cancelled": "OrdersCancelled",
}
"""Business metrics by the event that was told to the stream."""


@dataclass(frozen=True)
class Neighbours:
    """How to reach the neighbours, when not by their address: tests join them in one process."""

    menu: httpx.AsyncBaseTransport | None = None
    inventory: httpx.AsyncBaseTransport | None = None
    aws: AwsCalls | None = None


@dataclass(frozen=True)
class _Parts:
    """What the parts of the service share."""

    application: Application
    settings: OrderSettings
    database: Database
    relay_database: Database
    aws: AwsCalls
    business: BusinessMetrics
    bell: Bell
    backlog: Backlog


def build(settings: OrderSettings, neighbours: Neighbours = Neighbours()) -> Application:
    """The whole service; nothing is connected yet."""
    parts = _parts(settings, neighbours.aws or Aws(settings.aws_region, settings.aws_threads))
    application = parts.application
    token = settings.service_token.get_secret_value()
    menu = neighbour(settings.menu_url, token, transport=neighbours.menu)
    inventory = neighbour(settings.inventory_url, token, transport=neighbours.inventory)
    application.closers += [
        parts.database.close,
        parts.relay_database.close,
        menu.aclose,
        inventory.aclose,
        parts.aws.close,
    ]
    prices = MenuPrices(
        menu,
        fresh_seconds=settings.menu_fresh_seconds,
        stale_seconds=settings.menu_stale_seconds,
    )
    orders = PostgresOrders(parts.database)
    application.health.depends_on("database", lambda: _check_schema(orders))
    application.health.depends_on("menu", prices.check)
    _add_placing(parts, prices)
    _add_reading(parts, orders)
    _add_relay(parts, inventory)
    _add_results(parts)
    return application


def _parts(settings: OrderSettings, aws: AwsCalls) -> _Parts:
    application = build_application(
        "order",
        "CloudCafe orders",
        settings,
        [endpoints.router, operations.router],
        story="Morning Rush",
    )
    return _Parts(
        application=application,
        settings=settings,
        database=Database(
            settings.dsn,
            connections=settings.database_connections,
            name="order",
            password=settings.password,
        ),
        # its own pool: a burst of orders must not starve the relay, nor a slow neighbour the orders
        relay_database=Database(
            settings.dsn,
            connections=settings.relay_connections,
            name="order-relay",
            password=settings.password,
        ),
        aws=aws,
        business=add_cloudwatch(application, aws),
        bell=Bell(),
        backlog=Backlog(settings.most_waiting),
    )


def _add_placing(parts: _Parts, prices: MenuPrices) -> None:
    """Orders are taken by the hot route, and by the endpoint when they look unusual."""
    settings, application = parts.settings, parts.application
    placements = PostgresPlacements(parts.database, keep_key_hours=settings.idempotency_hours)
    merged = MergedPlacements(
        placements.write,
        written=parts.bell.ring,
        writers=settings.placing_writers,
        batch=settings.placing_batch,
    )
    judging = Placing(placements, merged, prices, backlog=parts.backlog, clock=utc_now)
    stores = StoreMetrics(parts.aws, application.metrics, seconds=settings.cloudwatch_seconds)
    application.workers["store-metrics"] = stores.run
    application.finishers.append(stores.finish)
    placing = MeasuredPlacing(judging, judging.stores.is_measured, stores)
    application.public.state.placing = placing
    application.express[hot_route.METHOD, hot_route.PATH] = hot_route.HotRoute(placing, settings)


def _add_reading(parts: _Parts, orders: PostgresOrders) -> None:
    """What is asked about orders, by tills, customers and people who look after us."""
    state = parts.application.public.state
    saga = PostgresSaga(parts.database, clock=utc_now)
    state.service = OrderService(orders, saga, wake_relay=parts.bell.ring)
    state.history = CustomerHistory(parts.aws, parts.settings.orders_table)
    state.store_history = StoreHistory(parts.aws)
    state.ledger = PostgresLedger(parts.database)
    state.activity = PostgresActivity(parts.database)
    state.parked = PostgresParked(parts.database, wake_relay=parts.bell.ring)
    parts.application.health.depends_on("dynamodb", state.history.check, required=False)


def _add_relay(parts: _Parts, inventory: httpx.AsyncClient) -> None:
    """One worker a destination, and the housekeeping."""
    application, settings = parts.application, parts.settings
    kinesis = KinesisDestination(parts.aws, settings.order_stream)
    payments = PaymentsDestination(parts.aws, settings.payments_queue)
    stock = StockDestination(inventory)
    history = HistoryDestination(
        parts.aws, settings.orders_table, linger_seconds=settings.history_linger_seconds
    )
    application.health.depends_on("inventory", stock.check, required=False)
    application.health.depends_on("kinesis", kinesis.check, required=False)
    application.health.depends_on("sqs", payments.check, required=False)

    outbox = PostgresOutbox(parts.relay_database)
    metrics = RelayMetrics(application.metrics.registry)
    stores = StoreHistoryDestination(parts.aws, linger_seconds=settings.history_linger_seconds)
    tickets = TicketsDestination(parts.aws, linger_seconds=settings.tickets_linger_seconds)
    destinations: Sequence[Destination] = (kinesis, payments, stock, history, stores, tickets)
    for destination in destinations:
        relay = Relay(
            destination,
            outbox,
            metrics,
            bell=parts.bell,
            clock=utc_now,
            idle_seconds=settings.relay_idle_seconds,
            told=partial(_count, parts.business) if destination is kinesis else _nothing,
        )
        application.workers[f"relay-{destination.name}"] = relay.run
    for own in (tickets, stores):
        awaited = PostgresAwaited(parts.relay_database, own.name)
        again = Redelivery(own, awaited, metrics, clock=utc_now)
        application.workers[f"{own.name}-again"] = again.run
    keeper = Housekeeping(
        outbox,
        metrics,
        backlog=parts.backlog,
        lag=lambda seconds: parts.business.gauge("RelayLagSeconds", seconds),
    )
    application.workers["outbox-state"] = keeper.watch_lag
    old = PostgresOrders(parts.relay_database)
    application.workers["expire-keys"] = Expiring("keys", old.expire_keys).run
    expire_synthetic = partial(old.expire_synthetic, keep_hours(settings.idempotency_hours))
    application.workers["expire-synthetic"] = Expiring("synthetic orders", expire_synthetic).run


def _add_results(parts: _Parts) -> None:
    """What the payment processor says moves the order on."""
    saga = PostgresSaga(parts.relay_database, clock=utc_now)
    results = PaymentResults(saga, wake_relay=parts.bell.ring)
    consumer = SqsConsumer(
        parts.aws,
        parts.settings.payment_results_queue,
        results.handle,
        service="order",
        metrics=parts.application.metrics,
        concurrency=parts.settings.results_concurrency,
    )
    parts.application.workers["payment-results"] = consumer.run
    parts.application.health.depends_on("payment-results", consumer.check, required=False)


def _nothing(_row: OutboxRow) -> None:
    """What goes to lists is the same event once more."""


def _count(business: BusinessMetrics, row: OutboxRow) -> None:
    name = COUNTED.get(row.kind)
    if name is not None:
        business.count(name)


async def _check_schema(orders: PostgresOrders) -> None:
    """The database answers and has all the migrations that this image was built for."""
    found, wanted = await orders.schema_version(), newest_version()
    if found < wanted:
        raise UnavailableError(f"The schema is at {found}, wanted {wanted}; run the migrations.")
