"""The truth about a CafeStore, as its status says it. Written by `effects/report_store.py` only."""

from __future__ import annotations

from pydantic import Field

from cloudcafe_operator.resources.common import StatusModel, Time, keyed_by
from cloudcafe_operator.resources.conditions import Condition


class OwnedResource(StatusModel):
    """Something that exists for this store."""

    kind: str = Field(description="For example SQSQueue.")
    name: str = Field(description="Its name there.")
    arn: str = Field(default="", description="Its ARN or URL.")
    state: str = Field(
        description="Ready, Missing, Unknown; Alarm: it rings; Kept: unused, with its data; "
        "Leaving: it is being removed."
    )


class Drift(StatusModel):
    """A setting that somebody changed by hand."""

    kind: str = Field(default="SQSQueue", description="As in driftPolicies.")
    resource: str = Field(description="The resource's name.")
    field: str = Field(description="The setting.")
    want: str = Field(description="What the spec means.")
    got: str = Field(description="What is there.")
    since: Time = Field(description="When it was first seen.")


class Change(StatusModel):
    """What adopting would change."""

    kind: str = Field(description="As in status.drift.")
    resource: str = Field(description="The resource's name.")
    field: str = Field(description="The setting.")
    want: str = Field(description="What it becomes.")
    got: str = Field(description="What it is.")


class Adoption(StatusModel):
    """What exists under the store's names without an owner, and would be taken over."""

    word: str = Field(
        description="Agree to exactly these changes with the annotation cloudcafe.dev/adopt=WORD."
    )
    changes: tuple[Change, ...] = Field(description="Everything that would be changed.")


class Hop(StatusModel):
    """One part of the way of an order."""

    name: str = Field(description="accept: HTTP answer; confirm: stock reserved and all told.")
    ms: int = Field(description="Milliseconds.")


class OrderPath(StatusModel):
    """The last coffee that the operator tried to buy."""

    order_id: str = Field(default="", description="The synthetic order.")
    at: Time = Field(description="When it was known how it ended.")
    next_at: Time = Field(description="When the next is bought, if it is the store's turn.")
    generation: int = Field(default=0, description="The metadata.generation it proves.")
    total_ms: int | None = Field(default=None, description="From ordering to confirmation.")
    hops: tuple[Hop, ...] = Field(default=(), description="Where the time went.")


class Unmended(StatusModel):
    """Where the orders are that differed and were not seen mended: looks come back to them."""

    since: Time = Field(description="The first of them was placed at this moment.")
    until: Time = Field(description="All of them were placed before this one.")
    first: str = Field(default="", description="What was found of the first.")


class Ledger(StatusModel):
    """The look at the books on which LedgerBalanced rests: the last that changed it."""

    since: Time = Field(description="Orders placed from this moment on were compared.")
    until: Time = Field(description="And before this one.")
    orders: int = Field(description="How many there were.")
    findings: int = Field(description="How many damages were found.")
    first: tuple[str, ...] = Field(default=(), description="The first of them, at most five.")
    unmended: Unmended | None = Field(
        default=None, description="The damage, of earlier looks too, that is not mended yet."
    )


class NextRush(StatusModel):
    """The rush that is on, or else the next."""

    name: str = Field(description="As in spec.rushes.")
    start: Time = Field(description="When it begins.")
    end: Time = Field(description="When it is over.")
    orders_per_minute: int = Field(description="How many orders are expected.")


class Deed(StatusModel):
    """One change that the operator made on AWS for this store."""

    at: Time = Field(description="When.")
    what: str = Field(description="The action as IAM and CloudTrail name it, and on what.")
    why: str = Field(description="What made it necessary.")
    request_id: str = Field(default="", description="AWS's id of the request.")


class Deletion(StatusModel):
    """How far deleting has come."""

    done: tuple[str, ...] = Field(default=(), description="What is gone.")
    next: str = Field(default="", description="What goes next.")
    blocked_by: str = Field(default="", description="Why it waits, and what to do.")
    since: Time | None = Field(default=None, description="Since when it waits for that.")


class CostLine(StatusModel):
    """A part of what a store costs."""

    what: str = Field(description="For what.")
    count: int = Field(description="How many.")
    monthly_usd: str = Field(alias="monthlyUSD", description="What they cost a month.")


class CostEstimate(StatusModel):
    """What the store costs for being there; requests, messages and storage come on top."""

    monthly_usd: str = Field(alias="monthlyUSD", description="US dollars a month.")
    priced_on: str = Field(description="The day of the prices: eu-west-1, without the free tier.")
    lines: tuple[CostLine, ...] = Field(default=(), description="Its parts.")


class CafeStoreStatus(StatusModel):
    """What the operator found."""

    observed_generation: int = Field(default=0, description="The spec this status is about.")
    store_id: str = Field(default="", description="Its id at the cafe's services.")
    accepting_orders: bool = Field(default=False, description="Whether guests can order.")
    open: bool = Field(default=False, description="Whether it is open by its hours.")
    next_change: Time | None = Field(
        default=None, description="When guests can or cannot order next, as its hours say."
    )
    next_rush: NextRush | None = Field(default=None, description="What it gets ready for.")
    conditions: tuple[Condition, ...] = Field(
        default=(), description="The truth, one by one.", json_schema_extra=keyed_by("type")
    )
    resources: tuple[OwnedResource, ...] = Field(default=(), description="What exists for it.")
    drift: tuple[Drift, ...] = Field(
        default=(), description="What differs from the spec, the first fifty."
    )
    adoption: Adoption | None = Field(default=None, description="What waits for your word.")
    applied: dict[str, str] | None = Field(
        default=None, description="Digest of the wish that each part met last."
    )
    order_path: OrderPath | None = Field(default=None, description="The last coffee bought.")
    ledger: Ledger | None = Field(default=None, description="What the books of its orders say.")
    history: tuple[Deed, ...] = Field(
        default=(), description="The last 20 changes made on AWS, the newest last."
    )
    cost_estimate: CostEstimate | None = Field(default=None, description="What it costs a month.")
    deletion: Deletion | None = Field(default=None, description="How far deleting has come.")
