"""CafeStore: a store as its owner declares it, and the truth about it.

Every field of the spec has an effect in this version; what is not built yet is not in the schema.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from cloudcafe_operator.resources.common import (
    KNOWN_ZONE,
    Model,
    Rule,
    StatusModel,
    Time,
    cel,
    keyed_by,
)
from cloudcafe_operator.resources.conditions import Condition
from cloudcafe_operator.resources.crd import Column, Definition
from cloudcafe_operator.resources.week import NO_OVERLAP, Hours, Rush

SKU = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
FINALIZER = "cloudcafe.dev/cleanup"
FORCE_DELETE = "cloudcafe.dev/force-delete"
REASONS = {
    "Ready": "all is in place",
    "Creating": "work is under way",
    "WaitingForStore": "something else must be in place first",
    "Verifying": "a coffee was ordered, its confirmation has not come yet",
    "Verified": "a coffee was bought",
    "NotConfirmed": "a coffee was ordered and not confirmed in time",
    "Rejected": "the order for a coffee was rejected",
    "OrderRefused": "the order service did not take the order",
    "NotAcceptingOrders": "spec.acceptingOrders is false",
    "Closed": "a coffee could be bought, but by its hours the store is closed",
    "OwnedBySomeoneElse": "a resource of that name belongs to someone else",
    "InvalidSpec": "the spec asks for something impossible",
    "AccessDenied": "the operator lacks a permission",
    "ThrottledByAWS": "an API asked us to slow down",
    "Unavailable": "something did not answer",
    "Waiting": "not yet",
    "Balanced": "the books of the orders of the last window agree",
    "BooksDiffer": "the books disagree: status.ledger names the first orders",
    "NoOrders": "no orders in that time, so no books to compare",
    "Drifted": "something differs from the spec and driftPolicy is Report",
    "NoDrift": "nothing differs",
    "Ignored": "driftPolicy is Ignore",
    "Paused": "spec.paused is true",
    "NotPaused": "spec.paused is false",
    "Bug": "an assumption of the operator is false",
}


class Item(Model):
    """One thing on the menu."""

    sku: str = Field(
        min_length=1, max_length=64, pattern=SKU, description="Its key, for example flat-white."
    )
    name: str = Field(min_length=1, max_length=120, description="What the guest reads.")
    price_minor: int = Field(
        le=10_000_000,
        description="The price in minor units: 380 is 3.80.",
        json_schema_extra=cel(
            Rule("self > 0", "priceMinor must be above 0: the price in minor units, 380 is 3.80")
        ),
    )
    category: str | None = Field(
        default=None, min_length=1, max_length=64, description="A heading on the menu."
    )


class Par(Model):
    """How much of an item a store opens with."""

    sku: str = Field(min_length=1, max_length=64, pattern=SKU, description="An item of the menu.")
    quantity: int = Field(
        le=1_000_000,
        description="Portions.",
        json_schema_extra=cel(Rule("self >= 0", "quantity must be 0 or more portions")),
    )


class Chaos(Model):
    """Whether this store's own AWS resources may be broken on purpose."""

    allowed: bool = Field(
        default=False, description="Tags its queues and secret cloudcafe.dev/chaos=allowed."
    )


class CafeStoreSpec(Model):
    """What its owner wants."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.menu) || !has(self.stock) || "
            "self.stock.all(par, self.menu.exists(item, item.sku == par.sku))",
            "each sku in stock must be on the menu: add the item to menu or remove it from stock",
            ".stock",
        ),
        NO_OVERLAP,
    )

    city: str = Field(min_length=1, max_length=80, description="Where it is.")
    timezone: str = Field(
        min_length=1,
        max_length=64,
        description="IANA name, for example Europe/Lisbon.",
        json_schema_extra=cel(KNOWN_ZONE),
    )
    currency: str = Field(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217, as EUR.")
    tier: Literal["kiosk", "standard", "flagship"] = Field(
        default="standard", description="Its size: decides the opening stock where none is given."
    )
    menu: tuple[Item, ...] = Field(
        default=(),
        min_length=1,
        max_length=100,
        description="What it sells; the house menu where it is left out.",
        json_schema_extra=keyed_by("sku"),
    )
    stock: tuple[Par, ...] = Field(
        default=(),
        max_length=100,
        description="Opening stock; items left out get the tier's.",
        json_schema_extra=keyed_by("sku"),
    )
    accepting_orders: bool = Field(
        default=True, description="False closes it for new orders, whatever its hours say."
    )
    hours: tuple[Hours, ...] = Field(
        default=(), max_length=21, description="When it is open; always, where left out."
    )
    rushes: tuple[Rush, ...] = Field(
        default=(),
        max_length=12,
        description="When many orders are expected.",
        json_schema_extra=keyed_by("name"),
    )
    chaos: Chaos = Field(default=Chaos(), description="Consent to experiments.")
    deletion_policy: Literal["Delete", "Retain"] = Field(
        default="Delete",
        description="Retain keeps its queues, secret and data when it is deleted.",
    )
    drift_policy: Literal["Correct", "Report", "Ignore"] = Field(
        default="Report", description="What happens when its queues' settings were changed by hand."
    )
    paused: bool = Field(
        default=False, description="True: nothing is changed but deletion still works."
    )

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        """Say it again where the API server could not."""
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(KNOWN_ZONE.message) from None
        return value


class OwnedResource(StatusModel):
    """Something that exists for this store."""

    kind: str = Field(description="For example SQSQueue.")
    name: str = Field(description="Its name there.")
    arn: str = Field(default="", description="Its ARN or URL.")
    state: str = Field(description="Ready, Missing or Unknown.")


class Drift(StatusModel):
    """A setting that somebody changed by hand."""

    resource: str = Field(description="The resource's name.")
    field: str = Field(description="The setting.")
    want: str = Field(description="What the spec means.")
    got: str = Field(description="What is there.")
    since: Time = Field(description="When it was first seen.")


class Hop(StatusModel):
    """One part of the way of an order."""

    name: str = Field(description="accept: HTTP answer; confirm: stock reserved and all told.")
    ms: int = Field(description="Milliseconds.")


class OrderPath(StatusModel):
    """The last coffee that the operator tried to buy."""

    order_id: str = Field(default="", description="The synthetic order.")
    at: Time = Field(description="When it was known how it ended.")
    next_at: Time = Field(description="When the next is bought.")
    generation: int = Field(default=0, description="The metadata.generation it proves.")
    total_ms: int | None = Field(default=None, description="From ordering to confirmation.")
    hops: tuple[Hop, ...] = Field(default=(), description="Where the time went.")


class Ledger(StatusModel):
    """The look at the books on which LedgerBalanced rests: the last that changed it."""

    since: Time = Field(description="Orders placed from this moment on were compared.")
    until: Time = Field(description="And before this one.")
    orders: int = Field(description="How many there were.")
    findings: int = Field(description="How many damages were found.")
    first: tuple[str, ...] = Field(default=(), description="The first of them, at most five.")


class NextRush(StatusModel):
    """The rush that is on, or else the next."""

    name: str = Field(description="As in spec.rushes.")
    start: Time = Field(description="When it begins.")
    end: Time = Field(description="When it is over.")
    orders_per_minute: int = Field(description="How many orders are expected.")


class Deletion(StatusModel):
    """How far deleting has come."""

    done: tuple[str, ...] = Field(default=(), description="What is gone.")
    next: str = Field(default="", description="What goes next.")
    blocked_by: str = Field(default="", description="Why it waits, and what to do.")


class CafeStoreStatus(StatusModel):
    """What the operator found."""

    observed_generation: int = Field(default=0, description="The spec this status is about.")
    store_id: str = Field(default="", description="Its id at the cafe's services.")
    accepting_orders: bool = Field(default=False, description="Whether guests can order.")
    open: bool = Field(default=False, description="Whether it is open by its hours.")
    next_change: Time | None = Field(default=None, description="When it opens or closes next.")
    next_rush: NextRush | None = Field(default=None, description="What it gets ready for.")
    conditions: tuple[Condition, ...] = Field(
        default=(), description="The truth, one by one.", json_schema_extra=keyed_by("type")
    )
    resources: tuple[OwnedResource, ...] = Field(default=(), description="What exists for it.")
    drift: tuple[Drift, ...] = Field(default=(), description="What was changed by hand.")
    order_path: OrderPath | None = Field(default=None, description="The last coffee bought.")
    ledger: Ledger | None = Field(default=None, description="What the books of its orders say.")
    deletion: Deletion | None = Field(default=None, description="How far deleting has come.")


def _condition(type_: str, field: str = "status") -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{field}'


DEFINITION = Definition(
    kind="CafeStore",
    plural="cafestores",
    description="A cafe of the chain: it is Ready when a coffee could be bought there.",
    spec=CafeStoreSpec,
    status=CafeStoreStatus,
    short_names=("store", "stores"),
    rules=(
        Rule(
            "self.metadata.name.size() <= 63",
            "a store's name may have at most 63 characters: its resources are named after it",
        ),
    ),
    columns=(
        Column("City", ".spec.city", priority=1),
        Column("Tier", ".spec.tier"),
        Column("Open", ".status.acceptingOrders", "boolean", "Whether guests can order."),
        Column("Ready", _condition("Ready")),
        Column("Reason", _condition("Ready", "reason")),
        Column("Coffee ms", ".status.orderPath.totalMs", "integer", "From order to confirmation."),
        Column("Ledger", _condition("LedgerBalanced"), description="Whether its books balance."),
        Column("Drift", _condition("Drifted"), priority=1),
        Column("Age", ".metadata.creationTimestamp", "date"),
        Column("Message", _condition("Ready", "message"), priority=1),
    ),
)


def example() -> dict[str, Any]:
    """Return the shortest useful store, for documentation and tests."""
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "CafeStore",
        "metadata": {"name": "corner", "namespace": "default"},
        "spec": {"city": "Lisbon", "timezone": "Europe/Lisbon", "currency": "EUR"},
    }
