"""Settings of the payment processor, read by `__main__` and by the Lambda handler."""

from cafe_kit.settings import KitSettings
from pydantic import SecretStr


class PaymentSettings(KitSettings):
    """The payment processor, in a container or as a Lambda."""

    payments_queue: str = "cloudcafe-payments.fifo"
    payment_results_queue: str = "cloudcafe-payment-results.fifo"
    payments_table: str = "cloudcafe-payments"
    payment_provider_url: str = "http://payment-provider:8080"
    provider_key: SecretStr | None = None
    """The merchant's key; the stand-in takes the service token."""

    takes_messages: bool = True
    """False where a Lambda takes them: then the container only serves what others ask."""
    batches: int = 4
    """How many batches of ten are handled at a time."""
    call_seconds: float = 5.0
    """The longest that one call to the provider may take, retries included."""
    lease_seconds: float = 20.0
    """How long a delivery owns an order after each write; longer than one call."""
    provider_longest_seconds: float = 30.0
    """ASSUMPTION: what was sent to the provider has been charged by then, or never will be.

    Only a provider that also forgets idempotency keys makes us depend on it, and even then a late
    charge is an authorisation that is never captured: the ledger names the one charge of an order.
    """
    declines_per_minute: int = 20
    """More in one store look like somebody trying out stolen cards."""

    @property
    def merchant_key(self) -> str:
        """What the provider knows us by."""
        return (self.provider_key or self.service_token).get_secret_value()
