"""CafeStore: a store as its owner declares it, and the truth about it.

Every field of the spec has an effect in this version; what is not built yet is not in the schema.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from cloudcafe_operator.resources.common import (
    GROUP,
    Model,
    Rule,
    cel,
    keyed_by,
)
from cloudcafe_operator.resources.crd import Column, Definition, Version, stored
from cloudcafe_operator.resources.menu import ON_THE_HOUSE_MENU, ON_THE_MENU, Item, Par
from cloudcafe_operator.resources.slo import Slo, Tier
from cloudcafe_operator.resources.store_status import CafeStoreStatus
from cloudcafe_operator.resources.text import Plain, Zone
from cloudcafe_operator.resources.week import NO_OVERLAP, Hours, ProtectedHours, Rush

KIND = "CafeStore"
# docs/recipes/change-a-version.md says how they change
VERSIONS = (Version("v1alpha1"),)
API_VERSION = f"{GROUP}/{stored(VERSIONS)}"
FINALIZER = "cloudcafe.dev/cleanup"
FORCE_DELETE = "cloudcafe.dev/force-delete"
ACCEPT_DAMAGE = "cloudcafe.dev/accept-damage"  # a moment: what was damaged before it, stays so
ADOPT = "cloudcafe.dev/adopt"  # an annotation: the word of status.adoption, repeated
DriftKind = Literal[
    "SQSQueue", "SecretsManagerSecret", "Secret", "ConfigMap", "Registration", "Menu",
    "CloudWatchAlarm", "CloudWatchDashboard", "DynamoDBTable",
]  # fmt: skip
Policy = Literal["Correct", "Report", "Ignore"]
SAME_CURRENCY = Rule(
    "self == oldSelf",
    "currency cannot be changed: the store's prices, orders and books are in it. Make a store of "
    "another name in the new currency, and delete this one",
)


class Chaos(Model):
    """Whether and when experiments may touch this store."""

    allowed: bool = Field(
        default=False, description="Tags all it has on AWS cloudcafe.dev/chaos=allowed."
    )
    protected_hours: tuple[ProtectedHours, ...] = Field(
        default=(),
        max_length=21,
        description="When no run may begin that touches the store or what stores of its namespace "
        "share, by the store's clock; one that is in force then is undone.",
    )
    max_concurrent: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="How many runs may touch it at once, from the injection until it is whole "
        "again; any number where it is left out.",
    )


class DriftPolicy(Model):
    """What happens to one kind of resource that was changed by hand."""

    kind: DriftKind = Field(
        description="As status.drift names it; Registration and Menu are at the cafe's services."
    )
    policy: Policy = Field(description="As driftPolicy.")


class CafeStoreSpec(Model):
    """What its owner wants."""

    rules: ClassVar[tuple[Rule, ...]] = (
        ON_THE_MENU,
        ON_THE_HOUSE_MENU,
        NO_OVERLAP,
        Rule(
            "!has(self.managementPolicy) || self.managementPolicy != 'Observe' || "
            "(!has(self.driftPolicy) || self.driftPolicy != 'Correct') && "
            "(!has(self.driftPolicies) || self.driftPolicies.all(one, one.policy != 'Correct'))",
            "managementPolicy Observe writes nothing: no drift policy may be Correct",
            ".managementPolicy",
        ),
    )

    city: Plain = Field(min_length=1, max_length=80, description="Where it is.")
    timezone: Zone = Field(
        min_length=1, max_length=64, description="IANA name, for example Europe/Lisbon."
    )
    currency: str = Field(
        pattern="^[A-Z]{3}$",
        max_length=3,
        description="ISO 4217, as EUR. It cannot be changed.",
        json_schema_extra=cel(SAME_CURRENCY),
    )
    tier: Tier = Field(
        default="standard",
        description="Its size: decides the opening stock where none is given, what its slo is, and "
        "whether it has a dashboard. A flagship has its own DynamoDB table, and keeps it.",
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
        description="When many orders are expected; none are while it is closed by its hours.",
        json_schema_extra=keyed_by("name"),
    )
    queue_limit: int | None = Field(
        default=None,
        ge=1,
        le=5000,
        description="How many of its orders may be under way: new ones are refused for a moment "
        "then (503 with Retry-After). Without limit, where left out.",
    )
    slo: Slo | None = Field(
        default=None,
        description="What it promises; by tier, where left out. A kiosk promises nothing unless it "
        "says so here: measuring its orders costs more than its alarms.",
    )
    dashboard: bool | None = Field(
        default=None,
        description="Whether it has a CloudWatch dashboard of its own, which costs 3 US dollars a "
        "month. By tier, where left out: a flagship has one.",
    )
    chaos: Chaos = Field(default=Chaos(), description="Consent to experiments.")
    deletion_policy: Literal["Delete", "Retain"] = Field(
        default="Delete",
        description="Retain keeps its queues, secret, table and data when it is deleted; "
        "alarms and dashboard go.",
    )
    final_backup: bool = Field(
        default=False,
        description="True: before a flagship's own table is deleted, a backup of it is made on "
        "demand and seen to be complete. It is kept until you delete it.",
    )
    management_policy: Literal["Manage", "Adopt", "Observe"] = Field(
        default="Manage",
        description="Manage makes and keeps what the store needs, and refuses what it finds there. "
        "Adopt also takes over what Terraform or a person made under the store's names and "
        "without an owner, and what an earlier store of this name left, as in a cluster that is "
        "gone: status.adoption shows first what that would change, and the annotation "
        "cloudcafe.dev/adopt agrees to it. Observe writes nothing but its status, "
        "which shows every difference, and leaves all in place when it is deleted.",
    )
    drift_policy: Policy = Field(
        default="Report",
        description="What happens when something of its was changed by hand: Correct puts it "
        "right, Report tells it and never writes, Ignore does neither. What is missing is made "
        "again in any case.",
    )
    drift_policies: tuple[DriftPolicy, ...] = Field(
        default=(),
        max_length=20,
        description="Another driftPolicy for some kinds of resources.",
        json_schema_extra=keyed_by("kind"),
    )
    paused: bool = Field(
        default=False, description="True: nothing is changed but deletion still works."
    )


def _condition(type_: str, field: str = "status") -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{field}'


DEFINITION = Definition(
    kind=KIND,
    plural="cafestores",
    description="A cafe of the chain: it is Ready when a coffee could be bought there.",
    spec=CafeStoreSpec,
    status=CafeStoreStatus,
    versions=VERSIONS,
    short_names=("store", "stores"),
    rules=(
        Rule(
            "self.metadata.name.size() <= 63",
            "a store's name may have at most 63 characters: its resources are named after it",
        ),
        Rule(
            "!self.metadata.name.contains('.')",
            "a store's name may have no dot: SQS allows none in the name of a queue",
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
        Column("USD/month", ".status.costEstimate.monthlyUSD", priority=1),
        Column("Drift", _condition("Drifted"), priority=1),
        Column("Age", ".metadata.creationTimestamp", "date"),
        Column("Message", _condition("Ready", "message"), priority=1),
    ),
)


def example() -> dict[str, Any]:
    """Return the shortest useful store, for documentation and tests."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "corner", "namespace": "default"},
        "spec": {"city": "Lisbon", "timezone": "Europe/Lisbon", "currency": "EUR"},
    }
