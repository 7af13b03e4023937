"""Settings of the loyalty service, read from the environment by `__main__`."""

from cafe_kit.settings import KitSettings
from pydantic import Field, SecretStr


class LoyaltySettings(KitSettings):
    """The loyalty service."""

    memorydb_url: SecretStr
    memorydb_connections: int = 32

    order_stream: str = "cloudcafe-order-events"
    loyalty_dead_letters: str = "cloudcafe-loyalty-dlq"
    stream_lease_seconds: float = Field(default=10.0, ge=1)
    """How long the other replicas wait for one that died before one of them reads the stream."""
