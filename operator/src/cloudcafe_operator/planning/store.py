"""What to do next for a store: wanted and observed in, steps out. Pure.

Called by `handlers/store.py` again and again until there is nothing left to do: a step whose input
is not known yet (the queue needs the other's ARN) simply comes in a later round. Each `plan_*`
looks at one part; a part that is in trouble or someone else's gets no step.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloudcafe_operator.planning.manifests.store import (
    build_config,
    build_till,
    differs,
    key_digest,
    noted_digest,
    till_key,
)
from cloudcafe_operator.planning.store_adoption import as_agreed
from cloudcafe_operator.planning.store_cluster import does_more, telling
from cloudcafe_operator.planning.store_drift import (
    queue_drift,
    registration,
    unwanted,
    with_redrive,
)
from cloudcafe_operator.planning.store_extras import plan_extras
from cloudcafe_operator.planning.store_memory import Memory, may_write
from cloudcafe_operator.planning.store_owner import is_ours, owned
from cloudcafe_operator.planning.store_steps import (
    ApplyManifest,
    Area,
    CreateQueue,
    CreateSecret,
    PutCafe,
    RestoreSecret,
    SetQueueAttributes,
    Step,
    TagQueue,
    TagSecret,
)
from cloudcafe_operator.planning.store_world import (
    SECRET_VERSION,
    AwsSecret,
    Observed,
    Queue,
    Trouble,
    Wanted,
    WantedQueue,
)
from cloudcafe_operator.resources.store import API_VERSION, KIND

TOKENS = uuid.UUID("6b1f2f0e-64f1-4a4c-9a44-0c6fe2d2a3b1")  # namespace of our client tokens


def plan_store(wanted: Wanted, observed: Observed, memory: Memory) -> list[Step]:
    """Return everything that can and may be done now, in an order that helps the next round."""
    wanted = as_agreed(wanted, observed, memory)
    steps = [
        *plan_queue("dead_letters", wanted.dead_letters, wanted, observed.dead_letters),
        *plan_order_queue(wanted, observed),
        *plan_secret(wanted, observed),
        *plan_extras(wanted, observed),
        *plan_till(wanted, observed),
        *plan_config(wanted, observed),
        *plan_registration(wanted, observed),
        *plan_menu(wanted, observed),
        *plan_stock(wanted, observed),
    ]
    permitted = (_permitted(step, wanted, observed, memory) for step in steps)
    return [step for step in permitted if step is not None]


def _permitted(step: Step, wanted: Wanted, observed: Observed, memory: Memory) -> Step | None:
    """Return what of a step may be done; that a thing tells its cluster is not up to the policy."""
    told = telling(step, wanted, observed)
    whole = told is None or does_more(step, observed)
    return step if whole and may_write(step, wanted, observed, memory) else told


def plan_order_queue(wanted: Wanted, observed: Observed) -> list[Step]:
    """The order queue comes when the dead-letter queue's ARN is known."""
    if not isinstance(observed.dead_letters, Queue):
        return []
    queue = with_redrive(wanted.queue, observed.dead_letters)
    return plan_queue("queue", queue, wanted, observed.queue)


def plan_queue(
    area: Area, queue: WantedQueue, wanted: Wanted, live: Queue | Trouble | None
) -> list[Step]:
    """Create it, or correct what may be corrected of our own."""
    if isinstance(live, Trouble):
        return []
    if live is None:
        return [CreateQueue(area, queue.name, queue.attributes, queue.tags)]
    if not owned(live.tags, wanted):
        return []
    steps: list[Step] = []
    if not _tags_match(live.tags, queue.tags):
        steps.append(TagQueue(area, live.url, queue.tags, unwanted(live.tags, queue.tags)))
    if changed := queue_drift(queue, live):
        attributes = {name: queue.attributes[name] for name in changed}
        steps.append(SetQueueAttributes(area, live.url, attributes))
    return steps


def plan_secret(wanted: Wanted, observed: Observed) -> list[Step]:
    """The till's key is made once; a key that Kubernetes still has survives a lost secret."""
    live = observed.secret
    if isinstance(live, Trouble) or isinstance(observed.till, Trouble):
        return []
    if live is None:
        free = replace(
            wanted, adopting=True
        )  # a key that nobody else's is survives, also unadopted
        kept = observed.till if observed.till and is_ours(observed.till, free) else None
        value = till_key(kept) if kept else ""
        token = str(uuid.uuid5(TOKENS, wanted.identity.uid))
        return [CreateSecret("secret", wanted.secret, token, wanted.tags, value)]
    if not owned(live.tags, wanted):
        return []
    if live.deleting:
        return [RestoreSecret("secret", wanted.secret)]
    if not _tags_match(live.tags, wanted.tags):
        remove = unwanted(live.tags, wanted.tags)
        return [TagSecret("secret", wanted.secret, wanted.tags, remove)]
    return []


def plan_till(wanted: Wanted, observed: Observed) -> list[Step]:
    """The Kubernetes Secret follows the AWS secret's current version."""
    secret, live = observed.secret, observed.till
    if not isinstance(secret, AwsSecret) or isinstance(live, Trouble) or secret.deleting:
        return []
    if not owned(secret.tags, wanted) or (live and not is_ours(live, wanted)):
        return []
    if secret.value:
        built = build_till(wanted, secret)
        return [] if live and not differs(live, built) else [ApplyManifest("till", built)]
    return []


def plan_config(wanted: Wanted, observed: Observed) -> list[Step]:
    """The ConfigMap comes when the queue's URL and the secret's ARN are known."""
    queue, secret, live = observed.queue, observed.secret, observed.config
    if not isinstance(queue, Queue) or not isinstance(secret, AwsSecret):
        return []
    if isinstance(live, Trouble) or (live and not is_ours(live, wanted)):
        return []
    built = build_config(wanted, queue, secret)
    return [] if live and not differs(live, built) else [ApplyManifest("config", built)]


def plan_registration(wanted: Wanted, observed: Observed) -> list[Step]:
    """The order service knows the store and the digest of its key."""
    live, till = observed.store, observed.till
    if isinstance(live, Trouble) or isinstance(till, Trouble) or not till:
        return []
    if not is_ours(till, wanted):
        return []
    body = registration(wanted, observed)
    return [] if live and not differs(live, body) else [PutCafe("store", body)]


def plan_menu(wanted: Wanted, observed: Observed) -> list[Step]:
    """The menu service sells exactly the menu."""
    live = observed.menu
    if isinstance(live, Trouble):
        return []
    if live and live.get("currency") == wanted.menu["currency"]:
        items = [_without_nothing(item) for item in live.get("items", [])]
        if items == wanted.menu["items"]:
            return []
    return [PutCafe("menu", wanted.menu)]


def plan_stock(wanted: Wanted, observed: Observed) -> list[Step]:
    """The inventory has each item; how many are left is the trade's business."""
    live = observed.stock
    if isinstance(live, Trouble):
        return []
    have = {item["sku"] for item in (live or {}).get("items", [])}
    missing = {item["sku"] for item in wanted.stock["items"]} - have
    return [PutCafe("stock", wanted.stock)] if missing or live is None else []


def needs_value(secret: AwsSecret | Trouble | None, till: Any) -> bool:
    """Whether the secret's value must be read: Kubernetes has none, an older or a changed one.

    Or one whose owner is named in an earlier version: it is written whole.
    """
    if not isinstance(secret, AwsSecret) or secret.deleting or isinstance(till, Trouble):
        return False
    if not till:
        return True
    owners = till["metadata"].get("ownerReferences") or []
    moved = any(one["kind"] == KIND and one["apiVersion"] != API_VERSION for one in owners)
    if moved or not till_key(till):
        return True
    noted = (till["metadata"].get("annotations") or {}).get(SECRET_VERSION)
    return noted != secret.version or key_digest(till) != noted_digest(till)


def _tags_match(live: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    has_all = all(live.get(name) == value for name, value in wanted.items())
    return has_all and not unwanted(live, wanted)


def _without_nothing(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if value is not None}
