"""DynamoDB's throughput arithmetic, pure: token buckets and the size of items.

`consequences/dynamodb_capacity.py` uses it. Sources: the developer guide's pages "Burst
capacity" (300 seconds of unused capacity), "Item sizes and formats" and "Capacity unit
consumption" (4 KB a read unit, 1 KB a write unit, rounded up per item).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

BURST_SECONDS = 300
READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024


@dataclass(slots=True)
class TokenBucket:
    """Capacity units that may be spent now; `rate` units per second come back.

    Spending may run into debt, since the size of what is
    read is known only afterwards; debt is paid by waiting, as on AWS.
    """

    rate: float
    tokens: float
    at: float

    def admits(self, units: float, now: float) -> bool:
        """Whether `units` can be spent; nothing is spent yet.

        A request larger than the whole bucket is admitted by a full one, or it never would be.
        """
        self._refill(now)
        return self.tokens >= min(units, self.rate * BURST_SECONDS)

    def spend(self, units: float) -> None:
        """Take `units` (negative: give back what was estimated too high)."""
        self.tokens -= units

    def resize(self, rate: float, now: float) -> None:
        """Follow UpdateTable: less capacity takes effect at once, more is there at once.

        Lowering empties the bucket: on AWS the burst would hide the change for up to five
        minutes, here the consequence is meant to be seen. Raising forgives debt.
        """
        self._refill(now)
        if rate < self.rate:
            self.tokens = min(self.tokens, 0.0)
        elif rate > self.rate:
            self.tokens = max(self.tokens, rate)
        self.rate = rate

    def _refill(self, now: float) -> None:
        grown = self.tokens + max(0.0, now - self.at) * self.rate
        self.tokens = min(grown, self.rate * BURST_SECONDS)
        self.at = now


def write_units(item: dict[str, Any]) -> float:
    """Write units of one item, at least 1."""
    return float(max(1, math.ceil(item_size(item) / WRITE_UNIT_BYTES)))


def read_units(size: int, *, consistent: bool) -> float:
    """Read units of `size` bytes, at least one block; eventually consistent reads cost half."""
    blocks = max(1, math.ceil(size / READ_UNIT_BYTES))
    return blocks * (1.0 if consistent else 0.5)


def item_size(item: dict[str, Any]) -> int:
    """Bytes of an item in DynamoDB's JSON: names plus values.

    What is no item raises AttributeError, TypeError or ValueError.
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    """Bytes of one attribute value, `{"S": "…"}` and the like."""
    ((kind, content),) = value.items()
    weigh = _WEIGHTS.get(kind)
    return weigh(content) if weigh else 1


def _list_size(members: list[dict[str, Any]]) -> int:
    return 3 + sum(1 + _value_size(member) for member in members)


def _map_size(members: dict[str, Any]) -> int:
    return 3 + sum(1 + len(k.encode()) + _value_size(v) for k, v in members.items())


def _text_size(text: str) -> int:
    return len(text.encode())


def _binary_size(base64: str) -> int:
    return len(base64) * 3 // 4


def _number_size(text: str) -> int:
    """About one byte for two significant digits, plus one; two for a sign."""
    digits = text.lstrip("-+").replace(".", "").strip("0")
    return min(21, (len(digits) + 1) // 2 + 1 + text.startswith("-"))


_WEIGHTS: dict[str, Callable[[Any], int]] = {
    "S": _text_size,
    "N": _number_size,
    "B": _binary_size,
    "SS": lambda members: sum(map(_text_size, members)),
    "NS": lambda members: sum(map(_number_size, members)),
    "BS": lambda members: sum(map(_binary_size, members)),
    "L": _list_size,
    "M": _map_size,
}
"""By type; NULL and BOOL weigh one byte."""
