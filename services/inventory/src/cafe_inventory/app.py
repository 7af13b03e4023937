"""Composition of the inventory service: the only place that knows all its parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from cafe_kit.app import Application, build_application
from cafe_kit.aws import Aws, AwsCalls
from cafe_kit.cloudwatch import add_cloudwatch
from cafe_kit.wire import utc_now

from cafe_inventory.books import DynamoBooks
from cafe_inventory.changes import StockKey
from cafe_inventory.desk import Counting, Desk
from cafe_inventory.dynamo import Table
from cafe_inventory.endpoints import router
from cafe_inventory.ledger import Ledger
from cafe_inventory.repository import DynamoStock
from cafe_inventory.service import InventoryService
from cafe_inventory.settings import InventorySettings
from cafe_inventory.stream import StockStream
from cafe_inventory.sweeping import Sweeper
from cafe_inventory.telling import Teller, Touches


@dataclass(frozen=True)
class Notebook:
    """What the rules leave word of: metrics for CloudWatch, touched items for the teller."""

    counting: Counting
    touches: Touches

    def count(self, name: str, value: float = 1.0) -> None:
        """Add to a counter."""
        self.counting.count(name, value)

    def gauge(self, name: str, value: float) -> None:
        """Set a gauge."""
        self.counting.gauge(name, value)

    def touch(self, keys: Sequence[StockKey]) -> None:
        """These stock items changed."""
        self.touches.touch(keys)


def build(
    settings: InventorySettings,
    aws: AwsCalls | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Application:
    """The whole service; nothing is connected yet."""
    application = build_application(
        "inventory", "CloudCafe inventory", settings, [router], story="Stocktake"
    )
    aws = aws or Aws(settings.aws_region, settings.aws_threads)
    application.closers.append(aws.close)
    table = Table(aws, settings.inventory_table)
    stock = DynamoStock(table)
    stream = StockStream(aws, settings.stock_stream)
    notes = Notebook(add_cloudwatch(application, aws), Touches())
    desk = Desk(stock, clock, notes, notes)
    sweeper = Sweeper(stock, desk, clock, seconds=settings.sweep_seconds)
    teller = Teller(stock, stream, notes.touches, clock, notes)
    application.public.state.service = InventoryService(
        stock, desk, clock, hold=timedelta(seconds=settings.hold_seconds), notes=notes
    )
    application.public.state.ledger = Ledger(DynamoBooks(table), stock)
    application.workers |= {
        "sweeper": sweeper.run,
        "teller": partial(teller.look_for_ever, seconds=settings.look_seconds),
        "walker": partial(teller.walk_for_ever, seconds=settings.walk_seconds),
    }
    application.health.depends_on("dynamodb", stock.check)
    # without its stream the cafe sells on; events are put when it is back
    application.health.depends_on("kinesis", stream.check, required=False)
    return application
