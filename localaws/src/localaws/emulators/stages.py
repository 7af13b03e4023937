"""The stage of the cafe's HTTP API inside ministack; contract tests pin the fields used."""

# ruff: noqa: SLF001 - the package has no public way to read it

from __future__ import annotations

import importlib

from localaws.edge.api import Stage
from localaws.seeds_api import API, STAGE
from localaws.settings import ACCOUNT


def read(region: str) -> Stage | None:
    """Return limits and routes as they are now; None where there is no such stage."""
    gateway = importlib.import_module("ministack.services.apigateway")
    stages = gateway._stages.get_scoped(ACCOUNT, region, API) or {}
    stage = stages.get(STAGE)
    if stage is None:
        return None
    settings = stage.get("defaultRouteSettings") or {}
    routes = gateway._routes.get_scoped(ACCOUNT, region, API) or {}
    return Stage(
        float(settings.get("throttlingRateLimit", 10_000)),  # the account's own, where none is set
        float(settings.get("throttlingBurstLimit", 5_000)),
        frozenset(each["routeKey"] for each in routes.values()),
    )
