"""Composition of the analytics worker: the only place that knows all its parts."""

import asyncio
from collections.abc import Callable

from cafe_kit.app import Application, build_application
from cafe_kit.aws import Aws, AwsCalls
from cafe_kit.cloudwatch import BusinessMetrics, add_cloudwatch
from cafe_kit.database import Database, Password
from cafe_kit.dead_letters import DeadLetters
from cafe_kit.errors import UnavailableError
from cafe_kit.kinesis import KinesisConsumer
from cafe_kit.managed_secret import ManagedSecret
from cafe_kit.wire import utc_now
from cafe_kit.workers import Worker, wait_or_stop

from cafe_analytics.dialect import warehouse_bounds
from cafe_analytics.endpoints import router
from cafe_analytics.loading import LoadMetrics, WarehouseSink
from cafe_analytics.migrate import newest_version
from cafe_analytics.repository import WarehouseReports
from cafe_analytics.service import ReportService
from cafe_analytics.settings import AnalyticsSettings

NAME = "analytics-worker"
LAG_SECONDS = 5.0


def build(settings: AnalyticsSettings, aws: AwsCalls | None = None) -> Application:
    """The whole service; nothing is connected yet. Tests bring their own `aws`."""
    application = build_application(
        NAME, "CloudCafe analytics", settings, [router], story="Month-End Report"
    )
    calls = aws or Aws(settings.aws_region, settings.aws_threads)
    password = warehouse_password(settings, calls)
    # two pools: a slow report must not hold up the loading, nor a large load the reports
    loading = Database(
        settings.dsn,
        connections=settings.loading_connections,
        name=f"{NAME}-loading",
        bounds=warehouse_bounds(settings.load_timeout_seconds),
        password=password,
    )
    reporting = Database(
        settings.dsn,
        connections=settings.report_connections,
        name=f"{NAME}-reports",
        bounds=warehouse_bounds(settings.report_timeout_seconds),
        password=password,
    )
    application.closers += [loading.close, reporting.close, calls.close]
    business = add_cloudwatch(application, calls)
    consumer = _consumer(application, settings, calls, loading, business)
    reports = WarehouseReports(reporting)
    application.public.state.service = ReportService(reports)
    application.health.depends_on("redshift", lambda: _check_schema(reports))
    application.health.depends_on("kinesis", consumer.check, required=False)
    return application


def warehouse_password(settings: AnalyticsSettings, aws: AwsCalls) -> Password | None:
    """What tells the warehouse's password as it is now; None where the URL holds it."""
    if settings.redshift_url is not None:
        return None
    if settings.redshift_secret is None:
        return settings.current("redshift_password")
    first = settings.redshift_password.get_secret_value()
    return ManagedSecret(aws, settings.redshift_secret, "password", first=first)


def _consumer(
    application: Application,
    settings: AnalyticsSettings,
    aws: AwsCalls,
    loading: Database,
    business: BusinessMetrics,
) -> KinesisConsumer:
    """What reads the stream, and what tells how far behind it is."""
    stream = settings.order_stream
    sink = WarehouseSink(
        loading,
        stream,
        LoadMetrics(application.metrics.registry),
        clock=utc_now,
        loaded=lambda events: business.count("EventsLoaded", events),
    )
    dead_letters = DeadLetters(
        aws, settings.analytics_dead_letters, consumer=NAME, source=f"kinesis:{stream}"
    )
    consumer = KinesisConsumer(
        aws,
        stream,
        sink,
        dead_letters,
        metrics=application.metrics,
        poll_seconds=settings.poll_seconds,
    )
    application.workers["order-events"] = consumer.run
    application.workers["stream-lag"] = lag_reporter(
        lambda: application.metrics.registry.get_sample_value(
            "cafe_stream_lag_seconds", {"stream": stream}
        ),
        business,
    )
    return consumer


def lag_reporter(lag_seconds: Callable[[], float | None], business: BusinessMetrics) -> Worker:
    """A worker that tells CloudWatch what Prometheus reads from the consumer."""

    async def report(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            seconds = lag_seconds()
            if seconds is not None:
                business.gauge("StreamLagSeconds", seconds)
            await wait_or_stop(stopping, LAG_SECONDS)

    return report


async def _check_schema(reports: WarehouseReports) -> None:
    """The warehouse answers and has all the migrations that this image was built for."""
    found, wanted = await reports.schema_version(), newest_version()
    if found < wanted:
        raise UnavailableError(f"The schema is at {found}, wanted {wanted}; run the migrations.")
