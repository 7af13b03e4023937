"""Schemathesis over the OpenAPI: what callers can send gets only what is documented."""

import pytest
import schemathesis
from cafe_kit.app import build_application
from cafe_kit.settings import KitSettings
from cafe_menu.endpoints import router
from cafe_menu.fakes import FakeMenus
from cafe_menu.service import MenuService
from hypothesis import HealthCheck, settings

from services.menu.tests.conftest import SERVICE, TOKEN


@pytest.fixture(scope="module")
def schema():
    application = build_application("menu", "menu", KitSettings(service_token=TOKEN), [router])
    application.public.state.service = MenuService(FakeMenus())
    return schemathesis.openapi.from_asgi("/openapi.json", application.public)


api = schemathesis.pytest.from_fixture("schema")


@api.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_only_what_is_documented_is_answered(case):
    case.call_and_validate(headers=SERVICE)
