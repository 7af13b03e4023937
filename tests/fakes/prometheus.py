"""Prometheus' instant queries over FakeHttp: what it says of values, and how it says that it can't.

The shapes are those of its HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Said = tuple[int, Any]
NOW = 1_772_355_600.0


def success(kind: str, result: Any) -> Said:
    """Return an answer of a kind."""
    return 200, {"status": "success", "data": {"resultType": kind, "result": result}}


def vector(*values: str) -> Said:
    """Return a series for each value."""
    series = [
        {"metric": {"__name__": "refused", "pod": f"till-{number}"}, "value": [NOW, value]}
        for number, value in enumerate(values)
    ]
    return success("vector", series)


def scalar(value: str) -> Said:
    """Return one value that belongs to no series."""
    return success("scalar", [NOW, value])


def failure(status: int, kind: str, error: str) -> Said:
    """Return an error as Prometheus words it."""
    return status, {"status": "error", "errorType": kind, "error": error}


BAD_QUERY = failure(400, "bad_data", 'invalid parameter "query": 1:4: parse error: unexpected end')
TOO_MUCH = failure(422, "execution", "found duplicate series for the match group")
TOO_LONG = failure(503, "timeout", "query timed out in expression evaluation")
NO_VALUE = vector()
#: A sign-in page of the proxy before it.
NOT_PROMETHEUS = (200, "<html>sign in</html>")


@dataclass
class FakePrometheus:
    """A route of FakeHttp that answers each query with what `says` is."""

    says: Said = field(default_factory=lambda: vector("0"))
    asked: list[str] = field(default_factory=list)

    def __call__(
        self, method: str, path: str, _body: Any, _headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """Answer one request."""
        parts = urlsplit(path)
        if (method, parts.path) != ("GET", "/api/v1/query"):
            return 404, None
        self.asked.append(parse_qs(parts.query)["query"][0])
        return self.says
