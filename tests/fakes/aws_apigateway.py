"""An HTTP API with one stage that has limits."""

from __future__ import annotations

import copy
from typing import Any

from cloudcafe_operator.errors import NotFound

FAULTS = {"apiGatewayThrottle": {"selector": {"names": ["cloudcafe-payments"]}}}
LIMITS = {"ThrottlingRateLimit": 50.0, "ThrottlingBurstLimit": 100}


class Stages:
    """The stage $default of API a1."""

    def __init__(self) -> None:
        self.stage: dict[str, Any] | None = {
            "StageName": "$default",
            "Tags": {"cloudcafe.dev/chaos": "allowed"},
            "DefaultRouteSettings": {**LIMITS, "DetailedMetricsEnabled": True},
        }
        self.lowered = 0

    @property
    def settings(self) -> dict[str, Any]:
        """The stage's default route settings."""
        found: dict[str, Any] = self._known()["DefaultRouteSettings"]
        return found

    def apis(self) -> dict[str, Any]:
        """GetApis."""
        return {"Items": [{"ApiId": "a1", "Name": "cloudcafe-payments"}]}

    def stages(self, ApiId: str) -> dict[str, Any]:
        """GetStages."""
        return {"Items": [self._known()]}

    def get(self, ApiId: str, StageName: str) -> dict[str, Any]:
        """GetStage."""
        return self._known()

    def update(self, ApiId: str, StageName: str, DefaultRouteSettings: Any) -> dict[str, Any]:
        """UpdateStage: the settings are replaced whole."""
        self.lowered += DefaultRouteSettings["ThrottlingRateLimit"] < LIMITS["ThrottlingRateLimit"]
        self._known()["DefaultRouteSettings"] = DefaultRouteSettings
        return {}

    def state(self) -> dict[str, Any]:
        """What must be as before."""
        return copy.deepcopy(self.stage or {})

    def injections(self) -> dict[str, int]:
        """How often its limits were lowered."""
        return {"apiGatewayThrottle": self.lowered}

    def _known(self) -> dict[str, Any]:
        if self.stage is None:
            raise NotFound("NotFoundException")
        return self.stage


def build(world: Any) -> Stages:
    """Answer the calls of a world."""
    stages = Stages()
    world.aws.on("apigatewayv2", "get_apis", stages.apis)
    world.aws.on("apigatewayv2", "get_stages", stages.stages)
    world.aws.on("apigatewayv2", "get_stage", stages.get)
    world.aws.on("apigatewayv2", "update_stage", stages.update)
    return stages
