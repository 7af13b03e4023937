"""Reading what clients send, whatever they send."""

import pytest
from localaws.messages import json_object


def test_an_object_is_read():
    assert json_object(b'{"QueueUrl": "q"}') == {"QueueUrl": "q"}


@pytest.mark.parametrize("body", [b"", b"[1]", b'"text"', b"{", b"\xff", b"[" * 200_000])
def test_whatever_else_is_no_object_and_breaks_nothing(body):
    assert json_object(body) is None
