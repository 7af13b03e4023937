"""Each service's book is the one that the audit reads, as far as their schemas can tell."""

import os
from unittest.mock import patch

import pytest
from cafe_analytics import app as analytics
from cafe_analytics.settings import AnalyticsSettings
from cafe_inventory import app as inventory
from cafe_inventory.settings import InventorySettings
from cafe_kit.settings import load
from cafe_ledger.entries import (
    Charge,
    Grant,
    Hold,
    Level,
    Movements,
    Order,
    Page,
    Payment,
    SalesRow,
)
from cafe_loyalty import app as loyalty
from cafe_loyalty.settings import LoyaltySettings
from cafe_order import app as order
from cafe_order.settings import OrderSettings
from cafe_payments import app as payments
from cafe_payments.settings import PaymentSettings
from cafe_provider import app as provider
from cafe_provider.settings import ProviderSettings

BOOKS = [
    pytest.param(order, OrderSettings, "/ledger", Page[Order], id="order"),
    pytest.param(inventory, InventorySettings, "/ledger", Movements, id="inventory"),
    pytest.param(inventory, InventorySettings, "/ledger/levels", Page[Level], id="levels"),
    pytest.param(inventory, InventorySettings, "/ledger/holds", Page[Hold], id="holds"),
    pytest.param(payments, PaymentSettings, "/ledger", Page[Payment], id="payment-processor"),
    pytest.param(provider, ProviderSettings, "/ledger", Page[Charge], id="payment-provider"),
    pytest.param(loyalty, LoyaltySettings, "/ledger", Page[Grant], id="loyalty"),
    pytest.param(analytics, AnalyticsSettings, "/ledger", Page[SalesRow], id="analytics-worker"),
]
ENVIRONMENT = {
    "CAFE_SERVICE_TOKEN": "a-token-for-the-contract-tests",
    "CAFE_MEMORYDB_URL": "redis://127.0.0.1:1/0",
    "CAFE_REDSHIFT_URL": "postgresql://127.0.0.1:1/analytics",
}


def openapi(module, settings, folder):
    with patch.dict(os.environ, ENVIRONMENT | {"CAFE_PROVIDER_DATA": str(folder)}):
        return module.build(load(settings)).public.openapi()


def resolved(document, schema):
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def types(document, schema):
    """The JSON types that a schema allows; an enum's are strings here."""
    schema = resolved(document, schema)
    if "anyOf" in schema:
        return set().union(*(types(document, one) for one in schema["anyOf"]))
    return {schema.get("type", "string")}


def compare(document, given, expected_document, expected, place):
    given, expected = resolved(document, given), resolved(expected_document, expected)
    for name in expected.get("required", ()):
        assert name in given["properties"], f"{place} lacks {name}"
        assert name in given.get("required", ()), f"{place}.{name} may be missing"
    for name, wanted in expected["properties"].items():
        if name not in given["properties"]:
            continue
        got = given["properties"][name]
        allowed = types(expected_document, wanted)
        assert types(document, got) <= allowed, f"{place}.{name}: {got}"
        if "array" in allowed:
            items = resolved(document, got)["items"], resolved(expected_document, wanted)["items"]
            compare(document, items[0], expected_document, items[1], f"{place}.{name}[]")


@pytest.mark.parametrize(("module", "settings", "path", "page"), BOOKS)
def test_a_book_is_written_as_the_audit_reads_it(module, settings, path, page, tmp_path):
    document = openapi(module, settings, tmp_path)
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    expected = page.model_json_schema()
    expected = {"components": {"schemas": expected.pop("$defs")}, **expected}
    compare(document, answer["schema"], expected, expected, path)


@pytest.mark.parametrize(("module", "settings", "path", "page"), BOOKS)
def test_a_book_is_asked_for_by_time_and_store_and_page(module, settings, path, page, tmp_path):
    document = openapi(module, settings, tmp_path)
    asked = {one["name"] for one in document["paths"][path]["get"]["parameters"]}
    wanted = {"storeId", "limit", "cursor"} | ({"from", "until"} if path == "/ledger" else set())
    assert wanted <= asked
