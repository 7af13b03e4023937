"""CustomResourceDefinitions from the models. Pure; called by `generate.py`, checked by tests.

pydantic's JSON schema becomes a structural schema: references inlined, titles dropped, optional
without `null`, integers' exclusive bounds made inclusive, nested defaults as `{}` so that the API
server fills them in. What a structural schema cannot say raises Bug when it is generated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from cloudcafe_operator.errors import Bug
from cloudcafe_operator.resources.common import GROUP, VALIDATIONS, Rule

Schema = dict[str, Any]
KEPT = (
    "type", "description", "enum", "format", "pattern", "minLength", "maxLength", "minItems",
    "maxItems", "minimum", "maximum", "minProperties", "maxProperties", "required",
)  # fmt: skip
WHOLE = "x-kubernetes-preserve-unknown-fields"


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column; priority 1 shows only with `-o wide`."""

    name: str
    path: str  # JSONPath, for example .status.phase
    type: str = "string"
    description: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """A version under which a kind is served. All have one schema: nothing is converted.

    With the conversion strategy None only `apiVersion` differs between versions, so a field that
    one of them did not know would be pruned by a client of that version. How a version changes is
    in docs/recipes/change-a-version.md.
    """

    name: str
    storage: bool = True
    deprecated: str = ""  # what a client of this version is told; empty: nothing


def stored(versions: Sequence[Version]) -> str:
    """Return the version that is stored: it is what the operator watches and writes."""
    found = [version.name for version in versions if version.storage]
    if len(found) != 1:
        raise Bug(f"one version of a kind is stored, not {len(found)}: {versions}")
    return found[0]


@dataclass(frozen=True, slots=True)
class Definition:
    """All that a CRD is made of."""

    kind: str
    plural: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    versions: tuple[Version, ...]
    short_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rules: tuple[Rule, ...] = ()  # on the whole object: may read metadata.name
    selectable: tuple[str, ...] = ()  # fields that a list may be narrowed by


def crd(definition: Definition) -> dict[str, Any]:
    """Return the CustomResourceDefinition's manifest."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{definition.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": definition.kind,
                "listKind": f"{definition.kind}List",
                "plural": definition.plural,
                "singular": definition.kind.lower(),
                "shortNames": list(definition.short_names),
                "categories": ["cloudcafe"],
            },
            "versions": [_version(definition, version) for version in definition.versions],
        },
    }


def _selectable(definition: Definition) -> dict[str, Any]:
    fields = [{"jsonPath": path} for path in definition.selectable]
    return {"selectableFields": fields} if fields else {}


def schema_of(model: type[BaseModel], *, defaults: bool = True) -> Schema:
    """Return a model's structural schema; a status has no defaults."""
    source = model.model_json_schema(by_alias=True)
    schema = _structural(source, source.get("$defs", {}), defaults=defaults)
    return schema | {"description": _first_paragraph(model)}


def _version(definition: Definition, version: Version) -> dict[str, Any]:
    warned = {"deprecated": True, "deprecationWarning": version.deprecated}
    return {
        "name": version.name,
        "served": True,
        "storage": version.storage,
        **(warned if version.deprecated else {}),
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in definition.columns],
        **_selectable(definition),
        "schema": {"openAPIV3Schema": _root(definition)},
    }


def _root(definition: Definition) -> Schema:
    spec = schema_of(definition.spec)
    root: Schema = {
        "type": "object",
        "description": definition.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": _in_wholes(schema_of(definition.status, defaults=False)),
        },
    }
    if definition.rules:
        root[VALIDATIONS] = [rule.schema() for rule in definition.rules]
    return root


def _in_wholes(status: Schema) -> Schema:
    """Let each part of a status, and each row of a keyed list, have one owner as a whole.

    One operator writes them. With a manager remembered for each field within, a third of a store
    would be `metadata.managedFields`, which each write decodes, compares and encodes.
    """
    for part in status["properties"].values():
        rows = part.get("items", {}) if part.get("x-kubernetes-list-type") == "map" else part
        if rows["type"] == "object":
            rows["x-kubernetes-map-type"] = "atomic"
    return status


def _column(column: Column) -> dict[str, Any]:
    made: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.description:
        made["description"] = column.description
    return made | ({"priority": column.priority} if column.priority else {})


def _structural(source: Schema, defs: dict[str, Schema], *, defaults: bool) -> Schema:
    """Translate one node of pydantic's schema and all below it."""
    node = _resolved(source, defs)
    schema: Schema = {name: node[name] for name in KEPT if name in node}
    schema |= {name: value for name, value in node.items() if name.startswith("x-kubernetes-")}
    if "const" in node:
        schema["enum"] = [node["const"]]
    _bounds(node, schema)
    if "properties" in node:
        schema["properties"] = {
            name: _structural(value, defs, defaults=defaults)
            for name, value in node["properties"].items()
        }
    elif isinstance(node.get("additionalProperties"), dict) and node["additionalProperties"]:
        schema["additionalProperties"] = _structural(
            node["additionalProperties"], defs, defaults=defaults
        )
    elif (
        node.get("type", "object") == "object" and schema.get("x-kubernetes-int-or-string") is None
    ):
        schema |= {"type": "object", WHOLE: True}
    if "items" in node:
        schema["items"] = _structural(node["items"], defs, defaults=defaults)
    if defaults and node.get("default") not in (None, []):  # an absent list is an empty one
        schema["default"] = _pruned(node["default"], schema)
    return schema


def _resolved(source: Schema, defs: dict[str, Schema]) -> Schema:
    """Follow a reference and drop `null` from an optional; what stands beside them wins."""
    options = [option for option in source.get("anyOf", []) if option.get("type") != "null"]
    if len(options) > 1:
        raise Bug(f"a structural schema has no alternatives: {options}")
    beside = {name: value for name, value in source.items() if name not in ("anyOf", "$ref")}
    if options:
        return _merged(_resolved(options[0], defs), beside)
    if "$ref" in source:
        target = defs[source["$ref"].rpartition("/")[2]]
        return _merged(_resolved(target, defs), beside)
    return source


def _merged(inner: Schema, beside: Schema) -> Schema:
    rules = inner.get(VALIDATIONS, []) + beside.get(VALIDATIONS, [])
    return inner | beside | ({VALIDATIONS: rules} if rules else {})


def _bounds(node: Schema, schema: Schema) -> None:
    """OpenAPI 3.0 has exclusive bounds as flags; for integers the next value says the same."""
    for name, exclusive, step in (
        ("minimum", "exclusiveMinimum", 1),
        ("maximum", "exclusiveMaximum", -1),
    ):
        if exclusive not in node:
            continue
        if node.get("type") == "integer":
            schema[name] = node[exclusive] + step
        else:
            schema |= {name: node[exclusive], exclusive: True}


def _pruned(default: Any, schema: Schema) -> Any:
    """Drop from an object's default what its own fields have as defaults anyway."""
    fields = schema.get("properties")
    if not isinstance(default, dict) or not fields:
        return default
    return {
        name: value
        for name, value in default.items()
        if value is not None and value != fields[name].get("default", _ABSENT) and value != []
    }


_ABSENT = object()


def _first_paragraph(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").strip().partition("\n\n")[0].split())
