"""Every service's OpenAPI is generated without a warning and says what it refuses."""

import warnings

import pytest
from cafe_analytics import app as analytics
from cafe_analytics.settings import AnalyticsSettings
from cafe_inventory import app as inventory
from cafe_inventory.settings import InventorySettings
from cafe_kit.settings import load
from cafe_loyalty import app as loyalty
from cafe_loyalty.settings import LoyaltySettings
from cafe_menu import app as menu
from cafe_menu.settings import MenuSettings
from cafe_order import app as order
from cafe_order.settings import DatabaseSettings, OrderSettings
from cafe_payments import app as payments
from cafe_payments.settings import PaymentSettings
from cafe_provider import app as provider
from cafe_provider.settings import ProviderSettings
from cafe_storefront import app as storefront
from cafe_storefront.settings import StorefrontSettings

TOKEN = "service-token-for-tests"


BUILDS = {
    "order": lambda _: order.build(OrderSettings(service_token=TOKEN)),
    "menu": lambda _: menu.build(MenuSettings(service_token=TOKEN, documentdb_url="mongodb://x:1")),
    "inventory": lambda _: inventory.build(InventorySettings(service_token=TOKEN)),
    "loyalty": lambda _: loyalty.build(
        LoyaltySettings(service_token=TOKEN, memorydb_url="redis://x:1/0")
    ),
    "payment-processor": lambda _: payments.build(PaymentSettings(service_token=TOKEN)),
    "payment-provider": lambda folder: provider.build(
        ProviderSettings(service_token=TOKEN, provider_data=folder)
    ),
    "analytics-worker": lambda _: analytics.build(
        AnalyticsSettings(service_token=TOKEN, redshift_url="postgresql://x:1/analytics")
    ),
    "storefront": lambda _: storefront.build(StorefrontSettings(service_token=TOKEN)),
}


@pytest.fixture(params=BUILDS)
async def application(request, tmp_path):
    built = BUILDS[request.param](tmp_path)
    yield built
    for closer in built.closers:
        await closer()


async def test_the_schema_is_generated_without_warnings(application):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schema = application.public.openapi()
    operations = [
        operation
        for path in schema["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
    ]
    assert operations
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation.get("description")
        problem = operation["responses"]["422"]["content"]["application/problem+json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/Problem"}


async def test_building_a_service_connects_to_nothing(application):
    assert not application.health.started


def test_a_missing_variable_is_named(monkeypatch, capsys):
    monkeypatch.delenv("CAFE_SERVICE_TOKEN", raising=False)
    with pytest.raises(SystemExit) as stop:
        load(InventorySettings)
    assert stop.value.code == 2
    assert "CAFE_SERVICE_TOKEN" in capsys.readouterr().err


def test_the_dsn_is_made_of_the_secrets_parts(monkeypatch):
    monkeypatch.setenv("CAFE_DATABASE_HOST", "db")
    monkeypatch.setenv("CAFE_DATABASE_PASSWORD", "p@ss/word")
    assert DatabaseSettings().dsn == "postgresql://cafe:p%40ss%2Fword@db:5432/cafe"
