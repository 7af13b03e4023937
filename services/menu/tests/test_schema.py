"""Schemathesis over the OpenAPI: what callers can send gets only what is documented."""

import schemathesis
from cafe_kit.app import build_application
from cafe_menu.endpoints import router
from cafe_menu.fakes import FakeMenus
from cafe_menu.service import MenuService
from cafe_menu.settings import MenuSettings
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from services.menu.tests.conftest import SERVICE, TOKEN

APPLICATION = build_application(
    "menu", "menu", MenuSettings(service_token=TOKEN, documentdb_url="mongodb://x:1"), [router]
)
APPLICATION.public.state.service = MenuService(FakeMenus())
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APPLICATION.public)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


def test_all_operations_are_asked():
    assert len(OPERATIONS) == 5


def test_a_menu_is_everybodys_and_nothing_else_is():
    paths = SCHEMA.raw_schema["paths"]
    public = {
        (method, path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if {} in operation["security"]
    }
    assert public == {("get", "/stores/{store_id}/menu")}


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(case=st.one_of(*(operation.as_strategy() for operation in OPERATIONS)))
def test_every_answer_is_as_the_schema_says(case):
    # no schema can say which cursors this service made, nor that a season must have a length
    made_up = "cursor" in (case.query or {}) or case.method == "PUT"
    case.call_and_validate(
        headers=SERVICE, excluded_checks=[positive_data_acceptance] if made_up else []
    )
