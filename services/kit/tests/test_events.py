"""The messages: what is written is read again, and what is wrong is told apart."""

import json
import pathlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cafe_kit import schemas
from cafe_kit.events import (
    MODELS,
    TYPES,
    FutureVersionError,
    MalformedEventError,
    OrderEvent,
    PaymentCommand,
    PaymentResult,
    StockCommand,
    StockEvent,
    StoreTicket,
    parse_event,
    types_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.kit.tests.support.samples import AT, order_event

ORDER = {"order_id": "o-1", "store_id": "corner", "currency": "EUR", "total_minor": 360}
SAMPLES = [
    *(order_event(kind=kind, reason="why") for kind in types_of(OrderEvent)),
    *(
        StockCommand(**order_event().model_dump(exclude={"type"}), type=kind, synthetic=True)
        for kind in types_of(StockCommand)
    ),
    StoreTicket(**order_event().model_dump(exclude={"type"}), type="store.ticket"),
    *(
        PaymentCommand(id="i", type=kind, at=AT, placed_at=AT, **ORDER)
        for kind in types_of(PaymentCommand)
    ),
    *(
        PaymentResult(id="i", type=kind, at=AT, placed_at=AT, charge_id="ch", **ORDER)
        for kind in types_of(PaymentResult)
    ),
    *(
        StockEvent(id="i", type=kind, at=AT, store_id="corner", sku="tea", available=2, low_at=3)
        for kind in types_of(StockEvent)
    ),
]


def changed(**changes):
    return json.dumps(json.loads(order_event().encode()) | changes)


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.type)
def test_what_is_written_is_read_again(event):
    assert parse_event(event.encode()) == event
    assert parse_event(event.encode().encode()) == event


def test_every_type_has_a_sample():
    assert {event.type for event in SAMPLES} == TYPES


def test_the_wire_is_compact_and_camel_case():
    text = order_event().encode()
    assert '"orderId":"o-1"' in text
    assert '"unitPriceMinor":180' in text
    assert '"placedAt":"2026-11-22T08:30:00Z"' in text


def test_a_field_that_was_added_later_is_ignored():
    assert parse_event(changed(loyaltyTier="gold")) == order_event()


def test_a_reader_sees_every_moment_in_utc():
    porto = timezone(timedelta(hours=1))
    event = parse_event(changed(placedAt=datetime(2026, 6, 1, 9, tzinfo=porto).isoformat()))
    assert event.placed_at.tzinfo == UTC
    assert event.placed_at.hour == 8


@pytest.mark.parametrize("version", [2, 17, 10**30])
def test_a_newer_version_is_told_apart(version):
    with pytest.raises(FutureVersionError, match=f"Version {version} of 'order.completed'"):
        parse_event(changed(version=version))


def test_a_newer_version_of_an_unknown_type_is_newer_too():
    with pytest.raises(FutureVersionError):
        parse_event(changed(type="order.teleported", version=2))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "a JSON list"),
        ("null", "NoneType"),
        ("{}", "the type 'None'"),
        ('{"type":["order.placed"]}', "the type"),
        (changed(type="order.teleported"), "'order.teleported'"),
        (changed(version=0), "version"),
        (changed(version="1"), "version"),
        (changed(orderId=None), "orderId"),
        (changed(orderId="../../x"), "orderId"),
        (changed(totalMinor=-1), "totalMinor"),
        (changed(totalMinor=2**63), "totalMinor"),
        (changed(totalMinor="360"), "totalMinor"),
        (changed(totalMinor=3.5), "totalMinor"),
        (changed(currency="euro"), "currency"),
        (changed(placedAt="2026-11-22T08:30:00"), "placedAt"),
        (changed(placedAt="0001-01-01T00:00:00+05:00"), "placedAt"),
        (changed(at="yesterday"), "at"),
        (changed(lines=[]), "lines"),
        (changed(customerId=""), "customerId"),
        (changed(customerId="a\u0000b"), "customerId"),
        (changed(reason="a\u0000b"), "reason"),
        ('{"type":"order.placed","id":"\\ud800"}', "order.placed"),
    ],
)
def test_what_is_malformed_says_why(data, reason):
    with pytest.raises(MalformedEventError, match=reason.replace("[", r"\[")) as refusal:
        parse_event(data)
    assert not isinstance(refusal.value, FutureVersionError)
    assert len(refusal.value.reason) < 1000


@settings(max_examples=100)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
def test_nothing_but_malformed_ever_comes_of_garbage(data):
    with pytest.raises(MalformedEventError):
        parse_event(data)


JSON = st.sampled_from(
    [None, True, 0, -1, 2**70, 1.5, float("inf"), float("nan"), "", "x", "\x00", [], [None], {}]
)


@settings(max_examples=100)
@given(st.sampled_from(sorted(json.loads(order_event().encode()))), JSON)
def test_a_field_of_any_kind_is_read_or_refused_never_more(field, value):
    try:
        event = parse_event(changed(**{field: value}))
    except MalformedEventError:
        return
    assert parse_event(event.encode()) == event


def test_a_writer_cannot_build_what_no_reader_takes():
    with pytest.raises(ValidationError):
        order_event(total_minor=-1)


def test_events_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        order_event().total_minor = 0


def test_each_schema_takes_its_own_type_only_and_wants_the_version():
    for model in MODELS:
        for kind in types_of(model):
            schema = schemas.schema_of(model, kind)
            assert schema["properties"]["type"]["const"] == kind
            assert "version" in schema["required"]
            assert schema["properties"]["version"]["const"] == 1


def test_the_check_finds_what_is_stale_missing_or_left_over(tmp_path):
    schemas.write(tmp_path)
    assert schemas.stale(tmp_path) == []
    folder = tmp_path / "services/kit/schemas"
    (folder / "order.placed.v1.json").write_text("{}")
    (folder / "order.paid.v1.json").unlink()
    (folder / "order.gone.v1.json").write_text("{}")
    assert sorted(pathlib.Path(path).name for path in schemas.stale(tmp_path)) == [
        "order.gone.v1.json",
        "order.paid.v1.json",
        "order.placed.v1.json",
    ]
    schemas.write(tmp_path)
    assert schemas.stale(tmp_path) == []


def test_the_schemas_in_the_repository_are_fresh():
    assert schemas.stale(schemas.ROOT) == []
