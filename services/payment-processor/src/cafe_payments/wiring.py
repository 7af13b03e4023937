"""What the container and the Lambda have in common; without the web framework."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import httpx
from cafe_kit.aws import AwsCalls
from cafe_kit.clients import neighbour

from cafe_payments.guard import CardTestingGuard
from cafe_payments.holdoff import HoldOff
from cafe_payments.models import Bounds
from cafe_payments.provider import HttpProvider
from cafe_payments.repository import DynamoLedger
from cafe_payments.results import SqsResults
from cafe_payments.service import Payments
from cafe_payments.settings import PaymentSettings

CONNECTIONS = 64


class Business(Protocol):
    """Business metrics: CloudWatch's in the container, log lines in Lambda."""

    def count(self, name: str, value: float = 1.0) -> None:
        """Something happened."""
        ...

    def time(self, name: str, seconds: float) -> None:
        """Something took this long."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """A payment processor without its way in."""

    payments: Payments
    ledger: DynamoLedger
    provider: HttpProvider
    results: SqsResults
    hold_off: HoldOff


def assemble(
    settings: PaymentSettings,
    aws: AwsCalls,
    business: Business,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Parts:
    """All parts; nothing is connected yet. `transport` is how tests reach a provider in process."""
    hold_off = HoldOff()
    client = neighbour(
        settings.payment_provider_url,
        settings.merchant_key,
        connections=CONNECTIONS,
        transport=transport,
    )
    provider = HttpProvider(client, settings.call_seconds, business, hold_off)
    ledger = DynamoLedger(aws, settings.payments_table)
    payments = Payments(
        ledger,
        provider,
        Bounds(
            call=timedelta(seconds=settings.call_seconds),
            lease=timedelta(seconds=settings.lease_seconds),
            provider_longest=timedelta(seconds=settings.provider_longest_seconds),
        ),
        guard=CardTestingGuard(settings.declines_per_minute, business.count),
        counts=business,
    )
    results = SqsResults(aws, settings.payment_results_queue)
    return Parts(payments, ledger, provider, results, hold_off)
