"""Schemathesis over the OpenAPI: what callers can send gets only what is documented."""

import asyncio

import pytest
import schemathesis
from cafe_provider.app import build
from cafe_provider.settings import ProviderSettings
from hypothesis import HealthCheck, settings

TOKEN = "service-token-for-tests"


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    folder = tmp_path_factory.mktemp("provider")
    application = build(ProviderSettings(service_token=TOKEN, provider_data=folder))
    return schemathesis.openapi.from_asgi("/openapi.json", application.public)


api = schemathesis.pytest.from_fixture("schema")


@api.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_only_what_is_documented_is_answered(case):
    case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"})
