"""What was wished before: it tells drift, where a policy decides, from work to be done. Pure.

A difference is drift where the wish is the one that was met before: then somebody changed the
thing by hand, and the drift policy of its kind decides. Where the wish is new, the difference is
work. Which wish was met last is kept in the status, as a digest for each part. What is missing is
made again under every policy: without it no coffee can be bought.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cloudcafe_operator.planning.manifests.store import build_config
from cloudcafe_operator.planning.store_cluster import wished
from cloudcafe_operator.planning.store_drift import (
    KIND_OF,
    TAGS,
    Difference,
    parts,
    registration,
    with_redrive,
)
from cloudcafe_operator.planning.store_extras import EXTRAS
from cloudcafe_operator.planning.store_parts import ChangePart, PartArea
from cloudcafe_operator.planning.store_steps import Step, TagQueue, TagSecret
from cloudcafe_operator.planning.store_world import AwsSecret, Observed, Queue, Wanted
from cloudcafe_operator.resources.common import GROUP
from cloudcafe_operator.resources.store import API_VERSION
from cloudcafe_operator.resources.store_status import Adoption, CafeStoreStatus

DIGITS = 12
FIRST = f"{GROUP}/v1alpha1"
QueueArea = Literal["queue", "dead_letters"]


@dataclass(frozen=True, slots=True)
class Memory:
    """What the status remembers: the wish that each part met last, and the adoption proposed.

    `legacy`: an operator wrote it that noted none, and only reported the queues' settings.
    `written`: the parts that this process has written and that the status does not tell of yet.
    """

    applied: Mapping[str, str] | None = None
    legacy: bool = False
    adoption: Adoption | None = None
    drifted: frozenset[str] = frozenset()  # names of what differed last
    written: frozenset[str] = frozenset()


def memory_of(status: CafeStoreStatus) -> Memory:
    """Return what a status remembers."""
    legacy = status.applied is None and bool(status.store_id)
    drifted = frozenset(one.resource for one in status.drift)
    return Memory(status.applied, legacy, status.adoption, drifted)


def met_settings(
    area: QueueArea, wanted: Wanted, memory: Memory, dead_letters_arn: str
) -> Mapping[str, str] | None:
    """Return a queue's settings where this very wish was met when they were read last."""
    queue = wanted.dead_letters
    if area == "queue":
        queue = with_redrive(wanted.queue, Queue("", dead_letters_arn, {}, {}))
    met_last = (memory.applied or {}).get(area) == _digest(queue.attributes)
    return queue.attributes if met_last and queue.name not in memory.drifted else None


def may_write(step: Step, wanted: Wanted, observed: Observed, memory: Memory) -> bool:
    """Whether a step may be done: it makes what is missing, is new, or corrects as it should."""
    if isinstance(step, ChangePart) and step.what in ("create", "finish", "remove"):
        return True
    part = part_of(step)
    if part not in WISHES or part in memory.written or getattr(observed, step.area) is None:
        return True
    if memory.legacy:
        by_hand = part in ("queue", "dead_letters")
    else:
        by_hand = (memory.applied or {}).get(part) == _digest(WISHES[part](wanted, observed))
    return not by_hand or wanted.terms.policy(KIND_OF[step.area]) == "Correct"


def part_of(step: Step) -> str:
    """Return the part of a store that a step writes: its tags are one of their own."""
    tags = isinstance(step, TagQueue | TagSecret)
    tags = tags or (isinstance(step, ChangePart) and step.what == "tag")
    return step.area + (TAGS if tags else "")


def met(
    wanted: Wanted, observed: Observed, found: tuple[Difference, ...], memory: Memory
) -> dict[str, str]:
    """Return which wish each part met last: this one where nothing differs, else as before."""
    differing = {one.part for one in found}
    applied = dict(memory.applied or {})
    for part, _, _ in parts(wanted, observed):
        if part not in differing:
            applied[part] = _digest(WISHES[part](wanted, observed))
    return applied


def _digest(wish: Any) -> str:
    text = json.dumps(wish, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _wished_order_queue(wanted: Wanted, observed: Observed) -> Any:
    dead_letters = observed.dead_letters
    if not isinstance(dead_letters, Queue):
        return None
    return with_redrive(wanted.queue, dead_letters).attributes


def _wished_till(wanted: Wanted, observed: Observed) -> Any:
    version = observed.secret.version if isinstance(observed.secret, AwsSecret) else ""
    wish = version, wanted.identity.name
    # its owner's version, too: a move is no change by hand; of the first no digest tells
    return wish if API_VERSION == FIRST else (*wish, API_VERSION)


def _wished_config(wanted: Wanted, observed: Observed) -> Any:
    queue, secret = observed.queue, observed.secret
    if not isinstance(queue, Queue) or not isinstance(secret, AwsSecret):
        return None
    return build_config(wanted, queue, secret)


def _wished_settings(area: PartArea) -> Callable[[Wanted, Observed], Any]:
    return lambda wanted, _: {thing.name: thing.settings for thing in wanted.extras[area]}


#: What is wished for each part. What is not in it, is corrected whatever the policy.
WISHES: Mapping[str, Callable[[Wanted, Observed], Any]] = {
    "dead_letters": lambda wanted, _: wanted.dead_letters.attributes,
    "dead_letters.tags": lambda wanted, _: wished(wanted.tags),
    "queue": _wished_order_queue,
    "queue.tags": lambda wanted, _: wished(wanted.tags),
    "secret.tags": lambda wanted, _: wished(wanted.tags),
    "till": _wished_till,
    "config": _wished_config,
    "store": registration,
    "menu": lambda wanted, _: wanted.menu,
    **{part.area: _wished_settings(part.area) for part in EXTRAS},
    **{part.area + TAGS: lambda wanted, _: wished(wanted.tags) for part in EXTRAS},
}
