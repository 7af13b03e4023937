"""Conditions, patches, durations and the CRD generator."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudcafe_operator.errors import Bug, UserError
from cloudcafe_operator.resources.common import (
    Model,
    Rule,
    StatusModel,
    cel,
    format_time,
    keyed_by,
    merge_patch,
    parse,
    parse_known,
)
from cloudcafe_operator.resources.conditions import (
    false,
    is_true,
    set_condition,
    set_conditions,
    true,
)
from cloudcafe_operator.resources.crd import Column, Definition, Version, crd, schema_of
from pydantic import Field

EARLY = datetime(2026, 3, 1, 9, 0, 0, 250_000, tzinfo=UTC)
LATE = EARLY + timedelta(hours=1)


class Item(Model):
    """One coffee."""

    sku: str = Field(max_length=20, description="Its key.")
    price_minor: int = Field(gt=0)


class Limits(Model):
    """How far it may go."""

    rules = (Rule("self.most > 0", "limits.most must be above 0", ".most"),)

    most: int = 5
    longest: int = Field(default=300, le=7200)


class Spec(Model):
    """What is wanted.

    And this is for programmers only.
    """

    items: tuple[Item, ...] = Field(default=(), max_length=10, json_schema_extra=keyed_by("sku"))
    limits: Limits = Field(default=Limits(), json_schema_extra=cel(Rule("true", "always")))
    note: str | None = Field(default=None, max_length=5)
    labels: dict[str, str] = Field(default={})
    anything: dict[str, Any] = Field(default={})
    share: float = Field(default=0.5, gt=0, le=1)


class Status(StatusModel):
    """What is."""

    open: bool = False


def test_a_condition_keeps_its_time_while_its_status_stays():
    first = set_condition((), true("Ready", "A"), generation=1, now=EARLY)
    second = set_condition(first, true("Ready", "B", "more"), generation=2, now=LATE)
    assert second[0].last_transition_time == EARLY.replace(microsecond=0)
    assert (second[0].reason, second[0].observed_generation) == ("B", 2)
    third = set_condition(second, false("Ready", "C", "fix"), generation=2, now=LATE)
    assert third[0].last_transition_time == LATE.replace(microsecond=0)
    assert not is_true(third, "Ready")


def test_judging_a_set_drops_what_is_not_judged_any_more():
    old = set_conditions((), [true("A", "X"), true("B", "X")], generation=1, now=EARLY)
    new = set_conditions(old, [true("B", "X")], generation=1, now=LATE)
    assert new == old[1:]


def test_a_merge_patch_says_only_what_changed_and_removes_what_is_gone():
    old = {"a": 1, "b": {"c": 1, "d": 2}, "gone": 3}
    new = {"a": 1, "b": {"c": 1, "d": 3}, "new": [1]}
    assert merge_patch(old, new) == {"b": {"d": 3}, "new": [1], "gone": None}
    assert merge_patch(new, new) == {}


def test_times_are_utc_with_milliseconds_only_where_there_are_any():
    assert format_time(EARLY) == "2026-03-01T09:00:00.250Z"
    assert format_time(EARLY.replace(microsecond=0)) == "2026-03-01T09:00:00Z"


def test_a_bad_object_names_each_field_as_its_author_wrote_it():
    bad = {"items": [{"sku": "x", "priceMinor": -1}], "limits": {"longest": "soon"}, "tipo": 1}
    with pytest.raises(UserError) as refused:
        parse(Spec, bad)
    message = str(refused.value)
    assert "spec.items[0].priceMinor: Input should be greater than 0" in message
    assert "spec.limits.longest" in message
    assert "spec.tipo" in message


def test_the_schema_is_structural():
    schema = schema_of(Spec)
    assert schema["description"] == "What is wanted."
    fields = schema["properties"]
    assert fields["note"] == {"type": "string", "maxLength": 5}
    assert fields["items"]["items"]["properties"]["priceMinor"] == {"type": "integer", "minimum": 1}
    assert fields["items"]["items"]["required"] == ["sku", "priceMinor"]
    assert fields["items"]["x-kubernetes-list-map-keys"] == ["sku"]
    assert fields["limits"]["default"] == {}
    assert fields["limits"]["properties"]["longest"]["default"] == 300
    assert [rule["message"] for rule in fields["limits"]["x-kubernetes-validations"]] == [
        "limits.most must be above 0",
        "always",
    ]
    assert fields["labels"]["additionalProperties"] == {"type": "string"}
    assert fields["anything"]["x-kubernetes-preserve-unknown-fields"]
    assert fields["share"] == {
        "type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1, "default": 0.5,
    }  # fmt: skip


def test_alternatives_are_refused_because_the_api_server_would():
    class Either(Model):
        """Bad."""

        one: int | str

    with pytest.raises(Bug):
        schema_of(Either)


def test_a_definition_has_columns_short_names_and_a_status_without_defaults():
    made = crd(
        Definition(
            kind="CafeStore",
            plural="cafestores",
            description="A cafe.",
            spec=Spec,
            status=Status,
            versions=(Version("v1"),),
            short_names=("store",),
            columns=(Column("Open", ".status.open", "boolean", priority=1),),
        )
    )
    version = made["spec"]["versions"][0]
    assert made["metadata"]["name"] == "cafestores.cloudcafe.dev"
    assert version["additionalPrinterColumns"][0]["priority"] == 1
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert status["properties"] == {"open": {"type": "boolean"}}


class Shelf(Model):
    """Items in a list."""

    items: tuple[Item, ...]


def test_fields_of_a_newer_definition_are_left_out_and_named():
    value = {"items": [{"sku": "tea", "priceMinor": 1, "roast": "dark"}], "lamp": {"on": True}}
    shelf, unknown = parse_known(Shelf, value)
    assert shelf.items == (Item(sku="tea", price_minor=1),)
    assert sorted(unknown) == ["spec.items[0].roast", "spec.lamp"]
    assert value["lamp"] == {"on": True}


def test_what_is_wrong_beside_an_unknown_field_is_still_refused():
    with pytest.raises(UserError, match=r"spec\.items\[0\]\.priceMinor"):
        parse_known(Shelf, {"items": [{"sku": "tea", "priceMinor": 0}], "lamp": 1})
