"""One change a field of a definition: removed, empty, extreme, misspelt, huge, unicode. Pure.

Made from the schema itself, so that a new field is swept without anybody adding it here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

REMOVED = object()
UNICODE = "☕\u202e漢字 é\u0301 😀 <b>&'\""
HUGE_TEXT, HUGE_LIST = 100_000, 1000
Path = tuple[str | int, ...]
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A new value at a path of the spec."""

    path: Path
    kind: str
    value: Any

    def __str__(self) -> str:
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{self.kind} {'spec' + ''.join(steps)}"

    def made(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return the spec with the change."""
        new = copy.deepcopy(dict(spec))
        inside: Any = new
        for step in self.path[:-1]:
            inside = inside[step]
        if self.value is REMOVED:
            del inside[self.path[-1]]
        else:
            inside[self.path[-1]] = copy.deepcopy(self.value)
        return new


def changes(schema: Schema, value: Any, path: Path = ()) -> Iterator[Change]:
    """Yield the changes of everything inside a value; absent fields are set where they may be."""
    if isinstance(value, dict):
        known: Mapping[str, Schema] = schema.get("properties", {})
        for name, inner in known.items():
            yield from _field(inner, value.get(name, REMOVED), (*path, name))
        if known:
            yield Change((*path, "noSuchField"), "unknown", 1)
        for name in value:
            if name not in known and isinstance(schema.get("additionalProperties"), dict):
                yield from _field(schema["additionalProperties"], value[name], (*path, name))
    elif isinstance(value, list) and value:
        yield from _field(schema["items"], value[0], (*path, 0))


def _field(schema: Schema, value: Any, path: Path) -> Iterator[Change]:
    if value is not REMOVED:
        yield Change(path, "remove", REMOVED)
        yield from changes(schema, value, path)
    yield Change(path, "null", None)
    for kind, new in VALUES[str(schema.get("type", "any"))](schema, value):
        if new != value:
            yield Change(path, kind, new)


def _strings(schema: Schema, _value: Any) -> Iterator[tuple[str, Any]]:
    yield "empty", ""
    yield "unicode", UNICODE
    yield "huge", "x" * HUGE_TEXT
    yield "wrong type", 7
    if "maxLength" in schema:
        yield "longest", "x" * schema["maxLength"]
        yield "too long", "x" * (schema["maxLength"] + 1)
    if "enum" in schema:
        yield "wrong enum", "noSuchChoice"
        for one in schema["enum"]:
            yield "choice", one


def _integers(schema: Schema, _value: Any) -> Iterator[tuple[str, Any]]:
    yield "zero", 0
    yield "negative", -1
    yield "fraction", 1.5
    yield "wrong type", "7"
    yield "huge", 2**63 - 1
    for name, over in (("minimum", -1), ("maximum", 1)):
        if name in schema:
            yield name, schema[name]
            yield f"beyond {name}", schema[name] + over


def _numbers(_schema: Schema, _value: Any) -> Iterator[tuple[str, Any]]:
    yield "zero", 0
    yield "huge", 1e300
    yield "wrong type", "7"


def _booleans(_schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    yield "other", value is not True
    yield "wrong type", "true"


def _arrays(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    yield "empty", []
    yield "wrong type", {}
    yield "null inside", [None]
    if isinstance(value, list) and value:
        yield "twice", [*value, value[0]]
        yield "too many", value[:1] * (schema.get("maxItems", HUGE_LIST) + 1)


def _objects(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    yield "empty", {}
    yield "wrong type", []
    if isinstance(schema.get("additionalProperties"), dict):
        known = value if isinstance(value, dict) else {}
        yield "unicode key", {**known, UNICODE: "x"}
        yield "huge", {f"key-{number}": "x" for number in range(HUGE_LIST)}


def _anything(_schema: Schema, _value: Any) -> Iterator[tuple[str, Any]]:
    yield "unicode", UNICODE


VALUES = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
    "array": _arrays,
    "object": _objects,
    "any": _anything,
}


def sentences(schema: Any) -> Iterator[str]:
    """Yield the messages of all rules in a schema."""
    if isinstance(schema, dict):
        for rule in schema.get("x-kubernetes-validations", ()):
            yield rule["message"]
        for inner in schema.values():
            yield from sentences(inner)


def keeps(stored: Any, sent: Any) -> bool:
    """Whether all that was sent is there unchanged; a null asks for the default."""
    if isinstance(sent, dict):
        return isinstance(stored, dict) and all(
            one is None or (name in stored and keeps(stored[name], one))
            for name, one in sent.items()
        )
    if isinstance(sent, list):
        return (
            isinstance(stored, list) and len(stored) == len(sent) and all(map(keeps, stored, sent))
        )
    return bool(stored == sent)
