"""The saga's rules and messages, without anything around them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cafe_kit.errors import ConflictError
from cafe_kit.events import OrderEvent, PaymentCommand, PaymentResult, StockCommand, parse_event
from cafe_order import saga
from cafe_order.events import Facts, placed_records
from cafe_order.models import LineView, new_order_id
from cafe_order.saga import Contradiction, OrderState, Step, StockAnswer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORDER = OrderState(
    id=new_order_id(),
    store_id="corner",
    customer_id="ada",
    status="placed",
    currency="EUR",
    total_minor=360,
    lines=(LineView(sku="espresso", name="Espresso", quantity=2, unit_price_minor=180),),
    placed_at=NOON,
    synthetic=False,
    trace_id="0af7651916cd43dd8448eb211c80319c",
)


def stock(status, command, answer, detail="", **changes):
    order = replace(ORDER, status=status, **changes)
    return saga.after_stock(StockAnswer(command, answer, detail), order, NOON)


def payment(status, kind, **changes):
    facts = {
        "id": f"{ORDER.id}:{kind}",
        "type": kind,
        "at": NOON,
        "order_id": str(ORDER.id),
        "store_id": "corner",
        "currency": "EUR",
        "total_minor": 360,
        "placed_at": NOON,
    }
    order = replace(ORDER, status=status)
    return saga.after_payment(PaymentResult(**(facts | changes)), order, NOON)


def summary(step):
    return step.status, [f"{record.destination} {record.kind}" for record in step.records]


def test_reserved_stock_confirms_the_order_and_asks_for_its_payment():
    assert summary(stock("placed", "stock.reserve", "reserved")) == (
        "confirmed",
        ["payments payment.requested", "kinesis order.confirmed", "history order.confirmed"],
    )


@pytest.mark.parametrize("answer", ["outOfStock", "released", "notFound", "conflict"])
def test_an_order_whose_stock_is_not_kept_is_rejected_and_never_charged(answer):
    step = stock("placed", "stock.reserve", answer, "no cake left")
    assert summary(step) == ("rejected", ["kinesis order.rejected", "history order.rejected"])
    assert step.reason == "no cake left"
    assert json.loads(step.records[0].payload)["reason"] == "no cake left"


def test_a_captured_payment_takes_the_stock_for_good():
    assert summary(payment("confirmed", "payment.captured")) == (
        "paid",
        ["stock stock.commit", "kinesis order.paid", "history order.paid"],
    )


def test_a_declined_payment_rejects_the_order_and_releases_its_stock():
    step = payment("confirmed", "payment.declined", reason="insufficient funds")
    assert summary(step) == (
        "rejected",
        ["stock stock.release", "kinesis order.rejected", "history order.rejected"],
    )
    assert step.reason == "insufficient funds"


def test_committed_stock_completes_the_order():
    assert summary(stock("paid", "stock.commit", "committed")) == (
        "completed",
        ["kinesis order.completed", "history order.completed"],
    )


@pytest.mark.parametrize("answer", ["released", "notFound", "conflict"])
def test_a_hold_that_lapsed_before_the_payment_is_made_again_and_nobody_hears_of_it(answer):
    assert summary(stock("paid", "stock.commit", answer)) == ("paid", ["stock stock.reserve"])
    assert summary(stock("paid", "stock.reserve", "reserved")) == ("paid", ["stock stock.commit"])


def test_a_paid_order_whose_stock_is_gone_is_cancelled_and_paid_back():
    step = stock("paid", "stock.reserve", "outOfStock", "no cake left")
    assert summary(step) == (
        "cancelled",
        [
            "payments payment.cancel-requested",
            "kinesis order.cancelled",
            "history order.cancelled",
        ],
    )
    assert step.reason == "no cake left"


@pytest.mark.parametrize("word", ["voided", "refunded"])
@pytest.mark.parametrize("reason", [None, "the acquirer gave it back"])
def test_a_payment_that_somebody_else_undid_ends_the_order_and_frees_its_stock(word, reason):
    step = payment("confirmed", f"payment.{word}", reason=reason)
    assert summary(step) == (
        "rejected",
        ["stock stock.release", "kinesis order.rejected", "history order.rejected"],
    )
    assert step.reason == (reason or f"the payment was {word}")


@pytest.mark.parametrize("status", ["placed", "confirmed"])
def test_cancelling_releases_the_stock_and_the_payment(status):
    assert summary(saga.cancel(replace(ORDER, status=status), NOON)) == (
        "cancelled",
        [
            "stock stock.release",
            "payments payment.cancel-requested",
            "kinesis order.cancelled",
            "history order.cancelled",
        ],
    )


@pytest.mark.parametrize(
    ("status", "slug"),
    [("paid", "already-paid"), ("completed", "already-paid"), ("rejected", "already-rejected")],
)
def test_what_is_paid_or_rejected_cannot_be_cancelled(status, slug):
    with pytest.raises(ConflictError) as refusal:
        saga.cancel(replace(ORDER, status=status), NOON)
    assert refusal.value.slug == slug
    assert refusal.value.remedy


def test_cancelling_twice_changes_nothing():
    assert saga.cancel(replace(ORDER, status="cancelled"), NOON) is None


@pytest.mark.parametrize("status", ["confirmed", "completed", "rejected", "cancelled"])
@pytest.mark.parametrize("command", ["stock.reserve", "stock.commit", "stock.release"])
@pytest.mark.parametrize("answer", ["reserved", "committed", "released", "outOfStock"])
def test_a_late_word_of_the_stock_changes_nothing(status, command, answer):
    assert stock(status, command, answer) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("paid", "payment.captured"),
        ("completed", "payment.captured"),
        ("cancelled", "payment.captured"),
        ("cancelled", "payment.declined"),
        ("rejected", "payment.declined"),
        *(
            (status, kind)
            for status in ("placed", "paid", "completed", "rejected", "cancelled")
            for kind in ("payment.voided", "payment.refunded")
        ),
    ],
)
def test_a_late_word_of_the_payment_changes_nothing(status, kind):
    assert payment(status, kind) is None


@pytest.mark.parametrize(
    ("status", "kind", "changes"),
    [
        ("placed", "payment.captured", {}),
        ("rejected", "payment.captured", {}),
        ("paid", "payment.declined", {}),
        ("completed", "payment.declined", {}),
        ("placed", "payment.declined", {}),
        ("confirmed", "payment.captured", {"total_minor": 361}),
        ("confirmed", "payment.captured", {"currency": "USD"}),
    ],
)
def test_a_payment_that_cannot_be_true_needs_a_person(status, kind, changes):
    assert isinstance(payment(status, kind, **changes), Contradiction)


def test_a_synthetic_order_only_tries_the_reservation():
    assert stock("placed", "stock.reserve", "reserved", synthetic=True) == Step(
        "confirmed", None, ()
    )
    assert stock("placed", "stock.reserve", "outOfStock", synthetic=True).records == ()
    with pytest.raises(ConflictError):
        saga.cancel(replace(ORDER, synthetic=True), NOON)


def test_only_customers_have_a_history():
    step = stock("placed", "stock.reserve", "reserved", customer_id=None)
    assert [record.destination for record in step.records] == ["payments", "kinesis"]


@pytest.mark.parametrize("customer", [None, "ada"])
@pytest.mark.parametrize("status", ["placed", "confirmed", "paid", "completed", "cancelled"])
def test_events_are_what_the_shared_schema_says(status, customer):
    facts = Facts(ORDER, customer, ORDER.trace_id)
    event = parse_event(facts.event(status, NOON, "why").payload)
    assert isinstance(event, OrderEvent)
    assert event.id == f"{ORDER.id}:order.{status}"
    assert (event.at, event.placed_at) == (NOON, NOON)
    assert (event.trace_id, event.customer_id) == (ORDER.trace_id, customer)
    assert (event.currency, event.total_minor, event.reason) == ("EUR", 360, "why")
    [line] = event.lines
    assert (line.sku, line.quantity, line.unit_price_minor) == ("espresso", 2, 180)


@pytest.mark.parametrize("kind", ["stock.reserve", "stock.commit", "stock.release"])
def test_commands_to_the_stock_are_what_the_shared_schema_says(kind):
    command = parse_event(Facts(ORDER, "ada", ORDER.trace_id).command(kind, NOON).payload)
    assert isinstance(command, StockCommand)
    assert (command.id, command.type) == (f"{ORDER.id}:{kind}", kind)
    assert command.synthetic is False


@pytest.mark.parametrize("kind", ["payment.requested", "payment.cancel-requested"])
def test_commands_to_the_payment_processor_are_what_the_shared_schema_says(kind):
    command = parse_event(Facts(ORDER, "ada", ORDER.trace_id).payment(kind, NOON).payload)
    assert isinstance(command, PaymentCommand)
    assert (command.id, command.type) == (f"{ORDER.id}:{kind}", kind)
    assert (command.total_minor, command.placed_at) == (360, NOON)


def test_a_new_order_is_told_reserved_and_listed():
    kinds = [(record.destination, record.kind) for record in placed_records(ORDER, "ada", "")]
    assert kinds == [
        ("kinesis", "order.placed"),
        ("stock", "stock.reserve"),
        ("history", "order.placed"),
    ]


def test_a_synthetic_order_is_known_to_the_stock_alone():
    records = placed_records(replace(ORDER, synthetic=True), "ada", "")
    assert [record.destination for record in records] == ["stock"]
