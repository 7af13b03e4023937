"""Every service's OpenAPI is generated without a warning and says what it refuses."""

import warnings

import pytest
from cafe_inventory import app as inventory
from cafe_inventory.settings import InventorySettings
from cafe_kit.settings import load
from cafe_menu import app as menu
from cafe_menu.settings import MenuSettings
from cafe_order import app as order
from cafe_order.settings import DatabaseSettings, OrderSettings

TOKEN = "service-token-for-tests"


@pytest.fixture(params=["order", "menu", "inventory"])
async def application(request):
    if request.param == "order":
        built = order.build(OrderSettings(service_token=TOKEN))
    elif request.param == "menu":
        built = menu.build(MenuSettings(service_token=TOKEN, documentdb_url="mongodb://x:1"))
    else:
        built = inventory.build(InventorySettings(service_token=TOKEN))
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
