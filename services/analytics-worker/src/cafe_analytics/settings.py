"""Settings of the analytics worker, read from the environment by `__main__` and `migrate`."""

from urllib.parse import quote

from cafe_kit.settings import PREFIX, KitSettings
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RedshiftSettings(BaseSettings):
    """Where the warehouse is; either one URL or its parts (Secret `cloudcafe-redshift`)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    redshift_url: SecretStr | None = None
    redshift_host: str = "redshift"
    redshift_port: int = 5439
    redshift_name: str = "analytics"
    redshift_user: str = "cafe"
    redshift_password: SecretStr = SecretStr("")

    @property
    def dsn(self) -> str:
        """The connection string."""
        if self.redshift_url is not None:
            return self.redshift_url.get_secret_value()
        user = quote(self.redshift_user, safe="")
        password = quote(self.redshift_password.get_secret_value(), safe="")
        return (
            f"postgresql://{user}:{password}@{self.redshift_host}:{self.redshift_port}"
            f"/{quote(self.redshift_name, safe='')}"
        )


class AnalyticsSettings(KitSettings, RedshiftSettings):
    """The analytics worker."""

    redshift_secret: str | None = None
    """ARN of the secret that AWS rotates; outside of the cluster, where no file tells of it."""

    order_stream: str = "cloudcafe-order-events"
    analytics_dead_letters: str = "cloudcafe-analytics-dlq"

    loading_connections: int = 4
    report_connections: int = 4
    load_timeout_seconds: float = 20.0
    """Of one statement of a load; a second worker's load waits that long for its turn."""
    report_timeout_seconds: float = 6.0
    """Below the request's own bound, so that a slow report is a 503 that says so."""
    poll_seconds: float = 0.5


class MigrateSettings(RedshiftSettings):
    """The migration job."""

    migrate_wait_seconds: float = 300.0
