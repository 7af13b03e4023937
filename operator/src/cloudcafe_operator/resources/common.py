"""What all custom resources share: the frozen model, CEL rules on it, parsing, patches.

Models are snake_case inside and camelCase at the edge. A rule declared here is judged by the API
server at admission (`resources/crd.py` writes it into the CRD), so that a bad object is refused
with a sentence before the operator ever sees it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, reduce
from operator import getitem
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cloudcafe_operator.errors import UserError

GROUP = "cloudcafe.dev"
VALIDATIONS = "x-kubernetes-validations"
UNKNOWN_FIELD = "extra_forbidden"  # pydantic's word for it


@dataclass(frozen=True, slots=True)
class Rule:
    """One CEL rule: `self` is the object or field it is declared on; the message names both.

    The message is what a user reads: what is wrong and what to write instead.
    """

    rule: str
    message: str
    field_path: str = ""  # for example ".menu": lets kubectl point at it

    def schema(self) -> dict[str, str]:
        """Return it as an item of x-kubernetes-validations."""
        found = {"rule": self.rule, "message": self.message}
        return found | ({"fieldPath": self.field_path} if self.field_path else {})


def cel(*rules: Rule) -> dict[str, Any]:
    """Return `json_schema_extra` of a field that carries rules."""
    return {VALIDATIONS: [rule.schema() for rule in rules]}


def keyed_by(*names: str) -> dict[str, Any]:
    """Return `json_schema_extra` of a list whose items are told apart by these fields.

    The API server refuses duplicates and server-side apply merges item by item.
    """
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(names)}


class Model(BaseModel):
    """Base of everything in a spec or a status."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )
    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add the class's CEL rules to its schema."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        if cls.rules:
            schema[VALIDATIONS] = [rule.schema() for rule in cls.rules]
        return schema

    def manifest(self) -> dict[str, Any]:
        """Return it as JSON for the API server: camelCase, what is None left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StatusModel(Model):
    """Base of everything in a status: fields that a newer operator wrote are ignored."""

    model_config = ConfigDict(extra="ignore")


@lru_cache(maxsize=4096)  # a status has twenty, most of them as they were
def format_time(moment: datetime) -> str:
    """Return RFC 3339 in UTC, with milliseconds where there are any."""
    aware = moment.astimezone(UTC)
    precision = "milliseconds" if aware.microsecond // 1000 else "seconds"
    return aware.isoformat(timespec=precision).replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(format_time, return_type=str, when_used="json")]

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def parse(model: type[AnyModel], value: Any, *, where: str = "spec") -> AnyModel:
    """Read a part of an object; UserError names each bad field as kubectl users write it."""
    try:
        return model.model_validate(value or {})
    except ValidationError as problem:
        found = [
            f"{_path(where, error['loc'])}: {error['msg']}"
            for error in problem.errors(include_url=False, include_input=False)
        ]
        raise UserError(f"{'; '.join(found)}. Correct the object and apply it again.") from problem


def parse_known(
    model: type[AnyModel], value: Any, *, where: str = "spec"
) -> tuple[AnyModel, tuple[str, ...]]:
    """Read what this operator knows of a part, and name the fields that it does not know.

    The API server refuses misspelt fields, so what is unknown here comes from a newer definition:
    from a chart that is being upgraded, or whose operator was rolled back. UserError as `parse`.
    """
    try:
        return model.model_validate(value or {}), ()
    except ValidationError as problem:
        locations = [error["loc"] for error in problem.errors() if error["type"] == UNKNOWN_FIELD]
    known = copy.deepcopy(value)
    for location in locations:
        *steps, last = location
        reduce(getitem, steps, known).pop(last)
    return parse(model, known, where=where), tuple(_path(where, one) for one in locations)


def _path(where: str, location: tuple[int | str, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return where + "".join(steps)


def holds_null(value: Any) -> bool:
    """Whether JSON has a null anywhere: the API server's merge drops it, also inside of lists."""
    inner = value.values() if isinstance(value, Mapping) else value
    if isinstance(inner, str) or not isinstance(inner, Iterable):
        return value is None
    return any(map(holds_null, inner))


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch that turns old into new: empty when they are the same."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = merge_patch(before, value)
            if inner:
                patch[name] = inner
        elif name not in old or value != before:
            patch[name] = value
    return patch
