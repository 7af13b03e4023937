"""Settings of the menu service, read from the environment by `__main__`."""

from cafe_kit.settings import KitSettings
from pydantic import Field, SecretStr


class MenuSettings(KitSettings):
    """The menu service."""

    documentdb_url: SecretStr
    documentdb_database: str = "cafe"
    documentdb_connections: int = 32

    cache_url: SecretStr | None = None
    """Redis, e.g. ElastiCache; without it every menu is read of the database."""
    cache_connections: int = 32
    cache_timeout_seconds: float = Field(default=0.2, gt=0)
    """A cache that answers later than the database would is of no use."""
    menu_fresh_seconds: float = Field(default=30.0, gt=0)
    menu_stale_seconds: float = Field(default=900.0, gt=0)

    max_body_bytes: int = 256 * 1024
    """The largest menu that the rules allow, in plain letters."""
