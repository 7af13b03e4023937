"""Schemathesis over the OpenAPI: whatever callers send, they get only what is documented."""

import tempfile
from pathlib import Path

import schemathesis
from cafe_provider.app import build
from cafe_provider.settings import ProviderSettings
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    negative_data_rejection,
    positive_data_acceptance,
)

TOKEN = "service-token-for-tests"
FOLDER = tempfile.TemporaryDirectory(prefix="cafe-provider-", ignore_cleanup_errors=True)

application = build(ProviderSettings(service_token=TOKEN, provider_data=Path(FOLDER.name) / "data"))
schema = schemathesis.openapi.from_asgi("/openapi.json", application.public)


@schema.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_only_what_is_documented_is_answered(case):
    # a fault that hangs is documented too, and would hang here
    if case.method == "PUT" and isinstance(case.body, dict):
        case.body = {**case.body, "hangSeconds": 0, "latencyMs": 0}
    # what no schema can say: which cursors this service made; that unknown names in a query mean
    # nothing; and a 405 names the methods of one of the path's routes (Starlette)
    excluded = [allow_header_conformance]
    query = set(case.query or {})
    # nor which keys made another charge before; and 394.0 is an integer to JSON Schema alone
    values = case.body.values() if isinstance(case.body, dict) else ()
    whole_floats = any(isinstance(value, float) and value.is_integer() for value in values)
    if "cursor" in query or "Idempotency-Key" in (case.headers or {}) or whole_floats:
        excluded.append(positive_data_acceptance)
    if query - {"from", "until", "storeId", "limit", "cursor", "reference"}:
        excluded.append(negative_data_rejection)
    case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=excluded)
