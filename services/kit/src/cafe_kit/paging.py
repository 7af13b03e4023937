"""Lists in pages: a bounded limit, and a cursor that callers pass back as they got it.

Used by every endpoint that lists. A cursor is the position after the last entry, so a page stays
right while entries are added before it.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from cafe_kit.errors import UnprocessableError

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_CURSOR = 2048

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Entries in one page.")]
"""A query parameter: `limit: Limit = DEFAULT_LIMIT`."""
Cursor = Annotated[
    str | None,
    Field(max_length=MAX_CURSOR, description="`next` of the page before; leave it out at first."),
]
"""A query parameter: `cursor: Cursor = None`."""


def encode_cursor(position: Mapping[str, str]) -> str:
    """The opaque form of a position."""
    plain = json.dumps(dict(position), separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def decode_cursor(cursor: str, *names: str) -> dict[str, str]:
    """The position in a cursor, which has exactly these names, each with a printable string.

    Raises:
        UnprocessableError: `bad-cursor`, it is not one of ours.
    """
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = json.loads(plain)
    except (binascii.Error, ValueError, RecursionError):
        raise bad_cursor() from None
    if not isinstance(position, dict) or set(position) != set(names):
        raise bad_cursor()
    if not all(isinstance(value, str) and value.isprintable() for value in position.values()):
        raise bad_cursor()
    return position


def bad_cursor() -> UnprocessableError:
    """The refusal of a cursor whose position means nothing to the list; to be raised."""
    return UnprocessableError(
        "The cursor is none that this list gave out.",
        slug="bad-cursor",
        field="cursor",
        remedy="Pass `next` of the page before as it is, or begin without a cursor.",
    )
