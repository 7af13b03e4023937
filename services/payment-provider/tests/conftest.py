"""The provider's application without sockets, on a file of its own."""

from datetime import UTC, datetime

import httpx
import pytest
from cafe_provider.app import build
from cafe_provider.settings import ProviderSettings

TOKEN = "service-token-for-tests"
PLACED = datetime(2026, 11, 22, 7, 30, tzinfo=UTC).isoformat()


def wanted(reference="o-1", **changes):
    """The body of a charge."""
    return {
        "reference": reference,
        "storeId": "corner",
        "amountMinor": 450,
        "currency": "EUR",
        "placedAt": PLACED,
        "capture": False,
    } | changes


@pytest.fixture
def charge_body():
    return wanted


@pytest.fixture
def provider_settings(tmp_path):
    return ProviderSettings(service_token=TOKEN, provider_data=tmp_path / "data")


@pytest.fixture
async def application(provider_settings):
    built = build(provider_settings)
    yield built
    for closer in built.closers:
        await closer()


@pytest.fixture
async def client(application):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application.public),
        base_url="http://provider",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as opened:
        yield opened
