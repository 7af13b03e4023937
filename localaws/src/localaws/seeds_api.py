"""The HTTP API at which the card provider calls back, as terraform/modules/serverless makes it."""

from __future__ import annotations

from localaws.seed import TAGS, Seed

API, STAGE = "payments", "$default"
ROUTE = "POST /provider/callbacks"


def api() -> list[Seed]:
    """The API with its stage and its route; the tag gives it an id that is known beforehand."""
    made = {
        "name": "cloudcafe-payments",
        "protocolType": "HTTP",
        "tags": {**TAGS, "ms-custom-id": API},
    }
    stage = {
        "stageName": STAGE,
        "autoDeploy": True,
        "defaultRouteSettings": {
            "throttlingRateLimit": 50,
            "throttlingBurstLimit": 100,
            "detailedMetricsEnabled": True,
        },
        "tags": TAGS,
    }
    at = f"POST /v2/apis/{API}"
    return [
        Seed("apigateway", "POST /v2/apis", made, "already in use"),
        Seed("apigateway", f"{at}/stages", stage, completes=True),
        Seed("apigateway", f"{at}/routes", {"routeKey": ROUTE}, completes=True),
    ]
