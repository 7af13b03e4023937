"""When an experiment is run again and again. Part of ChaosExperiment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator

from cloudcafe_operator.resources.common import Model
from cloudcafe_operator.resources.duration import Duration
from cloudcafe_operator.resources.text import Zone

ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


class Schedule(Model):
    """Starts by the clock, as a CronJob's."""

    cron: str = Field(
        pattern=r"^[^ ]+( [^ ]+){4}$",
        max_length=100,
        description="Five fields: minute, hour, day of month, month, day of week. "
        "0 10 * * 1-5 is ten o'clock on workdays.",
    )
    time_zone: Zone = Field(
        default="UTC", max_length=64, description="By whose clock, for example Europe/Lisbon."
    )
    concurrency_policy: Literal["Forbid", "Allow", "Replace"] = Field(
        default="Forbid",
        description="When the run before is not over: Forbid waits for its end, Allow starts "
        "beside it, Replace undoes and removes it first.",
    )
    starting_deadline: Duration = Field(
        default="10m", description="How late a start may be made up for; then it is missed."
    )

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        try:
            CronSim(value, ANY_TIME)
        except CronSimError as problem:
            raise ValueError(f"{problem} in {value!r}: write for example 0 10 * * 1-5") from None
        return value
