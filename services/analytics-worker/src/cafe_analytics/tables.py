"""Rows as CSV (RFC 4180), for spreadsheets. Used by `endpoints.py`."""

import csv
import io
from collections.abc import Mapping, Sequence

from cafe_kit.wire import WireView

MEDIA_TYPE = "text/csv; charset=utf-8"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_JSON_TYPES = ("application/json", "application/*", "*/*")
_CSV_TYPES = ("text/csv", "text/*")


def wants_csv(accept: str) -> bool:
    """Whether an Accept header likes CSV better than JSON, which it gets otherwise."""
    weights: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = [p.removeprefix("q=") for p in parameters if p.startswith("q=")]
        weights[kind] = _weight(quality[0]) if quality else 1.0
    return _first(weights, _CSV_TYPES) > _first(weights, _JSON_TYPES[:2])


def as_csv(rows: Sequence[WireView], columns: Sequence[str]) -> str:
    """A header and one line a row."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        values: Mapping[str, object] = row.model_dump(mode="json", by_alias=True)
        writer.writerow([_cell(values[column]) for column in columns])
    return out.getvalue()


def _cell(value: object) -> object:
    """A spreadsheet must not take a name for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _first(weights: Mapping[str, float], kinds: Sequence[str]) -> float:
    return next((weights[kind] for kind in kinds if kind in weights), 0.0)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
