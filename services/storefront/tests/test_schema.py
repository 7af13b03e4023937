"""Schemathesis over the OpenAPI: what callers can send gets only what is documented."""

import json

import httpx
import schemathesis
from cafe_kit.fakes import FakeAws
from cafe_storefront.app import Neighbours, build
from cafe_storefront.settings import StorefrontSettings
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from services.order.tests.conftest import SERVICE, STORE, TOKEN

ORDER = {
    "id": "00000000-0000-7000-8000-000000000001",
    "storeId": "corner",
    "status": "placed",
    "currency": "EUR",
    "totalMinor": 180,
    "lines": [],
    "placedAt": "2026-12-01T07:00:00Z",
}


def order_service(request):
    """Any store is there, and any order."""
    if request.url.path.startswith("/stores/"):
        queue = "http://sqs/0/cloudcafe-default_corner-orders.fifo"
        return httpx.Response(200, json={**STORE, "id": "corner", "ticketsQueue": queue})
    placed = request.url.path == "/orders"
    return httpx.Response(201 if placed else 200, text=json.dumps(ORDER))


def menu_service(request):
    if request.url.path == "/menus":
        return httpx.Response(200, json={"menus": [{"storeId": "corner"}], "next": None})
    return httpx.Response(200, json={"storeId": "corner", "currency": "EUR", "items": []})


APPLICATION = build(
    StorefrontSettings(service_token=TOKEN),
    Neighbours(
        menu=httpx.MockTransport(menu_service),
        order=httpx.MockTransport(order_service),
        aws=FakeAws(),
    ),
)
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APPLICATION.public)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


def test_the_board_asks_for_a_key_and_the_shop_for_none():
    paths = SCHEMA.raw_schema["paths"]
    guarded = {
        path
        for path, methods in paths.items()
        for operation in methods.values()
        if operation.get("security")
    }
    assert guarded == {path for path in paths if path.startswith("/board/")}
    assert len(OPERATIONS) == 9


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(case=st.one_of(*(operation.as_strategy() for operation in OPERATIONS)))
def test_every_answer_is_as_the_schema_says(case):
    # strict: 24.0 is no integer here, which no schema can say
    case.call_and_validate(headers=SERVICE, excluded_checks=[positive_data_acceptance])
