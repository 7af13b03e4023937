"""Two stores never share a name of anything, however their own names run into each other."""

import re

import pytest
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_alarms import every_name as alarms
from cloudcafe_operator.planning.store_dashboards import FLEET, dashboard_name
from cloudcafe_operator.planning.store_world import Identity
from hypothesis import example, given
from hypothesis import strategies as st

SQS = re.compile(r"[A-Za-z0-9_-]+\.fifo")
WORD = st.text("ab", min_size=1, max_size=24)
LONGEST = 63  # of a namespace and of a store


def names(namespace, name):
    """Return everything on AWS that is named after a store, each once."""
    identity = Identity(namespace, name, "uid")
    return [
        naming.order_queue(namespace, name),
        naming.dead_letter_queue(namespace, name),
        naming.secret(namespace, name),
        naming.table(namespace, name),
        *alarms(identity),
        dashboard_name(identity),
    ]


@st.composite
def split_twice(draw):
    """Two stores whose namespaces and names, one after the other, are the same words."""
    words = draw(st.lists(WORD, min_size=3, max_size=12))
    first, second = draw(st.sets(st.integers(1, len(words) - 1), min_size=2, max_size=2))
    stores = [("-".join(words[:at]), "-".join(words[at:])) for at in (first, second)]
    return [
        (namespace[:LONGEST].strip("-"), name[:LONGEST].strip("-")) for namespace, name in stores
    ]


@given(split_twice())
@example([("a-b", "c"), ("a", "b-c")])
@example([("a" * 63, "b" * 62 + "c"), ("a" * 63, "b" * 62 + "d")])
@example([("a-orders-dlq", "b"), ("a", "b-orders-dlq")])
def test_different_stores_never_share_a_name(stores):
    one, other = stores
    if one != other:
        assert not {*names(*one)} & {*names(*other)}


@given(split_twice())
def test_a_store_has_a_name_for_each_thing_and_none_is_the_fleets(stores):
    found = [*names(*stores[0]), FLEET]
    assert len({*found}) == len(found)


@pytest.mark.parametrize("namespace", ["a" * 63, "a" * 40, "a"])
@pytest.mark.parametrize("name", ["b" * 63, "b" * 30, "b"])
def test_a_queues_name_is_one_that_sqs_takes(namespace, name):
    for queue in (naming.order_queue(namespace, name), naming.dead_letter_queue(namespace, name)):
        assert SQS.fullmatch(queue)
        assert len(queue) <= 80


def test_a_name_that_had_to_be_shortened_is_no_other_stores_whole_one():
    """Who may choose a store's name could otherwise choose that of another's queue."""
    short = naming.order_queue("a" * 30, "b" * 63)
    namespace, _, rest = short.removeprefix("cloudcafe-").partition("_")
    chosen = rest.removesuffix("-orders.fifo").replace("_", "-").replace("--", "-")
    assert naming.order_queue(namespace, chosen) != short
