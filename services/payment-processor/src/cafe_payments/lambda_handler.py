"""The payment processor as a Lambda on the SQS FIFO queue: `handler(event, context)`.

API Gateway hands it the provider's calls back too.

Settings come from the environment; the runtime (event loop, clients, connections) is made at the
first invocation and kept for the next ones. Needs, beside the AWS runtime: cafe_payments,
cafe_kit, httpx, pydantic, pydantic-settings, prometheus-client, structlog, and boto3 as pinned.
No web framework is loaded.
"""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

import structlog
from cafe_kit import logs
from cafe_kit.aws import Aws
from cafe_kit.errors import UnavailableError
from cafe_kit.settings import load
from cafe_kit.sqs import (
    Again,
    DeadLetters,
    Message,
    Parked,
    Poison,
    Verdict,
    dead_letters_of,
    in_group_order,
    message_of_lambda,
)

from cafe_payments import callback
from cafe_payments.emf import EmfMetrics
from cafe_payments.handler import PaymentHandler
from cafe_payments.secret_environment import fill, read_secret
from cafe_payments.settings import PaymentSettings
from cafe_payments.wiring import Parts, assemble

log = structlog.get_logger()

SERVICE = "payment-processor"
LAST_WORDS_SECONDS = 1.0
"""Kept of the invocation's time to say what did not get done."""


class Context(Protocol):
    """What we use of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda ends this invocation."""
        ...


class Runtime:
    """What outlives an invocation."""

    def __init__(self, settings: PaymentSettings) -> None:
        self._runner = asyncio.Runner()
        self._key = settings.merchant_key
        self._metrics = EmfMetrics(SERVICE, lambda line: sys.stdout.write(f"{line}\n"))
        self._aws = Aws(settings.aws_region, settings.aws_threads)
        self._parts: Parts = assemble(settings, self._aws, self._metrics)
        self._handler = PaymentHandler(self._parts.payments, self._parts.results)
        self._dead_letters = DeadLetters(
            self._aws,
            dead_letters_of(settings.payments_queue),
            consumer=SERVICE,
            source=f"sqs:{settings.payments_queue}",
        )

    def invoke(self, event: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Handle one event within this time."""
        return self._runner.run(self._invoke(event, seconds))

    def called_back(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the provider's call back."""
        status, order = callback.judge(event, self._key)
        self._metrics.count("ProviderCallbacks" if order else "ProviderCallbacksRefused")
        self._metrics.flush()
        log.info("called back", order=order, status=status)
        return {"statusCode": status}

    def close(self) -> None:
        """The end; Lambda itself never asks for it."""
        self._runner.run(self._close())
        self._runner.close()

    async def _invoke(self, event: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        messages = [message_of_lambda(record) for record in event["Records"]]
        verdicts = in_group_order(messages, await self._judge(messages, seconds))
        verdicts = in_group_order(messages, await self._park(messages, verdicts))
        failures = []
        for message, verdict in zip(messages, verdicts, strict=True):
            if isinstance(verdict, Again):
                log.info("message again", id=message.id, why=verdict.reason)
                failures.append({"itemIdentifier": message.id})
        self._metrics.flush()
        return {"batchItemFailures": failures}

    async def _judge(self, messages: list[Message], seconds: float) -> list[Verdict]:
        try:
            async with asyncio.timeout(seconds):
                return list(await self._handler.handle(messages))
        except TimeoutError:
            return [Again("The invocation's time is over.")] * len(messages)
        except UnavailableError as error:
            return [Again(error.detail)] * len(messages)

    async def _park(self, messages: list[Message], verdicts: list[Verdict]) -> list[Verdict]:
        poison = [
            Parked(message.id, message.body.encode(), message.group, verdict.reason)
            for message, verdict in zip(messages, verdicts, strict=True)
            if isinstance(verdict, Poison)
        ]
        try:
            await self._dead_letters.park(poison)
        except UnavailableError as error:
            return [Again(error.detail) if isinstance(v, Poison) else v for v in verdicts]
        return verdicts

    async def _close(self) -> None:
        await self._parts.ledger.close()
        await self._parts.provider.close()
        await self._aws.close()


@cache
def runtime() -> Runtime:
    """The runtime of this process."""
    began = time.monotonic()
    fill(os.environ, read_secret(os.environ.get("AWS_REGION", "eu-west-1")))
    settings = load(PaymentSettings)
    logs.configure(SERVICE, settings.log_level)
    made = Runtime(settings)
    log.info("runtime made", ms=round((time.monotonic() - began) * 1000))
    return made


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Lambda's entry: what is to come again, by message id; or the answer to a call back."""
    if callback.is_callback(event):
        return runtime().called_back(event)
    seconds = max(context.get_remaining_time_in_millis() / 1000 - LAST_WORDS_SECONDS, 0.1)
    return runtime().invoke(event, seconds)
