"""Text that cannot steer whom it is shown to. Pure; what is read and what is printed passes it.

Users name experiments, steps and probes, and services answer in words of their own. A terminal
obeys escape sequences, XML forbids some characters, and bidi overrides show a line in another order
than it has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
#: Control, format (bidi, tags, zero width), surrogates, line and paragraph ends, no characters.
STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"})
LEFT_ALONE = frozenset("\n\t\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")


def printable(text: str) -> str:
    """Return a text with what would steer a terminal replaced; lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        REPLACEMENT if unicodedata.category(one) in STEERING and one not in LEFT_ALONE else one
        for one in text
    )


def line(text: str) -> str:
    """Return a text on one line: nobody can make up the next line of a list or a story.

    Spaces within stay as many as they are: a command to copy must stay what it is.
    """
    parts = (part.strip() for part in printable(text).replace("\t", " ").splitlines())
    return " ".join(part for part in parts if part)


def printable_all(value: Any) -> Any:
    """Return what JSON or YAML held with all its texts printable, names of fields as well."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable_all(key): printable_all(one) for key, one in value.items()}
    return [printable_all(one) for one in value] if isinstance(value, list) else value
