"""What a store promises its guests: `spec.slo`, with defaults by tier. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from cloudcafe_operator.resources.common import Model
from cloudcafe_operator.resources.text import Milliseconds

if TYPE_CHECKING:  # it has an slo
    from cloudcafe_operator.resources.store import CafeStoreSpec

Tier = Literal["kiosk", "standard", "flagship"]
BY_TIER: Mapping[str, tuple[float, str]] = {
    "kiosk": (99.0, "2000ms"),
    "standard": (99.5, "1000ms"),
    "flagship": (99.9, "500ms"),
}


class Slo(Model):
    """What share of orders is taken, and how fast. Each promise has an alarm on CloudWatch."""

    availability: float | None = Field(
        default=None,
        ge=90,
        le=99.99,
        description="Percent of orders that do not fail for our fault. "
        "By tier: kiosk 99, standard 99.5, flagship 99.9.",
    )
    latency_p99: Milliseconds | None = Field(
        default=None,
        max_length=7,
        description="How long taking an order lasts at most, for 99 of 100; for example 800ms. "
        "By tier: kiosk 2000ms, standard 1000ms, flagship 500ms.",
    )


@dataclass(frozen=True, slots=True)
class Objectives:
    """The promises of one store, with the defaults in."""

    availability: float  # percent
    latency_p99_s: float


def objectives(spec: CafeStoreSpec) -> Objectives | None:
    """Return what a store promises; a kiosk promises nothing unless its spec has an slo."""
    if spec.slo is None and spec.tier == "kiosk":
        return None
    slo = spec.slo or Slo()
    availability, latency = BY_TIER[spec.tier]
    said = slo.latency_p99 or latency
    return Objectives(slo.availability or availability, int(said.removesuffix("ms")) / 1000)
