"""Composition of the loyalty service: the only place that knows all its parts."""

from collections.abc import Callable
from datetime import datetime

from cafe_kit.app import Application, build_application
from cafe_kit.aws import Aws, AwsCalls
from cafe_kit.cloudwatch import add_cloudwatch
from cafe_kit.kinesis import KinesisConsumer
from cafe_kit.redis import RedisStore
from cafe_kit.sqs import DeadLetters
from cafe_kit.wire import utc_now

from cafe_loyalty.book import RedisBook
from cafe_loyalty.endpoints import router
from cafe_loyalty.forgetting import Forgetting
from cafe_loyalty.lease import Lease, Leased
from cafe_loyalty.ledger import Ledger
from cafe_loyalty.points import RedisPoints
from cafe_loyalty.positions import RedisPositions
from cafe_loyalty.promotions import RedisPromotions
from cafe_loyalty.service import LoyaltyService
from cafe_loyalty.settings import LoyaltySettings
from cafe_loyalty.sink import GrantMetrics, LoyaltySink


def build(
    settings: LoyaltySettings,
    aws: AwsCalls | None = None,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> Application:
    """The whole service; nothing is connected yet. `aws` when it is not the real one."""
    application = build_application(
        "loyalty", "CloudCafe loyalty", settings, [router], story="Double-Points Day"
    )
    aws = aws or Aws(settings.aws_region, settings.aws_threads)
    store = RedisStore(
        settings.current("memorydb_url"),
        name="memorydb",
        connections=settings.memorydb_connections,
    )
    application.closers += [store.close, aws.close]
    application.health.depends_on("memorydb", store.check)

    metrics = GrantMetrics(application.metrics.registry, add_cloudwatch(application, aws))
    points, book, promotions = RedisPoints(store), RedisBook(store), RedisPromotions(store)
    application.public.state.service = LoyaltyService(
        points, promotions, metrics=metrics, clock=clock
    )
    application.public.state.ledger = Ledger(book, points, clock=clock)
    sink = LoyaltySink(
        points,
        book,
        promotions=promotions,
        positions=RedisPositions(store, settings.order_stream),
        metrics=metrics,
        clock=clock,
    )
    application.workers["forget-grants"] = Forgetting(store, clock=clock).run
    _add_consumer(application, settings, sink, aws, store)
    return application


def _add_consumer(
    application: Application,
    settings: LoyaltySettings,
    sink: LoyaltySink,
    aws: AwsCalls,
    store: RedisStore,
) -> None:
    """The reader of the stream, in one replica at a time."""
    stream, seconds = settings.order_stream, settings.stream_lease_seconds
    letters = DeadLetters(
        aws, settings.loyalty_dead_letters, consumer="loyalty", source=f"kinesis:{stream}"
    )
    consumer = KinesisConsumer(aws, stream, sink, letters, metrics=application.metrics)
    leased = Leased(
        consumer.run,
        Lease(store, stream, seconds=seconds),
        seconds=seconds,
        registry=application.metrics.registry,
    )
    application.workers["order-events"] = leased.run
    application.health.depends_on("kinesis", consumer.check, required=False)
