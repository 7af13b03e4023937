"""The reports and the ledger over HTTP, on a real PostgreSQL."""

import csv
import io
from datetime import timedelta

import pytest
from cafe_analytics.fakes import NOON, batch, life
from cafe_analytics.tables import wants_csv
from cafe_kit.events import OrderedLine

TEA = OrderedLine(sku="tea", name="=Tea", quantity=3, unit_price_minor=100)


@pytest.fixture
async def client(open_worker, warehouse):
    async with open_worker(warehouse.dsn) as (_, opened):
        yield opened


@pytest.fixture
async def sold(client, sink):
    """Two stores, two currencies, three hours; and orders that brought nothing."""
    later = {"placed_at": NOON + timedelta(hours=2)}
    await sink.absorb(
        batch(
            [
                *life("o1"),
                *life("o2", placed_at=NOON + timedelta(minutes=59)),
                *life("o3", lines=(TEA,), total_minor=300, **later),
                *life("o4", store_id="dock", currency="GBP", lines=(TEA,), total_minor=300),
                *life("o5", ("placed", "rejected")),
                *life("o6", ("placed", "confirmed", "cancelled")),
                *life("o7", ("placed", "confirmed", "paid")),
            ]
        )
    )
    return client


async def rows(client, path, **query):
    response = await client.get(path, params=query)
    assert response.status_code == 200, response.text
    return response.json()["rows"]


async def test_sales_by_store_count_completed_orders_only(sold):
    assert await rows(sold, "/reports/sales/by-store") == [
        {"storeId": "corner", "currency": "EUR", "orders": 3, "revenueMinor": 1860},
        {"storeId": "dock", "currency": "GBP", "orders": 1, "revenueMinor": 300},
    ]


async def test_sales_by_hour_are_of_the_hour_of_placing_in_utc(sold):
    found = await rows(sold, "/reports/sales/by-hour", storeId="corner")
    assert [(row["hour"], row["orders"], row["revenueMinor"]) for row in found] == [
        ("2026-11-22T12:00:00Z", 2, 1560),
        ("2026-11-22T14:00:00Z", 1, 300),
    ]


async def test_sales_by_product_are_those_of_the_lines(sold):
    found = await rows(sold, "/reports/sales/by-product")
    assert [(r["sku"], r["currency"], r["quantity"], r["revenueMinor"]) for r in found] == [
        ("cake", "EUR", 2, 840),
        ("espresso", "EUR", 4, 720),
        ("tea", "EUR", 3, 300),
        ("tea", "GBP", 3, 300),
    ]


async def test_a_window_includes_its_beginning_and_not_its_end(sold):
    query = {"from": "2026-11-22T12:00:00Z", "until": "2026-11-22T12:59:00Z", "storeId": "corner"}
    (row,) = await rows(sold, "/reports/sales/by-store", **query)
    assert row["orders"] == 1
    query = {"from": "2026-11-22T13:00:00.000001+01:00"}
    assert (await rows(sold, "/reports/sales/by-store", **query))[0]["orders"] == 2


@pytest.mark.parametrize("report", ["by-store", "by-hour", "by-product"])
async def test_pages_together_are_the_whole_report(sold, report):
    whole = await rows(sold, f"/reports/sales/{report}")
    paged, cursor = [], {}
    while True:
        page = (await sold.get(f"/reports/sales/{report}", params={"limit": 1, **cursor})).json()
        paged += page["rows"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert paged == whole
    assert len(whole) > 1


@pytest.mark.parametrize(
    ("report", "keys"),
    [
        ("by-store", "store_id, currency"),
        ("by-hour", "hour_utc, store_id, currency"),
        ("by-product", "sku, currency"),
    ],
)
async def test_the_views_of_the_warehouse_say_the_same(sold, warehouse, report, keys):
    view = f"sales_{report.replace('-', '_')}"
    direct = await warehouse.rows(f"SELECT * FROM {view} ORDER BY {keys}")
    served = await rows(sold, f"/reports/sales/{report}")
    assert [int(row["revenue_minor"]) for row in direct] == [row["revenueMinor"] for row in served]


async def test_csv_for_who_asks_for_it_with_the_way_to_the_next_page(sold):
    headers = {"Accept": "text/csv"}
    path, lines = "/reports/sales/by-product?limit=2", []
    while path:
        response = await sold.get(path, headers=headers)
        assert response.headers["content-type"].startswith("text/csv")
        lines += list(csv.DictReader(io.StringIO(response.text)))
        path = response.links.get("next", {}).get("url")
    assert [line["sku"] for line in lines] == ["cake", "espresso", "tea", "tea"]
    assert lines[0]["revenueMinor"] == "840"
    assert lines[2]["name"] == "'=Tea", "a spreadsheet must not take a name for a formula"


@pytest.mark.parametrize(
    ("accept", "csv_wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/csv", True),
        ("text/csv;q=0", False),
        ("application/json, text/csv;q=0.5", False),
        ("application/json;q=0.1, text/csv", True),
        ("text/csv, */*;q=0.8", True),
        ("text/csv;q=nonsense", False),
    ],
)
def test_who_wants_csv(accept, csv_wanted):
    assert wants_csv(accept) is csv_wanted


async def test_the_ledger_has_every_order_with_its_status_and_one_row(sold):
    page = (await sold.get("/ledger", params={"limit": 1000})).json()
    assert page["next"] is None
    found = {entry["orderId"]: (entry["status"], entry["rows"]) for entry in page["entries"]}
    assert found == {
        "o1": ("completed", 1),
        "o2": ("completed", 1),
        "o3": ("completed", 1),
        "o4": ("completed", 1),
        "o5": ("rejected", 1),
        "o6": ("cancelled", 1),
        "o7": ("paid", 1),
    }
    assert page["entries"][0] == {
        "orderId": "o1",
        "storeId": "corner",
        "status": "completed",
        "currency": "EUR",
        "totalMinor": 780,
        "placedAt": "2026-11-22T12:00:00Z",
        "rows": 1,
    }


async def test_the_ledger_is_paged_by_time_and_order(sold):
    entries, cursor = [], {}
    while True:
        page = (await sold.get("/ledger", params={"limit": 2, **cursor})).json()
        assert len(page["entries"]) <= 2
        entries += page["entries"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [entry["orderId"] for entry in entries] == ["o1", "o4", "o5", "o6", "o7", "o2", "o3"]


async def test_the_ledger_keeps_to_its_window_and_store(sold):
    query = {"from": "2026-11-22T12:00:00Z", "until": "2026-11-22T12:30:00Z", "storeId": "dock"}
    entries = (await sold.get("/ledger", params=query)).json()["entries"]
    assert [entry["orderId"] for entry in entries] == ["o4"]


async def test_the_ledger_shows_an_order_that_stands_there_twice(sold, warehouse):
    await warehouse.execute("INSERT INTO orders SELECT * FROM orders WHERE order_id = 'o1'")
    entries = (await sold.get("/ledger", params={"limit": 1})).json()["entries"]
    assert [(entry["orderId"], entry["rows"]) for entry in entries] == [("o1", 2)]


async def test_the_month_end_report(sold, sink):
    await sink.absorb(batch(life("old", placed_at=NOON - timedelta(days=22)), shard="other"))
    report = (await sold.get("/reports/month-end", params={"month": "2026-11"})).json()
    assert report["orders"] == {"cancelled": 1, "completed": 4, "paid": 1, "rejected": 1}
    assert report["totals"] == [
        {"currency": "EUR", "orders": 3, "revenueMinor": 1860},
        {"currency": "GBP", "orders": 1, "revenueMinor": 300},
    ]
    assert [(day["day"], day["currency"]) for day in report["days"]] == [
        ("2026-11-22T00:00:00Z", "EUR"),
        ("2026-11-22T00:00:00Z", "GBP"),
    ]
    assert [store["storeId"] for store in report["stores"]] == ["corner", "dock"]
    assert [product["sku"] for product in report["products"]][:1] == ["espresso"]
    assert report["until"] == "2026-12-01T00:00:00Z"


async def test_the_month_after_december_is_in_the_next_year(client):
    report = (await client.get("/reports/month-end", params={"month": "2026-12"})).json()
    assert (report["until"], report["totals"]) == ("2027-01-01T00:00:00Z", [])


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/reports/month-end", {"month": "2026-13"}, "month"),
        ("/reports/month-end", {}, "month"),
        ("/ledger", {"limit": 0}, "limit"),
        ("/ledger", {"from": "2026-11-22T12:00:00"}, "from"),
        ("/ledger", {"from": "0001-01-01T00:00:00+05:00"}, "from"),
        ("/ledger", {"from": "2026-11-22T12:00:00Z", "until": "2026-11-22T12:00:00Z"}, "until"),
        ("/ledger", {"cursor": "nonsense"}, "cursor"),
        ("/reports/sales/by-hour", {"cursor": "eyJob3VyIjoieCJ9"}, "cursor"),
        ("/reports/sales/by-store", {"storeId": "No Such"}, "storeId"),
    ],
)
async def test_a_bad_question_is_refused_with_its_field(client, path, query, field):
    refused = await client.get(path, params=query)
    assert refused.status_code == 422, refused.text
    assert refused.json()["field"] == field
    assert refused.json()["remedy"]


async def test_only_the_platform_reads(client):
    for path in ("/ledger", "/reports/sales/by-store", "/reports/month-end?month=2026-11"):
        assert (await client.get(path, headers={"Authorization": ""})).status_code == 401
        till = {"Authorization": "Bearer till-key-of-somebody"}
        assert (await client.get(path, headers=till)).status_code == 403


async def test_one_events_amounts_do_not_break_a_sum(client, sink):
    most = 2**53 - 1
    lines = (OrderedLine(sku="gold", name="Gold", quantity=50, unit_price_minor=most),)
    events = [e for n in range(40) for e in life(f"o{n}", total_minor=most, lines=lines)]
    await sink.absorb(batch(events))
    (row,) = await rows(client, "/reports/sales/by-product")
    assert row["revenueMinor"] == 40 * 50 * most  # more than a bigint holds
