"""The header by which a caller says that two requests are one.

Used by every endpoint that must not do a thing twice; the order service's hot route reads it by the
same pattern.
"""

from typing import Any

from fastapi import Header

LONGEST_KEY = 128


def key_pattern(most: int = LONGEST_KEY) -> str:
    """What a key may be: visible ASCII, so that it is the same in logs, headers and databases."""
    return rf"[\x21-\x7e]{{8,{most}}}"


def key_header(says: str, *, most: int = LONGEST_KEY) -> Any:
    """What FastAPI is told of the header; goes into an `Annotated[str, …]`."""
    return Header(
        alias="Idempotency-Key",
        pattern=f"^{key_pattern(most)}$",
        description=f"8 to {most} visible ASCII characters; {says}",
    )
