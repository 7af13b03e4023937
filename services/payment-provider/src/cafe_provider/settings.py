"""Settings of the payment provider, read from the environment by `__main__`."""

from pathlib import Path

from cafe_kit.settings import KitSettings


class ProviderSettings(KitSettings):
    """The stand-in for a card provider. Its callers' key is the service token."""

    provider_data: Path = Path("/var/lib/payment-provider")
    """The folder of the SQLite file."""
    request_timeout_seconds: float = 75.0
    """Longer than the longest hang that a fault may ask for."""
    max_in_flight: int = 4096
    """Hanging requests are many at once, and that is the point of them."""
