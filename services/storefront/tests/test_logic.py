"""What the pages decide, run by an engine without a browser."""

import json

import pytest
import quickjs
from cafe_storefront.pages import FOLDER


class Module:
    """The functions of an ES module; values go in and out as JSON."""

    def __init__(self, path):
        self._context = quickjs.Context()
        source = (FOLDER / path).read_text()
        names = [
            line.split("(")[0].split()[-1]
            for line in source.splitlines()
            if line.startswith("export function")
        ]
        self._context.module(f"{source}\nglobalThis.it = {{{', '.join(names)}}};")

    def __getattr__(self, name):
        def called(*given):
            text = ", ".join(json.dumps(one) for one in given)
            return json.loads(self._context.eval(f"JSON.stringify(it.{name}({text}) ?? null)"))

        return called


LOGIC = Module("shop/logic.js")
BOARD = Module("board/board-logic.js")
MINUTE = 60_000


def answer(status, slug="", detail=""):
    return {"status": status, "body": {"type": f"https://x/{slug}", "detail": detail}}


def order(*steps, reason=None):
    history = [{"status": step, "at": f"t{n}", "reason": None} for n, step in enumerate(steps)]
    history[-1]["reason"] = reason
    return {"id": "0198-abcde1f", "status": steps[-1], "history": history}


def test_an_attempt_keeps_its_key_and_body_and_is_stale_after_a_quarter_of_an_hour():
    made = LOGIC.attempt("corner", [{"sku": "tea", "quantity": 1}], 300, "key", 0)
    assert made["key"] == "key"
    assert made["body"] == {
        "storeId": "corner",
        "lines": [{"sku": "tea", "quantity": 1}],
        "expectedTotalMinor": 300,
    }
    assert not LOGIC.isStale(made, 15 * MINUTE)
    assert LOGIC.isStale(made, 15 * MINUTE + 1)
    assert not LOGIC.isOver({**made, "askedAt": 9 * MINUTE}, 24 * 60 * MINUTE)
    assert LOGIC.isOver({**made, "askedAt": 9 * MINUTE}, 24 * 60 * MINUTE + 1)


def test_a_basket_has_what_was_chosen_and_costs_what_the_menu_says():
    menu = {"items": [{"sku": "tea", "priceMinor": 300}, {"sku": "cake", "priceMinor": 420}]}
    found = LOGIC.basket(menu, {"tea": 2, "cake": 0, "gone": 7})
    assert found == {"lines": [{"sku": "tea", "quantity": 2}], "totalMinor": 600}


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (answer(201), "good"),
        ({"status": 0, "body": None}, "again"),
        (answer(503, "order-unavailable"), "again"),
        (answer(504, "timed-out"), "again"),
        (answer(500, "internal-error"), "again"),
        (answer(429), "again"),
        (answer(409, "request-in-flight"), "again"),
        (answer(409, "store-closed"), "no"),
        (answer(409, "price-changed"), "no"),
        (answer(422, "idempotency-key-reused"), "no"),
        (answer(404, "unknown-store"), "no"),
    ],
)
def test_only_what_may_still_succeed_is_tried_again(said, meaning):
    assert LOGIC.judged(said) == meaning


def test_tries_come_more_rarely_up_to_a_bound_and_never_all_at_once():
    assert [LOGIC.pauseMs(tries, 1) for tries in (0, 1, 2, 3, 4, 50)] == [
        1000, 2000, 4000, 8000, 15000, 15000,
    ]  # fmt: skip
    assert LOGIC.pauseMs(1, 0) == 1500


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(503, "menu-unavailable"), "the menu"),
        (answer(503, "order-unavailable"), "the order service"),
        (answer(503, "store-queue-full"), "more orders are under way"),
        ({"status": 0, "body": None}, "a connection to the cafe"),
    ],
)
def test_it_says_for_whom_it_waits(said, words):
    assert words in LOGIC.waitingFor(said)


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("store-closed", "This store is closed: opens at 06:00."),
        ("price-changed", "prices have changed"),
        ("unknown-item", "no longer on the menu"),
        ("something-else", "did not take the order"),
    ],
)
def test_a_refusal_is_a_sentence(slug, words):
    said = LOGIC.refusal(answer(409, slug, "Store corner is closed: opens at 06:00."))
    assert words in said


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (order("placed"), "look whether everything is there"),
        (order("placed", "confirmed"), "payment is being taken"),
        (order("placed", "confirmed", "paid", "completed"), "Listen for CDE1F"),
        (order("placed", "rejected", reason="out of stock: espresso"), "Sold out"),
        (order("placed", "rejected", reason="The card was declined."), "payment failed"),
        (order("placed", "cancelled", reason="cancelled by the store"), "was cancelled"),
        (order("placed", "confirmed", "paid", "cancelled", reason="out of stock"), "given back"),
    ],
)  # fmt: skip
def test_a_state_is_a_sentence(seen, words):
    assert words in LOGIC.sentence(seen)


def test_a_timeline_shows_what_was_reached_and_what_is_to_come():
    steps = LOGIC.timeline(order("placed", "confirmed"))
    assert [step["at"] for step in steps] == ["t0", "t1", None, None]
    assert [step["label"] for step in LOGIC.timeline(order("placed", "rejected"))] == [
        "Received",
        "Not possible",
    ]


@pytest.mark.parametrize(
    ("status", "ends", "may_cancel"),
    [
        ("placed", False, True),
        ("confirmed", False, True),
        ("paid", False, False),
        ("completed", True, False),
        ("rejected", True, False),
        ("cancelled", True, False),
    ],
)
def test_polling_stops_at_an_end_and_cancelling_before_the_payment(status, ends, may_cancel):
    assert (LOGIC.ended(order(status)), LOGIC.mayCancel(order(status))) == (ends, may_cancel)


def ticket(number, receipt="r1"):
    return {"id": f"t{number}", "orderId": f"o{number}", "lines": [], "receipt": receipt}


def test_a_ticket_goes_from_new_to_being_made_to_done():
    board = BOARD.delivered(BOARD.emptyBoard(), [ticket(1), ticket(2)])
    assert [one["making"] for one in board["tickets"]] == [False, False]
    board = BOARD.started(board, "t1")
    assert [one["making"] for one in board["tickets"]] == [True, False]
    board = BOARD.finished(board, "t1")
    assert [one["id"] for one in board["tickets"]] == ["t2"]
    assert BOARD.unheard(board, 10) == ["r1"]
    assert BOARD.finished(board, "t1") == board


def test_a_ticket_that_comes_again_is_shown_once_where_it_is_with_its_new_receipt():
    board = BOARD.started(BOARD.delivered(BOARD.emptyBoard(), [ticket(1)]), "t1")
    board = BOARD.delivered(board, [ticket(1, "r2")])
    assert [(one["id"], one["making"], one["receipt"]) for one in board["tickets"]] == [
        ("t1", True, "r2")
    ]


def test_what_is_done_and_comes_again_is_handed_in_again_and_never_made_twice():
    board = BOARD.delivered(BOARD.emptyBoard(), [ticket(1)])
    board = BOARD.heard(BOARD.finished(board, "t1"), ["r1"])
    assert BOARD.unheard(board, 10) == []
    board = BOARD.delivered(board, [ticket(1, "r2")])
    assert board["tickets"] == []
    assert BOARD.unheard(board, 10) == ["r2"]


def test_a_board_takes_no_more_new_tickets_than_it_shows():
    board = BOARD.delivered(BOARD.emptyBoard(), [ticket(number) for number in range(8)])
    assert BOARD.room(board, 10) == 4
    board = BOARD.delivered(board, [ticket(number) for number in range(8, 14)])
    assert BOARD.room(board, 10) == 0
    for number in range(14):
        board = BOARD.started(board, f"t{number}")
    assert BOARD.room(board, 10) == 10
