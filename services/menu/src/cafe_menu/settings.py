"""Settings of the menu service, read from the environment by `__main__`."""

from cafe_kit.settings import KitSettings
from pydantic import SecretStr


class MenuSettings(KitSettings):
    """The menu service."""

    documentdb_url: SecretStr
    documentdb_database: str = "cafe"
    documentdb_connections: int = 32
