"""Settings that every service shares.

Each service subclasses `KitSettings` in its own `settings.py`, the only reader of the environment.
A missing or wrong variable stops the start with a sentence that names it; a missing *dependency*
never does (see `health.py`).
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from cafe_kit.mounted_secret import MountedSecret

PREFIX = "CAFE_"


class KitSettings(BaseSettings):
    """Environment of any service, prefix `CAFE_`; AWS's own variables keep their names."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    service_token: SecretStr = Field(min_length=16)
    log_level: str = "info"
    bind_host: str = "0.0.0.0"  # noqa: S104 - a pod is reached on its own address
    public_port: int = 8080
    admin_port: int = 9090

    request_timeout_seconds: float = 8.0
    max_body_bytes: int = 64 * 1024
    max_in_flight: int = 512

    drain_delay_seconds: float = 4.0
    """Unready before the listener closes, so that no new connection is routed here."""
    drain_timeout_seconds: float = 10.0
    isolation_grace_seconds: float = 10.0

    aws_region: Annotated[
        str, Field(validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))
    ] = "eu-west-1"
    aws_threads: int = 16

    cloudwatch_seconds: float = 30.0
    """How often the business metrics go to CloudWatch."""

    secrets_folder: Path | None = None
    """Where the stores' Secrets are mounted, each value in a file named as its variable."""

    def current(self, name: str) -> Callable[[], str]:
        """Return what tells a secret setting as it is now; see `mounted_secret.py`."""
        value = getattr(self, name)
        folder = self.secrets_folder
        file = None if folder is None else folder / f"{PREFIX}{name.upper()}"
        return MountedSecret(file, value.get_secret_value())


AnySettings = TypeVar("AnySettings", bound=KitSettings)


def load(settings: type[AnySettings]) -> AnySettings:
    """Read the environment once, at the start.

    Raises:
        SystemExit: status 2, after one line for each variable that is missing or wrong.
    """
    try:
        return settings()
    except ValidationError as error:
        for problem in error.errors():
            variable = ".".join(str(part) for part in problem["loc"]).upper()
            name = variable if variable.startswith("AWS_") else f"{PREFIX}{variable}"
            sys.stderr.write(f"{name}: {problem['msg']}. Set it in the environment.\n")
        raise SystemExit(2) from error
