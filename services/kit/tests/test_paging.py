"""Pages: a cursor comes back as it was given out, and nothing else is one."""

import base64
import json

import pytest
from cafe_kit.errors import UnprocessableError
from cafe_kit.paging import decode_cursor, encode_cursor
from hypothesis import given
from hypothesis import strategies as st

PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60)


@given(PRINTABLE, PRINTABLE)
def test_a_cursor_comes_back_as_it_was_given_out(pk, sk):
    cursor = encode_cursor({"pk": pk, "sk": sk})
    assert decode_cursor(cursor, "pk", "sk") == {"pk": pk, "sk": sk}
    assert cursor.replace("-", "").replace("_", "").isalnum(), "needs no escaping in a URL"


def coded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "AAAA",
        "a",
        "é",
        coded([]),
        coded({}),
        coded({"pk": "a"}),
        coded({"pk": "a", "sk": 7}),
        coded({"pk": "a", "sk": "a\x00b"}),
        coded({"pk": "a", "sk": "b", "more": "c"}),
        base64.urlsafe_b64encode(b"[" * 1500).decode(),
    ],
)
def test_what_is_none_of_ours_is_refused(cursor):
    with pytest.raises(UnprocessableError) as refusal:
        decode_cursor(cursor, "pk", "sk")
    assert refusal.value.slug == "bad-cursor"
    assert refusal.value.field == "cursor"


@given(st.text(max_size=50))
def test_garbage_is_refused_and_nothing_worse(cursor):
    with pytest.raises(UnprocessableError):
        decode_cursor(cursor, "pk", "sk")
