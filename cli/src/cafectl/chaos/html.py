"""HTML that cannot be broken by what is put into it: each text is escaped as it enters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Html:
    """Return a value as HTML: escaped unless it is HTML already."""
    return value if isinstance(value, Html) else Html(escape(str(value)))


def tag(name: str, *inside: object, style: str = "") -> Html:
    """Return an element with a class."""
    head = f'{name} class="{escape(style)}"' if style else name
    return Html(f"<{head}>{''.join(map(text, inside))}</{name}>")


def joined(parts: Iterable[object]) -> Html:
    """Return parts one after the other."""
    return Html("".join(map(text, parts)))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], style: str = "") -> Html:
    """Return a table; a wide one scrolls inside its own box."""
    head = tag("tr", *(tag("th", one) for one in headings))
    body = joined(tag("tr", *(tag("td", cell) for cell in row)) for row in rows)
    return tag(
        "div", tag("table", tag("thead", head), tag("tbody", body), style=style), style="wide"
    )


def section(title: str, *inside: object) -> Html:
    """Return a section with its heading."""
    return tag("section", tag("h2", title), *inside)


def details(summary: str, *inside: object) -> Html:
    """Return what is folded up until it is wanted."""
    return tag("details", tag("summary", summary), *inside)
