"""Pure helpers of FakeKubernetes: merging and selecting, as the API server does."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from cloudcafe_operator.ports import Json, Manifest, Resource

SCALARS = {str, int, float, bool, type(None)}
PLAIN = {"Secret", "ConfigMap", "Lease", "Event", "NetworkPolicy"}
REQUIREMENT = re.compile(r"\s*(?P<key>[^\s=!,]+)\s+(?P<verb>in|notin)\s+\((?P<values>[^)]*)\)\s*")


def has_status(resource: Resource) -> bool:
    """Whether creating leaves status out: all kinds that have the subresource."""
    return resource.kind not in PLAIN


def copied(value: Any) -> Any:
    """Return a copy of plain JSON; copy.deepcopy reckons with more and takes ten times as long."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is dict or isinstance(value, Mapping):
        return {name: copied(one) for name, one in value.items()}
    if kind in (list, tuple):
        return [copied(one) for one in value]
    return copy.copy(value)


def merged(old: Json, patch: Json) -> Manifest:
    """Return old with a JSON merge patch (RFC 7396) applied."""
    new = copied(old)
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        elif isinstance(value, Mapping):
            inner = new.get(name)
            new[name] = merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            new[name] = _without_nulls(value)
    return new


def _without_nulls(value: Any) -> Any:
    """Return a copy as the API server keeps it: its merge drops nulls inside of lists as well."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(one) for one in value]
    return copied(value)


def without(current: Json, applied: Json, wanted: Json) -> Manifest:
    """Return current without the fields that were applied before and are not wanted now."""
    kept: Manifest = {}
    for name, value in current.items():
        if name not in applied or name in ("apiVersion", "kind"):
            kept[name] = copied(value)
        elif isinstance(value, Mapping) and isinstance(applied[name], Mapping):
            inner = wanted.get(name)
            kept[name] = without(value, applied[name], inner if isinstance(inner, Mapping) else {})
        elif name in wanted:
            kept[name] = copied(value)
    return kept


def matches_labels(labels: Mapping[str, str], selector: str | None) -> bool:
    """Whether labels match `a=b,c!=d,e in (x,y),f,!g`."""
    return all(_label_holds(labels, part) for part in _requirements(selector or ""))


def matches_fields(item: Json, selector: str | None) -> bool:
    """Whether an object matches `metadata.name=a,status.phase!=Running`."""
    return all(_field_holds(item, part) for part in (selector or "").split(",") if part)


def _requirements(selector: str) -> list[str]:
    return [part.strip() for part in re.split(r",(?![^(]*\))", selector) if part.strip()]


def _label_holds(labels: Mapping[str, str], part: str) -> bool:
    found = REQUIREMENT.fullmatch(part)
    if found:
        values = {value.strip() for value in found["values"].split(",")}
        return (labels.get(found["key"]) in values) == (found["verb"] == "in")
    if "!=" in part:
        key, _, value = part.partition("!=")
        return labels.get(key.strip()) != value.strip()
    if "=" in part:
        key, _, value = part.replace("==", "=").partition("=")
        return labels.get(key.strip()) == value.strip()
    return part[1:] not in labels if part.startswith("!") else part in labels


def _field_holds(item: Json, part: str) -> bool:
    path, negated, value = part.partition("!=")
    if not negated:
        path, _, value = part.replace("==", "=").partition("=")
    return (str(_at(item, path) or "") == value) != bool(negated)


def _at(item: Json, path: str) -> Any:
    found: Any = item
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
