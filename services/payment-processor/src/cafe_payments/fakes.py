"""A provider and a ledger table in memory, for tests: the same obligations, and worse manners."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from cafe_kit.fakes import Answer, FakeAws

from cafe_payments.errors import NotReachedError, OutcomeUnknownError, ProviderError
from cafe_payments.models import Charge, Entry

Trouble = Callable[[str], str | None]
Done = TypeVar("Done")


@dataclass
class FakeProvider:
    """A provider that can charge twice, charge late, and charge without answering.

    `trouble` is asked at each call (its name) and answers None, `unreached`, `lost` (nothing done,
    no answer), `unheard` (done, no answer) or `late` (no answer, and done only `late_seconds` on).
    """

    clock: Callable[[], float]
    late_seconds: float = 29.9

    remembers_keys: bool = True
    declines: bool = False
    trouble: Trouble = lambda _call: None
    charges: dict[str, list[Charge]] = field(default_factory=dict)
    captures: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    held_off: float = 0.0
    _keys: dict[str, str] = field(default_factory=dict)
    _late: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    _serial: "itertools.count[int]" = field(default_factory=itertools.count)

    def hold_off_seconds(self) -> float:
        """As the test says."""
        return self.held_off

    def appear(self, *, until: float = math.inf) -> None:
        """What was sent and not done yet is done now, as far as it is due."""
        due = [do for at, do in self._late if at <= until]
        self._late = [(at, do) for at, do in self._late if at > until]
        for do in due:
            do()

    async def authorise(self, entry: Entry, key: str) -> Charge:
        """Reserve the money, again if the key is forgotten."""
        return self._answer("authorise", lambda: self._authorise(entry.order_id, key))

    async def find(self, order_id: str) -> Sequence[Charge]:
        """All charges of an order."""
        return self._answer("find", lambda: list(self.charges.get(order_id, [])))

    async def capture(self, charge_id: str) -> Charge:
        """Take the money."""
        return self._answer("capture", lambda: self._move(charge_id, "authorised", "captured"))

    async def void(self, charge_id: str) -> Charge:
        """Let the money go."""
        return self._answer("void", lambda: self._move(charge_id, "authorised", "voided"))

    async def refund(self, charge_id: str) -> Charge:
        """Give the money back."""
        return self._answer("refund", lambda: self._move(charge_id, "captured", "refunded"))

    def _answer(self, call: str, do: Callable[[], Done]) -> Done:
        self.appear(until=self.clock())
        self.calls.append(call)
        trouble = self.trouble(call)
        failure: ProviderError | None = None
        if trouble == "unreached":
            raise NotReachedError(f"{call} (fake)")
        if trouble == "late":
            self._late.append((self.clock() + self.late_seconds, do))
        if trouble in {"lost", "late"}:
            raise OutcomeUnknownError(f"{call} (fake, {trouble})")
        if trouble == "unheard":
            failure = OutcomeUnknownError(f"{call} (fake, unheard)")
        answer = do()
        if failure is not None:
            raise failure
        return answer

    def _authorise(self, order_id: str, key: str) -> Charge:
        known = self._keys.get(key) if self.remembers_keys else None
        of_order = self.charges.setdefault(order_id, [])
        if known is not None:
            return next(charge for charge in of_order if charge.charge_id == known)
        state = "declined" if self.declines else "authorised"
        charge = Charge(f"ch-{next(self._serial)}", state)  # type: ignore[arg-type] # one of the two
        of_order.append(charge)
        self._keys[key] = charge.charge_id
        return charge

    def _move(self, charge_id: str, begin: str, end: str) -> Charge:
        for order_id, of_order in self.charges.items():
            for index, charge in enumerate(of_order):
                if charge.charge_id != charge_id:
                    continue
                if charge.state == begin:
                    moved: Any = replace(charge, state=end)  # type: ignore[arg-type] # a state
                    of_order[index] = moved
                    if end == "captured":
                        self.captures[order_id] = self.captures.get(order_id, 0) + 1
                return of_order[index]
        raise AssertionError(f"nobody made charge {charge_id}")


class FakeTables(FakeAws):
    """DynamoDB in memory beside the kit's SQS: what the ledger needs of it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.items: dict[str, Answer] = {}

    def _dynamodb_get_item(self, parameters: Answer) -> Answer:
        item = self.items.get(parameters["Key"]["pk"]["S"])
        return {"Item": dict(item)} if item else {}

    def _dynamodb_query(self, parameters: Answer) -> Answer:
        values = {
            name: value["S"] for name, value in parameters["ExpressionAttributeValues"].items()
        }
        found = sorted(
            (item["ledgerSk"]["S"], item)
            for item in self.items.values()
            if item["ledgerPk"]["S"] == values[":pk"]
            and values[":low"] <= item["ledgerSk"]["S"] <= values[":high"]
        )
        page = [item for _, item in found[: parameters["Limit"]]]
        answer: Answer = {
            # as DynamoDB does it: the filter comes after the limit
            "Items": [
                i for i in page if i["storeId"]["S"] == values.get(":store", i["storeId"]["S"])
            ]
        }
        if len(found) > len(page):
            answer["LastEvaluatedKey"] = {"ledgerSk": page[-1]["ledgerSk"]}
        return answer

    def _dynamodb_transact_write_items(self, parameters: Answer) -> Answer:
        puts = [write["Put"] for write in parameters["TransactItems"]]
        keys = [put["Item"]["pk"]["S"] for put in puts]
        if len(set(keys)) != len(keys):
            raise ClientError({"Error": {"Code": "ValidationException"}}, "TransactWriteItems")
        reasons = [self._reason(put) for put in puts]
        if any(reason["Code"] != "None" for reason in reasons):
            response: Any = {
                "Error": {"Code": "TransactionCanceledException"},
                "CancellationReasons": reasons,
            }
            raise ClientError(response, "TransactWriteItems")
        for put in puts:
            self.items[put["Item"]["pk"]["S"]] = dict(put["Item"])
        return {}

    def _reason(self, put: Answer) -> Answer:
        stored = self.items.get(put["Item"]["pk"]["S"])
        values = put.get("ExpressionAttributeValues")
        before = values[":before"]["N"] if values else None
        if (stored["version"]["N"] if stored else None) == before:
            return {"Code": "None"}
        return {"Code": "ConditionalCheckFailed", **({"Item": dict(stored)} if stored else {})}


@dataclass
class FakeMetrics:
    """Counts and times by name."""

    counts: dict[str, float] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)

    def count(self, name: str, value: float = 1.0) -> None:
        """Something happened."""
        self.counts[name] = self.counts.get(name, 0.0) + value

    def time(self, name: str, seconds: float) -> None:
        """Something took this long."""
        self.times.setdefault(name, []).append(seconds)


@dataclass
class FakeClock:
    """A clock that tests move."""

    now: datetime

    def __call__(self) -> datetime:
        """What time it is."""
        return self.now
