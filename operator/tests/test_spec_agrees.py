"""What the operator admits of a store's spec is what the services take of it."""

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest
from cafe_inventory.models import ParInput
from cafe_menu.models import MenuInput
from cafe_order.models import StoreInput
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.planning.opening import timetable
from cloudcafe_operator.planning.store_wanted import wanted_store
from cloudcafe_operator.planning.store_world import Identity, Platform
from cloudcafe_operator.resources.common import parse
from cloudcafe_operator.resources.store import CafeStoreSpec, example
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import odd
from tests.fakes.stores import CLUSTER

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PLATFORM = Platform("http://order", "http://menu", "http://inventory", "eu-west-1", CLUSTER)


def wanted(fields):
    """What the services are told of a store; UserError where the operator refuses it."""
    spec = parse(CafeStoreSpec, example()["spec"] | fields)
    who = Identity("lisbon", "corner", "uid-1", "")
    return wanted_store(spec, who, PLATFORM, timetable(spec, NOW))


def admitted(fields):
    try:
        return wanted(fields)
    except UserError:
        return None


def taken(found):
    """Raise where a service refuses what it is told."""
    StoreInput.model_validate(found.store)
    MenuInput.model_validate(found.menu)
    ParInput.model_validate(found.stock)


def parts(value):
    """The spec's texts as the services know them: alone, beside what is in order."""
    yield {"city": value}
    yield {"timezone": value}
    yield {"currency": value}
    yield {"menu": [odd.item(name=value)]}
    yield {"menu": [odd.item(category=value)]}
    yield {"menu": [odd.item(sku=value)]}


@pytest.mark.parametrize("fields", odd.specs(), ids=repr)
def test_the_services_take_every_odd_value_that_the_operator_admits(fields):
    if (found := admitted(fields)) is not None:
        taken(found)


@given(st.text(max_size=8) | st.sampled_from(sorted(available_timezones())))
def test_the_services_take_every_text_that_the_operator_admits(value):
    for fields in parts(value):
        if (found := admitted(fields)) is not None:
            taken(found)


def test_every_zone_of_the_database_is_admitted():
    refused = {zone for zone in available_timezones() if admitted({"timezone": zone}) is None}
    assert refused <= {"localtime"}  # the machine's own, where it has one


@pytest.mark.parametrize("zone", ["+02:00", "Local", "posix/Europe/Lisbon", "right/UTC", "UTC\n"])
def test_what_not_every_reader_knows_as_a_zone_is_refused(zone):
    with pytest.raises(UserError, match="for example Europe/Lisbon"):
        wanted({"timezone": zone})


def test_a_latency_in_seconds_is_refused_with_how_it_is_written():
    with pytest.raises(UserError, match="1s is written 1000ms"):
        wanted({"slo": {"latencyP99": "1s"}})


def test_a_line_break_is_refused_where_the_services_would():
    for fields in ({"city": "Lis\nbon"}, {"menu": [odd.item(name="Tea\n")]}):
        with pytest.raises(UserError, match="take out line breaks"):
            wanted(fields)
