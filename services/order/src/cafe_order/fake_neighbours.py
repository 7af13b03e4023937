"""What the order service talks to, in memory, for tests: the inventory and DynamoDB.

Both behave as the real ones do where it matters to an order: repetitions change nothing, holds
lapse, an answer may be lost after it took effect.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from botocore.exceptions import ClientError
from cafe_kit.fakes import FakeAws

Answer = dict[str, Any]


@dataclass
class Hold:
    """An order's reservation."""

    store_id: str
    lines: dict[str, int]
    synthetic: bool
    status: str = "reserved"
    lapsed: bool = False


@dataclass
class FakeInventory:
    """`POST /reservations:batch` over counters; use `transport` as an httpx transport.

    `before` and `after` see every request, before and after it took effect: raising an
    `httpx.HTTPError` there loses the request, or its answer. `throttled` answers `unavailable`.
    """

    available: dict[tuple[str, str], int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    calls: list[list[Answer]] = field(default_factory=list)
    throttled: bool = False
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    @property
    def transport(self) -> httpx.MockTransport:
        """For the order service's client."""
        return httpx.MockTransport(self._answer)

    def lapse(self, order_id: str) -> None:
        """The hold's time is over: its stock is for sale again."""
        hold = self.holds[order_id]
        if hold.status == "reserved":
            self._move(hold, 1)
            hold.status, hold.lapsed = "released", True

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/livez":
            return httpx.Response(200, json={"status": "alive"})
        self.before()
        asked: list[Answer] = json.loads(request.content)["requests"]
        self.calls.append(asked)
        results = [self._result(each) for each in asked]
        self.after()
        return httpx.Response(200, json={"results": results})

    def _result(self, asked: Answer) -> Answer:
        status, detail = "unavailable", "DynamoDB throttles this service (fake)."
        if not self.throttled:
            act = {"reserve": self._reserve, "commit": self._commit, "release": self._release}
            status, detail = act[asked["action"]](asked)
        return {"orderId": asked["orderId"], "status": status, "detail": detail or None}

    def _reserve(self, asked: Answer) -> tuple[str, str]:
        known = self.holds.get(asked["orderId"])
        if known is not None and not known.lapsed:
            return known.status, ""
        lines = {line["sku"]: line["quantity"] for line in asked["lines"]}
        for sku, quantity in lines.items():
            left = self.available.get((asked["storeId"], sku), 0)
            if left < quantity:
                return "outOfStock", f"{left} of {sku!r} left, {quantity} were wanted."
        hold = Hold(asked["storeId"], lines, asked["synthetic"])
        self._move(hold, -1)
        self.holds[asked["orderId"]] = hold
        return "reserved", ""

    def _commit(self, asked: Answer) -> tuple[str, str]:
        hold = self.holds.get(asked["orderId"])
        if hold is None:
            return "notFound", ""
        if hold.status == "reserved":
            hold.status = "committed"
        return hold.status, ""

    def _release(self, asked: Answer) -> tuple[str, str]:
        hold = self.holds.get(asked["orderId"])
        if hold is None:
            return "notFound", ""
        if hold.status == "committed":
            return "conflict", "It is committed already."
        if hold.status == "reserved":
            self._move(hold, 1)
        hold.status, hold.lapsed = "released", False
        return "released", ""

    def _move(self, hold: Hold, sign: int) -> None:
        if not hold.synthetic:
            for sku, quantity in hold.lines.items():
                self.available[hold.store_id, sku] += sign * quantity


class CafeAws(FakeAws):
    """The kit's AWS in memory, with DynamoDB tables of the keys `pk` and `sk`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self.tables: dict[str, dict[tuple[str, str], Answer]] = {}
        self.leave_unprocessed = 0
        """How many the next BatchWriteItem is to leave over."""

    def items(self, table: str) -> list[Answer]:
        """A table's items by their keys."""
        return [item for _, item in sorted(self.tables.get(table, {}).items())]

    def _dynamodb_get_item(self, parameters: Answer) -> Answer:
        item = self._table(parameters).get(_key(parameters["Key"]))
        return {} if item is None else {"Item": item}

    def _dynamodb_put_item(self, parameters: Answer) -> Answer:
        """On the one condition that there is: no item, or one whose status is named."""
        item, named = parameters["Item"], parameters["ExpressionAttributeValues"].values()
        there = self._table(parameters).get(_key(item))
        if there is not None and there["status"] not in named:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        self.tables.setdefault(parameters["TableName"], {})[_key(item)] = item
        return {}

    def _dynamodb_batch_write_item(self, parameters: Answer) -> Answer:
        left: dict[str, list[Answer]] = {}
        for table, requests in parameters["RequestItems"].items():
            keys = [_key(request["PutRequest"]["Item"]) for request in requests]
            assert len(requests) <= 25, "DynamoDB takes 25"  # noqa: PLR2004 - its own limit
            assert len(set(keys)) == len(keys), "DynamoDB refuses an item twice"
            cut = len(requests) - self.leave_unprocessed
            self.leave_unprocessed = 0
            for key, request in zip(keys[:cut], requests[:cut], strict=True):
                self.tables.setdefault(table, {})[key] = request["PutRequest"]["Item"]
            if requests[cut:]:
                left[table] = list(requests[cut:])
        return {"UnprocessedItems": left}

    def _dynamodb_query(self, parameters: Answer) -> Answer:
        pk = parameters["ExpressionAttributeValues"][":pk"]["S"]
        keys = sorted(
            (key for key in self._table(parameters) if key[0] == pk),
            reverse=not parameters["ScanIndexForward"],
        )
        start = parameters.get("ExclusiveStartKey")
        if start is not None:
            keys = [key for key in keys if key < _key(start)]
        page = keys[: parameters["Limit"]]
        answer: Answer = {"Items": [self._table(parameters)[key] for key in page]}
        if len(keys) > len(page):
            answer["LastEvaluatedKey"] = {"pk": {"S": page[-1][0]}, "sk": {"S": page[-1][1]}}
        return answer

    def _table(self, parameters: Answer) -> dict[tuple[str, str], Answer]:
        return self.tables.get(parameters["TableName"], {})


def _key(item: Answer) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]
