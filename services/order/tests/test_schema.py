"""Schemathesis over the OpenAPI, on a real database: only what is documented is answered."""

import asyncio

import httpx
import pytest
import schemathesis
from cafe_order.app import Neighbours, build
from cafe_order.fake_neighbours import CafeAws, FakeInventory
from cafe_order.settings import OrderSettings
from hypothesis import HealthCheck, given, settings
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from services.order.tests.conftest import SERVICE, TOKEN

MENU = {"currency": "EUR", "items": [{"sku": "0", "name": "Nothing", "priceMinor": 1}]}


@pytest.fixture
def answer(postgres):
    """Calls an application that serves, but has no workers; in one event loop of its own."""
    with asyncio.Runner() as runner:
        database = runner.run(postgres.emptied())
        neighbours = Neighbours(
            menu=httpx.MockTransport(lambda _request: httpx.Response(200, json=MENU)),
            inventory=FakeInventory().transport,
            aws=CafeAws(),
        )
        application = build(
            OrderSettings(service_token=TOKEN, database_url=postgres.dsn(database)), neighbours
        )
        transport = httpx.ASGITransport(application.public)
        client = httpx.AsyncClient(transport=transport, base_url="http://order")

        def call(case):
            request = case.as_transport_kwargs(base_url="http://order", headers=SERVICE)
            content = request.pop("data", None)
            request.pop("cookies")  # we take none
            return runner.run(client.request(**request, content=content))

        yield application, call
        runner.run(client.aclose())
        for closer in application.closers:
            runner.run(closer())


def test_only_what_is_documented_is_answered(answer):
    application, call = answer
    schema = schemathesis.openapi.from_asgi("/openapi.json", application.public)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 10
    for operation in operations:

        @settings(
            max_examples=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        )
        @given(case=operation.as_strategy())
        def check(case):
            response = call(case)
            # what no schema can say: an item named twice, 25.0 cups, a cursor made up; and who
            # may call has tests of its own
            beyond = [positive_data_acceptance, ignored_auth]
            case.validate_response(
                Response.from_httpx(response, verify=False), excluded_checks=beyond
            )

        check()
