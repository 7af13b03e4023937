"""From a store's spec to everything that must exist for it. Pure."""

from __future__ import annotations

from cloudcafe_operator.errors import UserError
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.opening import Timetable
from cloudcafe_operator.planning.store_extras import wanted_extras
from cloudcafe_operator.planning.store_world import (
    CHAOS_TAG,
    CLUSTER_TAG,
    OWNER_TAG,
    PART_OF_TAG,
    Identity,
    Json,
    Platform,
    Terms,
    Wanted,
    WantedQueue,
)
from cloudcafe_operator.resources.menu import HOUSE_MENU, Item
from cloudcafe_operator.resources.slo import objectives
from cloudcafe_operator.resources.store import CafeStoreSpec

OPENING_STOCK = {"kiosk": 500, "standard": 2_000, "flagship": 10_000}
QUEUE_ATTRIBUTES = {
    "FifoQueue": "true",
    "VisibilityTimeout": "30",
    "MessageRetentionPeriod": "345600",  # four days
}
DEAD_LETTER_ATTRIBUTES = {
    "FifoQueue": "true",
    "VisibilityTimeout": "30",
    "MessageRetentionPeriod": "1209600",  # fourteen days, the most that AWS keeps
}
MOST_RECEIVES = 5


def wanted_store(
    spec: CafeStoreSpec, identity: Identity, platform: Platform, times: Timetable
) -> Wanted:
    """Return everything that must exist at this time."""
    namespace, name = identity.namespace, identity.name
    tags = _tags(spec, identity, platform)
    menu = spec.menu or HOUSE_MENU
    return Wanted(
        identity=identity,
        store_id=naming.store_id(namespace, name),
        platform=platform,
        queue=WantedQueue(naming.order_queue(namespace, name), QUEUE_ATTRIBUTES, tags),
        dead_letters=WantedQueue(
            naming.dead_letter_queue(namespace, name), DEAD_LETTER_ATTRIBUTES, tags
        ),
        secret=naming.secret(namespace, name),
        tags=tags,
        store={
            "name": name,
            "city": spec.city,
            "timezone": spec.timezone,
            "currency": spec.currency,
            "tier": spec.tier,
            "queueLimit": spec.queue_limit,
            "measured": objectives(spec) is not None,
            **_accepting(spec, times),
        },
        menu={"currency": spec.currency, "items": [item.manifest() for item in menu]},
        stock={"items": _opening_stock(spec, menu)},
        extras=wanted_extras(spec, identity, platform, tags),
        terms=Terms(
            spec.management_policy,
            spec.drift_policy,
            {one.kind: one.policy for one in spec.drift_policies},
            identity.word,
        ),
    )


def _accepting(spec: CafeStoreSpec, times: Timetable) -> Json:
    """Return whether guests may order; a store that is off promises no opening by its hours."""
    if not spec.accepting_orders:
        return {"acceptingOrders": False, "closedReason": None}
    if times.opening.is_open:
        return {"acceptingOrders": True}
    return {"acceptingOrders": False, "closedReason": times.closed_reason}


def _opening_stock(spec: CafeStoreSpec, menu: tuple[Item, ...]) -> list[Json]:
    """Return the tier's stock of each item of the menu, and what the spec says instead."""
    said = {par.sku: par.quantity for par in spec.stock}
    par = {item.sku: OPENING_STOCK[spec.tier] for item in menu}
    unknown = sorted(said.keys() - par.keys())
    if unknown:
        raise UserError(
            f"spec.stock: {', '.join(unknown)} is not on the house menu ({', '.join(par)}): "
            "write the store's own spec.menu, or remove it from spec.stock"
        )
    par |= said
    return [{"sku": sku, "quantity": quantity} for sku, quantity in par.items()]


def _tags(spec: CafeStoreSpec, identity: Identity, platform: Platform) -> dict[str, str]:
    owner = naming.owner(identity.namespace, identity.name, identity.uid)
    tags = {OWNER_TAG: owner, CLUSTER_TAG: platform.cluster, PART_OF_TAG: "cloudcafe"}
    return tags | ({CHAOS_TAG: "allowed"} if spec.chaos.allowed else {})
