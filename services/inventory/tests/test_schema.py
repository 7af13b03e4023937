"""Schemathesis over the OpenAPI: whatever callers send, they get only what is documented."""

import pytest
import schemathesis
from cafe_inventory.endpoints import router
from cafe_inventory.fakes import FakeStock
from cafe_inventory.models import MAX_BATCH
from cafe_inventory.settings import InventorySettings
from cafe_kit.app import build_application
from cafe_kit.wire import MAX_LINES, MAX_QUANTITY
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from .conftest import Clock, Inventory

TOKEN = "service-token-for-tests"
OPERATIONS = 13


@pytest.fixture(scope="module")
def schema():
    stock = FakeStock()
    inventory = Inventory(stock, stock, Clock())
    limits = InventorySettings(service_token=TOKEN)
    application = build_application("inventory", "t", limits, [router])
    application.public.state.service = inventory.service
    application.public.state.ledger = inventory.ledger
    return schemathesis.openapi.from_asgi("/openapi.json", application.public)


@pytest.mark.parametrize("index", range(OPERATIONS))
def test_only_what_is_documented_is_answered(schema, index):
    operation = [result.ok() for result in schema.get_all_operations()][index]

    @settings(
        max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(case=operation.as_strategy())
    def call(case):
        # what spans fields (a window's order, an item named twice) has 422, which is documented
        case.call_and_validate(
            headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=[positive_data_acceptance]
        )

    call()


def test_all_operations_are_tried(schema):
    assert len(list(schema.get_all_operations())) == OPERATIONS


def test_a_batch_of_the_largest_orders_fits_into_the_body_that_the_service_takes():
    line = f'{{"sku":"{"s" * 64}","quantity":{MAX_QUANTITY}}},'
    rest_of_an_order = 400
    most = (len(line) * MAX_LINES + rest_of_an_order) * MAX_BATCH
    assert most < InventorySettings(service_token=TOKEN).max_body_bytes
