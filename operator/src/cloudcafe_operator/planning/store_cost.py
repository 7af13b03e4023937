"""What a store costs on AWS a month before anybody orders, from a dated table of prices. Pure.

Only what is paid for being there: requests, storage and messages follow the trade and are not
guessed. Prices are those of eu-west-1 on demand, without the free tier, which a chain has used up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cloudcafe_operator.resources.store_status import CostEstimate, CostLine

PRICED_ON = "2026-11-01"
SOURCE = "https://aws.amazon.com/cloudwatch/pricing/ and /secrets-manager/pricing/, eu-west-1"
CENT = Decimal("0.01")
#: US dollars a month for one.
USD = {
    "alarm": Decimal("0.10"),  # standard resolution
    "metric": Decimal("0.30"),  # of the first 10,000; 0.10 after that
    "dashboard": Decimal("3.00"),
    "secret": Decimal("0.40"),
    "table": Decimal("0.00"),  # on demand: paid by request, storage and backup by the gigabyte
    "queue": Decimal("0.00"),  # paid by request
}


@dataclass(frozen=True, slots=True)
class Line:
    """So many of something that has a price."""

    what: str
    priced_as: str
    count: int

    @property
    def usd(self) -> Decimal:
        """What they cost a month."""
        return USD[self.priced_as] * self.count


def estimate(lines: Iterable[Line]) -> CostEstimate:
    """Return what the status says: the sum, its parts, and how old the prices are."""
    found = (Line("Secrets Manager secret", "secret", 1), *lines)
    total = sum((line.usd for line in found), Decimal(0))
    return CostEstimate(
        monthly_usd=str(total.quantize(CENT)),
        priced_on=PRICED_ON,
        lines=tuple(
            CostLine(what=line.what, count=line.count, monthly_usd=str(line.usd.quantize(CENT)))
            for line in found
        ),
    )
