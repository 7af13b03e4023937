"""Composition of the inventory service: the only place that knows all its parts."""

from datetime import timedelta

from cafe_kit.app import Application, build_application
from cafe_kit.aws import Aws
from cafe_kit.wire import utc_now

from cafe_inventory.endpoints import router
from cafe_inventory.repository import DynamoStock
from cafe_inventory.service import InventoryService
from cafe_inventory.settings import InventorySettings


def build(settings: InventorySettings) -> Application:
    """The whole service; nothing is connected yet."""
    application = build_application("inventory", "CloudCafe inventory", settings, [router])
    aws = Aws(settings.aws_region, settings.aws_threads)
    application.closers.append(aws.close)
    table = DynamoStock(aws, settings.inventory_table)
    service = InventoryService(
        table,
        clock=utc_now,
        hold=timedelta(seconds=settings.hold_seconds),
        sweep_seconds=settings.sweep_seconds,
    )
    application.public.state.service = service
    application.workers["sweeper"] = service.sweep_for_ever
    application.health.depends_on("dynamodb", table.check)
    return application
