"""Composition of the payment processor as a container: the only place that knows all its parts."""

from cafe_kit.app import Application, build_application
from cafe_kit.aws import Aws
from cafe_kit.cloudwatch import add_cloudwatch
from cafe_kit.sqs import SqsConsumer

from cafe_payments.endpoints import callbacks, router
from cafe_payments.handler import PaymentHandler
from cafe_payments.settings import PaymentSettings
from cafe_payments.wiring import assemble

NAME = "payment-processor"


def build(settings: PaymentSettings) -> Application:
    """The whole service; nothing is connected yet."""
    application = build_application(
        NAME,
        "CloudCafe payment processor",
        settings,
        [router, callbacks],
        story="Card-Testing Attack",
    )
    aws = Aws(settings.aws_region, settings.aws_threads)
    business = add_cloudwatch(application, aws)
    parts = assemble(settings, aws, business)
    handler = PaymentHandler(
        parts.payments, parts.results, hold_off_seconds=parts.hold_off.resting_seconds
    )
    consumer = SqsConsumer(
        aws,
        settings.payments_queue,
        handler.handle,
        service=NAME,
        metrics=application.metrics,
        concurrency=settings.batches,
    )
    application.public.state.ledger = parts.ledger
    application.public.state.merchant_key = settings.merchant_key
    if settings.takes_messages:
        application.workers["payments"] = consumer.run
    application.closers += [aws.close, parts.ledger.close, parts.provider.close]
    application.health.depends_on("dynamodb", parts.ledger.check)
    application.health.depends_on("sqs", consumer.check)
    application.health.depends_on("results", parts.results.check)
    # its outage is bridged by the queue
    application.health.depends_on("payment-provider", parts.provider.check, required=False)
    return application
