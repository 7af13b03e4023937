"""Settings of the order service, read from the environment by `__main__` and `migrate`."""

from collections.abc import Callable
from urllib.parse import quote

from cafe_kit.settings import PREFIX, KitSettings
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL is; either one URL or its parts (Secret `cloudcafe-database`)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    database_url: SecretStr | None = None
    database_host: str = "aurora"
    database_port: int = 5432
    database_name: str = "cafe"
    database_user: str = "cafe"
    database_password: SecretStr = SecretStr("")

    @property
    def dsn(self) -> str:
        """The connection string."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        user = quote(self.database_user, safe="")
        password = quote(self.database_password.get_secret_value(), safe="")
        return (
            f"postgresql://{user}:{password}@{self.database_host}:{self.database_port}"
            f"/{quote(self.database_name, safe='')}"
        )


class OrderSettings(KitSettings, DatabaseSettings):
    """The order service."""

    database_connections: int = 16
    relay_connections: int = 20
    """Each lane of the relay, each consumer of results, and what sends parked messages again (two
    queues and two tables at a time) holds one while it works."""
    placing_writers: int = 2
    """How many merged commits may be under way at a time; more makes them smaller, not faster."""
    placing_batch: int = 64
    """The most orders in one commit."""
    most_waiting: int = 100_000
    """So many undelivered messages of earlier orders, and no new ones are taken."""

    menu_url: str = "http://menu:8080"
    inventory_url: str = "http://inventory:8080"
    order_stream: str = "cloudcafe-order-events"
    payments_queue: str = "cloudcafe-payments.fifo"
    payment_results_queue: str = "cloudcafe-payment-results.fifo"
    results_concurrency: int = 4
    orders_table: str = "cloudcafe-orders"

    menu_fresh_seconds: float = 3.0
    menu_stale_seconds: float = 120.0
    idempotency_hours: int = 48
    relay_idle_seconds: float = 1.0
    """How soon a replica finds rows that another one left behind; own rows wake it at once."""
    history_linger_seconds: float = 0.5
    """An order changes four times in a moment: its customer's list is written after it settled."""

    tickets_linger_seconds: float = 1.0
    """A call costs the same for ten tickets of a store as for one, and a coffee takes minutes."""

    @property
    def password(self) -> Callable[[], str] | None:
        """The database's password as it is now; None where the URL holds it."""
        return None if self.database_url is not None else self.current("database_password")


class MigrateSettings(DatabaseSettings):
    """The migration job."""

    migrate_wait_seconds: float = 300.0
