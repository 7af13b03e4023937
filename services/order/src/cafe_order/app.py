"""Composition of the order service: the only place that knows all its parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from cafe_kit.app import Application, build_application
from cafe_kit.aws import Aws, AwsCalls
from cafe_kit.clients import neighbour
from cafe_kit.database import Database
from cafe_kit.errors import UnavailableError
from cafe_kit.wire import utc_now

from cafe_order.destinations import (
    Destination,
    KinesisDestination,
    PaymentsDestination,
    StockDestination,
)
from cafe_order.endpoints import router
from cafe_order.migrate import newest_version
from cafe_order.outbox import PostgresOutbox
from cafe_order.prices import MenuPrices
from cafe_order.relay import Bell, Housekeeping, Relay, RelayMetrics
from cafe_order.repository import PostgresOrders
from cafe_order.service import OrderService
from cafe_order.settings import OrderSettings


@dataclass(frozen=True)
class Neighbours:
    """How to reach the neighbours, when not by their address: tests join them in one process."""

    menu: httpx.AsyncBaseTransport | None = None
    inventory: httpx.AsyncBaseTransport | None = None
    aws: AwsCalls | None = None


def build(settings: OrderSettings, neighbours: Neighbours = Neighbours()) -> Application:
    """The whole service; nothing is connected yet."""
    application = build_application("order", "CloudCafe orders", settings, [router])
    database = Database(settings.dsn, connections=settings.database_connections, name="order")
    # its own pool: a burst of orders must not starve the relay, nor a slow neighbour the orders
    relay_database = Database(
        settings.dsn, connections=settings.relay_connections, name="order-relay"
    )
    token = settings.service_token.get_secret_value()
    menu = neighbour(settings.menu_url, token, transport=neighbours.menu)
    inventory = neighbour(settings.inventory_url, token, transport=neighbours.inventory)
    aws = neighbours.aws or Aws(settings.aws_region, settings.aws_threads)
    application.closers += [
        database.close,
        relay_database.close,
        menu.aclose,
        inventory.aclose,
        aws.close,
    ]

    orders = PostgresOrders(database)
    prices = MenuPrices(
        menu,
        fresh_seconds=settings.menu_fresh_seconds,
        stale_seconds=settings.menu_stale_seconds,
    )
    bell = Bell()
    kinesis = KinesisDestination(aws, settings.order_stream)
    payments = PaymentsDestination(aws, settings.payments_queue)
    stock = StockDestination(inventory)
    _add_relay(application, settings, relay_database, bell, [kinesis, payments, stock])

    application.public.state.service = OrderService(
        orders,
        prices,
        clock=utc_now,
        wake_relay=bell.ring,
        keep_key_hours=settings.idempotency_hours,
    )
    application.health.depends_on("database", lambda: _check_schema(orders))
    application.health.depends_on("menu", prices.check)
    application.health.depends_on("inventory", stock.check, required=False)
    application.health.depends_on("kinesis", kinesis.check, required=False)
    application.health.depends_on("sqs", payments.check, required=False)
    return application


def _add_relay(
    application: Application,
    settings: OrderSettings,
    database: Database,
    bell: Bell,
    destinations: Sequence[Destination],
) -> None:
    """One worker a destination, and the housekeeping."""
    outbox = PostgresOutbox(database)
    metrics = RelayMetrics(application.metrics.registry)
    for destination in destinations:
        relay = Relay(
            destination,
            outbox,
            metrics,
            bell=bell,
            clock=utc_now,
            idle_seconds=settings.relay_idle_seconds,
        )
        application.workers[f"relay-{destination.name}"] = relay.run
    names = [destination.name for destination in destinations]
    keeper = Housekeeping(outbox, PostgresOrders(database), metrics, names)
    application.workers["outbox-state"] = keeper.watch_lag
    application.workers["expire-keys"] = keeper.expire_keys


async def _check_schema(orders: PostgresOrders) -> None:
    """The database answers and has all the migrations that this image was built for."""
    found, wanted = await orders.schema_version(), newest_version()
    if found < wanted:
        raise UnavailableError(f"The schema is at {found}, wanted {wanted}; run the migrations.")
