"""Schemathesis over the OpenAPI: whatever callers send, they get only what is documented."""

import pytest
import schemathesis
from cafe_inventory.endpoints import router
from cafe_inventory.models import MAX_BATCH
from cafe_kit.app import build_application
from cafe_kit.settings import KitSettings
from hypothesis import HealthCheck, settings

from .conftest import Clock, Inventory, in_memory_table

TOKEN = "service-token-for-tests"


@pytest.fixture(scope="module")
def schema():
    stock = in_memory_table()
    inventory = Inventory(stock, stock, Clock())
    limits = KitSettings(service_token=TOKEN, max_body_bytes=1024 * 1024)
    application = build_application("inventory", "t", limits, [router])
    application.public.state.service = inventory.service
    application.public.state.ledger = inventory.ledger
    return schemathesis.openapi.from_asgi("/openapi.json", application.public)


api = schemathesis.pytest.from_fixture("schema")


@api.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_only_what_is_documented_is_answered(case):
    case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"})


def test_a_batch_of_the_largest_orders_fits_into_the_body_that_the_service_takes():
    line = '{"sku":"' + "s" * 64 + '","quantity":50},'
    order = len(line) * 50 + 500
    assert order * MAX_BATCH < 1024 * 1024
