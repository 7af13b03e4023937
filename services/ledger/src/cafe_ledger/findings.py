"""What can be wrong with the books: the one list of kinds, and a finding of one of them.

Made by the checks, grouped by `report.py`, shown by `cafectl audit` and in a CafeStore's status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """Each kind of damage; its meaning is in MEANINGS."""

    ORDER_STUCK = "order-stuck"
    ORDER_TOTAL = "order-total"
    ORDER_DUPLICATED = "order-duplicated"
    CHARGE_MISSING = "charge-missing"
    CHARGE_DUPLICATED = "charge-duplicated"
    CHARGE_DIFFERING = "charge-differing"
    CHARGE_UNWANTED = "charge-unwanted"
    CHARGE_OPEN = "charge-open"
    CHARGE_ORPHANED = "charge-orphaned"
    PAYMENT_MISSING = "payment-missing"
    PAYMENT_DUPLICATED = "payment-duplicated"
    PAYMENT_DIFFERING = "payment-differing"
    PAYMENT_UNWANTED = "payment-unwanted"
    PAYMENT_OPEN = "payment-open"
    PAYMENT_ORPHANED = "payment-orphaned"
    STOCK_MISSING = "stock-missing"
    STOCK_DUPLICATED = "stock-duplicated"
    STOCK_DIFFERING = "stock-differing"
    STOCK_UNWANTED = "stock-unwanted"
    STOCK_HELD = "stock-held"
    STOCK_ORPHANED = "stock-orphaned"
    LEVEL_UNBALANCED = "level-unbalanced"
    LEVEL_NEGATIVE = "level-negative"
    LEVEL_HELD = "level-held"
    LEVEL_SOLD = "level-sold"
    POINTS_MISSING = "points-missing"
    POINTS_DUPLICATED = "points-duplicated"
    POINTS_DIFFERING = "points-differing"
    POINTS_UNWANTED = "points-unwanted"
    POINTS_ORPHANED = "points-orphaned"
    SALE_MISSING = "sale-missing"
    SALE_DUPLICATED = "sale-duplicated"
    SALE_DIFFERING = "sale-differing"
    SALE_ORPHANED = "sale-orphaned"


MEANINGS: dict[Kind, str] = {
    Kind.ORDER_STUCK: "an order has not come to its end in time",
    Kind.ORDER_TOTAL: "an order's total is not the sum of its lines",
    Kind.ORDER_DUPLICATED: "an order stands in the order book more than once",
    Kind.CHARGE_MISSING: "a completed order was not charged by the provider",
    Kind.CHARGE_DUPLICATED: "a customer was charged more than once for an order",
    Kind.CHARGE_DIFFERING: "a charge is not of the order's amount, currency and store",
    Kind.CHARGE_UNWANTED: "money was kept for an order that was rejected or cancelled",
    Kind.CHARGE_OPEN: "an authorisation was left open on an order that ended",
    Kind.CHARGE_ORPHANED: "the provider's statement names an order that nobody placed",
    Kind.PAYMENT_MISSING: "the payment processor has no entry for a completed order",
    Kind.PAYMENT_DUPLICATED: "the payment processor has several entries for an order",
    Kind.PAYMENT_DIFFERING: "the payment processor's entry differs from order or statement",
    Kind.PAYMENT_UNWANTED: "the payment processor kept money for an order that did not complete",
    Kind.PAYMENT_OPEN: "the payment processor did not close the payment of an order that ended",
    Kind.PAYMENT_ORPHANED: "the payment processor names an order that nobody placed",
    Kind.STOCK_MISSING: "the stock of a completed order was not committed",
    Kind.STOCK_DUPLICATED: "the inventory has several movements for an order",
    Kind.STOCK_DIFFERING: "the inventory moved other items or quantities than were ordered",
    Kind.STOCK_UNWANTED: "stock was sold for an order that did not complete",
    Kind.STOCK_HELD: "stock is still held for an order that ended without a sale",
    Kind.STOCK_ORPHANED: "the inventory names an order that nobody placed",
    Kind.LEVEL_UNBALANCED: "an item's stock is not available + reserved + sold",
    Kind.LEVEL_NEGATIVE: "an item's stock is below nothing: more was sold than there was",
    Kind.LEVEL_HELD: "an item's reserve is not what orders under way hold of it",
    Kind.LEVEL_SOLD: "more of an item left the house for orders than its counter says",
    Kind.POINTS_MISSING: "a customer did not get the points of a completed order",
    Kind.POINTS_DUPLICATED: "a customer got points for an order more than once",
    Kind.POINTS_DIFFERING: "a customer got other points than the order is worth",
    Kind.POINTS_UNWANTED: "points were granted for an order that earns none",
    Kind.POINTS_ORPHANED: "points were granted for an order that nobody placed",
    Kind.SALE_MISSING: "analytics has no row of an order",
    Kind.SALE_DUPLICATED: "analytics has several rows of an order",
    Kind.SALE_DIFFERING: "analytics has another status, total, currency or store",
    Kind.SALE_ORPHANED: "analytics has a row of an order that nobody placed",
}

#: What late messages can still put right; a second look a while later tells damage from delay.
MAY_SETTLE = frozenset(
    {
        Kind.CHARGE_MISSING,
        Kind.CHARGE_UNWANTED,
        Kind.CHARGE_OPEN,
        Kind.PAYMENT_MISSING,
        Kind.PAYMENT_UNWANTED,
        Kind.PAYMENT_OPEN,
        Kind.STOCK_MISSING,
        Kind.STOCK_HELD,
        Kind.POINTS_MISSING,
        Kind.SALE_MISSING,
        Kind.SALE_DIFFERING,
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One damage: about an order, or about an item of a store's stock."""

    kind: Kind
    store_id: str
    found: str
    expected: str
    order_id: str = ""
    sku: str = ""
    placed_at: datetime | None = None  # when the order was; an item's stock has no such moment

    @property
    def about(self) -> str:
        """The order's id, or the item's."""
        return self.order_id or self.sku

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        what = f"order {self.order_id}" if self.order_id else f"item {self.sku}"
        return (
            f"{what} of {self.store_id}: {MEANINGS[self.kind]} "
            f"(found {self.found}, expected {self.expected})"
        )
