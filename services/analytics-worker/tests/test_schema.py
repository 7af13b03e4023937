"""Whatever is asked, the answer is one that the published schema announces."""

import pytest
import schemathesis
from cafe_analytics.app import build
from cafe_analytics.fakes import batch, life
from cafe_analytics.settings import AnalyticsSettings
from cafe_kit.fakes import FakeAws
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

TOKEN = "service-token-for-tests"
APPLICATION = build(AnalyticsSettings(service_token=TOKEN), FakeAws())
SCHEMA = schemathesis.openapi.from_dict(APPLICATION.public.openapi())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@pytest.fixture
async def client(open_worker, warehouse, sink):
    """The worker on a real PostgreSQL with an order to tell of."""
    await sink.absorb(batch(life()))
    async with open_worker(warehouse.dsn) as (_, opened):
        yield opened


def test_all_operations_are_asked():
    assert len(OPERATIONS) == 5


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(case=st.one_of(*(operation.as_strategy() for operation in OPERATIONS)))
async def test_every_answer_is_as_the_schema_says(client, case):
    request = case.as_transport_kwargs(base_url="http://analytics")
    # what schemathesis makes up as credentials goes as it is; the rest is asked by the platform
    headers = {"authorization": f"Bearer {TOKEN}"}
    headers |= {name.lower(): value for name, value in request["headers"].items()}
    response = await client.get(request["url"], params=request.get("params"), headers=headers)
    assert response.status_code < 500, response.text
    case.validate_response(response)
