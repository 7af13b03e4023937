"""`cafectl audit`: what is asked, how it ends, and that silence is never green."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cafe_ledger.collect import BookError
from cafe_ledger.fakes import FakeBooks
from cafe_ledger.report import Report
from cafectl import audit_command
from cafectl.app import app
from cafectl.audit import judge, moment, money, span
from cafectl.books import HttpBooks
from typer.testing import CliRunner

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKEN = "service-token"


class Services:
    """All services by their names in the cluster, answering from books in memory."""

    def __init__(self):
        self.books = FakeBooks()
        self.statuses = {}
        self.requests = []

    def answer(self, request):
        self.requests.append(request)
        book = request.url.host
        if book in self.statuses:
            status = self.statuses[book]
            if status == 0:
                raise httpx.ConnectError("refused", request=request)
            return httpx.Response(status, text="no")
        if request.headers["authorization"] != f"Bearer {TOKEN}":
            return httpx.Response(401, text="who are you?")
        found = self.books.answer(book, request.url.path, dict(request.url.params))
        return httpx.Response(200, json=found)


@pytest.fixture
def services(monkeypatch):
    found = Services()
    made = httpx.AsyncClient

    def client(**options):
        return made(**options, transport=httpx.MockTransport(found.answer))

    monkeypatch.setattr(audit_command.httpx, "AsyncClient", client)
    monkeypatch.setattr("cafectl.books.BACKOFFS_S", (0.0, 0.0))
    for name in ("CAFE_SERVICE_TOKEN", "CAFE_PAYMENT_PROVIDER_URL", "CAFE_ORDER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CAFE_SERVICE_TOKEN", TOKEN)
    monkeypatch.setenv("CAFE_PAYMENT_PROVIDER_URL", "http://payment-provider:8080")
    return found


def ago(**span_):
    return datetime.now(UTC) - timedelta(**span_)


def run(*arguments):
    result = CliRunner().invoke(app, ["audit", "--wait", "0s", *arguments])
    assert not isinstance(result.exception, AssertionError), result.exception
    return result


def test_books_that_balance_end_with_0_and_a_row_for_each_store(services):
    services.books.sell(at=ago(minutes=5), store="a.one")
    services.books.sell(at=ago(minutes=6), store="b.two")
    services.books.level()
    result = run("--since", "1h")
    assert result.exit_code == 0
    assert "a.one" in result.stdout
    assert "2.50 EUR" in result.stdout
    assert "The books balance: 2 orders, 1 items." in result.stdout


def test_damage_ends_with_1_and_names_the_orders_by_kind(services):
    order_id = services.books.sell(at=ago(minutes=5))
    services.books.repeat("payment-provider", order_id, chargeId="second")
    result = run()
    assert result.exit_code == 1
    assert "charge-duplicated (1): a customer was charged more than once" in result.stdout
    assert f"  cloudcafe.soho {order_id}: found 2 captured" in result.stdout


def test_orders_whose_stock_nobody_remembers_are_counted_and_no_damage(services):
    services.books.kept_from = ago(minutes=30)
    services.books.remove("inventory", services.books.sell(at=ago(minutes=40)))
    services.books.sell(at=ago(minutes=5))
    result = run()
    assert result.exit_code == 0
    assert "Stock was not compared for 1 of the orders" in result.stdout
    assert "The books balance: 2 orders" in result.stdout


def test_orders_whose_points_nobody_remembers_are_counted_and_no_damage(services):
    services.books.points_kept_from = ago(minutes=30)
    services.books.remove("loyalty", services.books.sell(at=ago(minutes=40)))
    result = run()
    assert result.exit_code == 0
    assert "Points were not compared for 1 of the orders" in result.stdout


def test_many_findings_are_bounded_and_say_how_many_more_there_are(services):
    for _ in range(30):
        services.books.remove("loyalty", services.books.sell(at=ago(minutes=5)))
    result = run()
    lines = [line for line in result.stdout.splitlines() if line.startswith("  cloudcafe.soho")]
    assert len(lines) == 10
    assert "and 20 more" in result.stdout


def test_no_orders_end_with_3_and_are_not_green(services):
    result = run()
    assert result.exit_code == 3
    assert "nothing was compared" in result.stdout


def test_damage_to_the_stock_counts_though_there_are_no_orders(services):
    services.books.level(available=-1)
    assert run().exit_code == 1


def test_orders_that_are_all_under_way_cannot_be_judged(services):
    services.books.order("paid", at=ago(minutes=1))
    result = run()
    assert result.exit_code == 2
    assert "1 of 1 orders are still under way" in result.stdout


def test_orders_under_way_are_told_and_do_not_matter_where_nobody_asked_to_wait(services):
    services.books.sell(at=ago(minutes=5))
    services.books.order("paid", at=ago(minutes=1))
    result = run()
    assert result.exit_code == 0
    assert "1 still under way" in result.stdout


def test_waiting_for_what_does_not_end_in_time_cannot_be_judged(services):
    services.books.sell(at=ago(minutes=5))
    services.books.order("paid", at=ago(minutes=1))
    assert run("--wait", "1s").exit_code == 2


def test_a_book_that_cannot_be_reached_ends_with_2_and_the_remedy(services):
    services.books.sell(at=ago(minutes=5))
    services.statuses["analytics-worker"] = 0
    result = run()
    assert result.exit_code == 2
    assert "kubectl port-forward svc/analytics-worker and use --analytics-url" in result.stderr


def test_a_wrong_token_ends_with_2_and_says_where_the_right_one_is(services):
    result = run("--token", "wrong")
    assert result.exit_code == 2
    assert "Secret cloudcafe-service-token" in result.stderr


def test_without_a_provider_its_statement_is_said_to_be_missing(services):
    order_id = services.books.sell(at=ago(minutes=5))
    services.books.repeat("payment-provider", order_id, chargeId="second")
    result = run("--provider-url", "")
    assert result.exit_code == 0
    assert "Provider statement not available" in result.stdout
    assert "payment-provider" not in {request.url.host for request in services.requests}


def test_json_has_everything_and_nothing_else(services):
    order_id = services.books.sell(at=ago(minutes=5))
    services.books.remove("inventory", order_id)
    result = run("--json")
    told = json.loads(result.stdout)
    assert (told["exitCode"], told["damages"], told["providerStatement"]) == (1, 1, True)
    assert told["findings"][0]["orderId"] == order_id
    assert told["stores"][0]["revenueMinor"] == {"EUR": 250}


def test_only_the_window_and_store_that_were_asked_for_are_read(services):
    run("--since", "2026-03-01T10:00Z", "--until", "2026-03-01T11:00Z", "--store", "a.one")
    stores = {request.url.params["storeId"] for request in services.requests}
    assert stores == {"a.one"}
    orders = next(one for one in services.requests if one.url.path.endswith("/ledger"))
    params = dict(orders.url.params)
    assert params["from"] == "2026-03-01T10:00:00.000000Z"
    assert params["until"] == "2026-03-01T11:00:00.000000Z"


@pytest.mark.parametrize(
    "options", [["--since", "yesterday"], ["--settle", "soon"], ["--since", "now"]]
)
def test_options_that_mean_nothing_are_refused_with_an_example(services, options):
    result = run(*options)
    assert result.exit_code == 2
    assert services.requests == []


def test_spans_and_moments_are_read_as_people_write_them():
    assert span("1h30m") == timedelta(minutes=90)
    assert span("7d") == timedelta(days=7)
    assert moment("24h", NOW) == NOW - timedelta(days=1)
    assert moment("now", NOW) == NOW
    assert moment("2026-03-01T11:00", NOW) == NOW - timedelta(hours=1)
    for wrong in ("", "h", "10 minutes"):
        with pytest.raises(ValueError, match="write for example 30s"):
            span(wrong)


def test_money_of_several_currencies_is_not_added_up():
    assert money({"EUR": 1250, "GBP": 99}) == "12.50 EUR + 0.99 GBP"
    assert money({}) == "0"


def test_an_empty_report_is_never_green():
    assert judge(Report(), waited=False).code == 3


async def test_a_short_outage_is_sat_out():
    answers = [httpx.Response(503), httpx.Response(429), httpx.Response(200, json={"entries": []})]
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    transport = httpx.MockTransport(lambda _: answers.pop(0))
    async with httpx.AsyncClient(transport=transport) as client:
        books = HttpBooks(client, {"order": "http://order"}, TOKEN, sleep)
        assert await books.get("order", "/ledger", {}) == {"entries": []}
    assert slept == [0.2, 1.0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(404), "is that the order service"),
        (httpx.Response(422, text="bad cursor"), "answered 422"),
        (httpx.Response(200, text="<html>"), "without JSON"),
        (httpx.Response(200, json=[]), "without an object"),
    ],
)
async def test_an_answer_that_is_no_page_of_a_book_is_named(answer, said):
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as client:
        with pytest.raises(BookError, match=said):
            await HttpBooks(client, {"order": "http://order"}, TOKEN).get("order", "/ledger", {})
