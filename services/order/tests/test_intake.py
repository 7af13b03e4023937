"""The hot route's structs against the models of the OpenAPI: they must mean the same."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cafe_order.intake import NewOrder, SoldLine, decoded, encoded, hash_of
from cafe_order.models import OrderInput, OrderPlaced, new_order_id
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 60),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["corner", "EUR", "espresso", "a\n", "EUR\n", "a\x00", "é", "💶", "\ud800"]),
    st.lists(st.none(), max_size=2),
)
LINE = st.fixed_dictionaries(
    {
        "sku": st.sampled_from(["espresso", "cake", "tea"]) | ODD,
        "quantity": st.integers(1, 50) | ODD,
    },
    optional={"note": ODD},
)
BODY = st.fixed_dictionaries(
    {"storeId": st.just("corner") | ODD, "lines": st.lists(LINE, max_size=3) | ODD},
    optional={
        "customerId": st.text(max_size=130) | ODD,
        "currency": st.just("EUR") | ODD,
        "synthetic": st.booleans() | ODD,
        "expectedTotalMinor": st.integers(1, 10**12) | ODD,
        "store_id": ODD,
        "tip": ODD,
    },
)
GOOD = {"storeId": "corner", "lines": [{"sku": "espresso", "quantity": 1}]}


@given(BODY)
@example({**GOOD, "customerId": "x" * 129})
@example({**GOOD, "storeId": "corner\n"})
@example({**GOOD, "currency": "EUR\n"})
@example({**GOOD, "lines": GOOD["lines"] * 2})
@example({**GOOD, "expectedTotalMinor": 0})
def test_what_the_hot_route_takes_the_endpoint_takes_as_the_same_order(body):
    asked = decoded(json.dumps(body).encode())
    try:
        model = OrderInput.model_validate(json.loads(json.dumps(body)))
    except ValidationError:
        assert asked is None
    else:
        # asking pydantic once more is slow, never wrong
        assert asked is None or asked == model.asked()
        assert asked is not None or "store_id" in body


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"null", b'{"storeId": NaN}', b"[" * 100_000]
)
def test_what_is_no_order_is_left_to_the_ordinary_way(body):
    assert decoded(body) is None


def test_two_spellings_of_an_order_have_one_hash_and_two_orders_two():
    plain = decoded(json.dumps(GOOD).encode())
    spelled = decoded(json.dumps({"customerId": None, **GOOD}, indent=2).encode())
    other = decoded(json.dumps({**GOOD, "expectedTotalMinor": 180}).encode())
    assert hash_of(plain) == hash_of(spelled)
    assert hash_of(plain) != hash_of(other)


@given(
    st.text(min_size=1, max_size=20).filter(lambda name: name.isprintable()),
    st.integers(1, 50),
    st.integers(1, 10**8),
    st.timedeltas(timedelta(0), timedelta(days=9)),
)
def test_the_answer_is_what_the_openapi_describes(name, quantity, price, since):
    order = NewOrder(
        id=new_order_id(),
        store_id="corner",
        status="placed",
        currency="EUR",
        total_minor=quantity * price,
        lines=[SoldLine("espresso", name, quantity, price)],
        placed_at=datetime(2026, 11, 22, tzinfo=UTC) + since,
        synthetic=False,
    )
    body = encoded(order)
    model = OrderPlaced.model_validate_json(body)
    assert model.model_dump_json(by_alias=True).encode() == body
