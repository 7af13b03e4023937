"""What differs from the spec, field by field. Pure.

`differences` is the one comparison: the status shows them, an adoption asks for them, and
`store_memory.py` decides with them what is drift.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.manifests.store import (
    build_config,
    build_till,
    key_digest,
    noted_digest,
    till_key,
)
from cloudcafe_operator.planning.store_cluster import is_a_wish
from cloudcafe_operator.planning.store_extras import absent, extras_of_ours, orders_table
from cloudcafe_operator.planning.store_owner import is_ours, owned
from cloudcafe_operator.planning.store_parts import differing
from cloudcafe_operator.planning.store_wanted import MOST_RECEIVES
from cloudcafe_operator.planning.store_world import (
    CHAOS_TAG,
    AwsSecret,
    Json,
    Observed,
    Queue,
    Trouble,
    Wanted,
    WantedQueue,
)
from cloudcafe_operator.resources.store import DriftKind
from cloudcafe_operator.resources.store_status import Drift

MOST_SHOWN = 50
TAGS = ".tags"
REDRIVE = "RedrivePolicy"
DIGITS = 12
KIND_OF: Mapping[str, DriftKind] = {
    "dead_letters": "SQSQueue",
    "queue": "SQSQueue",
    "secret": "SecretsManagerSecret",
    "till": "Secret",
    "config": "ConfigMap",
    "store": "Registration",
    "menu": "Menu",
    "alarms": "CloudWatchAlarm",
    "dashboard": "CloudWatchDashboard",
    "table": "DynamoDBTable",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one thing; `part` is an area, or an area's tags."""

    part: str
    resource: str
    field: str
    want: str
    got: str

    @property
    def kind(self) -> DriftKind:
        """What it is a field of."""
        return KIND_OF[self.part.removesuffix(TAGS)]


def differences(wanted: Wanted, observed: Observed) -> tuple[Difference, ...]:
    """Return what differs in all that is there and ours."""
    return tuple(
        Difference(part, resource, field, want, got)
        for part, resource, found in parts(wanted, observed)
        for field, want, got in found
    )


def shown(
    found: tuple[Difference, ...], wanted: Wanted, old: tuple[Drift, ...], now: Any
) -> tuple[Drift, ...]:
    """Return what the status tells, with since when; kinds that are ignored are left out."""
    since = {(one.kind, one.resource, one.field): one.since for one in old}
    moment = now.replace(microsecond=0)
    told = [one for one in found if wanted.terms.policy(one.kind) != "Ignore"]
    return tuple(
        Drift(
            kind=one.kind,
            resource=one.resource,
            field=one.field,
            want=one.want,
            got=one.got,
            since=since.get((one.kind, one.resource, one.field), moment),
        )
        for one in told[:MOST_SHOWN]
    )


def queue_drift(queue: WantedQueue, live: Queue) -> dict[str, tuple[str, str]]:
    """Return the settings that differ: wanted and got. What AWS does not tell is no drift.

    A redrive policy is told where there is one.
    """
    got = {REDRIVE: "", **live.attributes}
    return {
        name: (value, got[name])
        for name, value in queue.attributes.items()
        if name in got and not _same_setting(value, got[name])
    }


def with_redrive(queue: WantedQueue, dead_letters: Queue) -> WantedQueue:
    """Return the order queue with its way to the dead letters."""
    policy = {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": MOST_RECEIVES}
    attributes = {**queue.attributes, REDRIVE: json.dumps(policy)}
    return WantedQueue(queue.name, attributes, queue.tags)


def unwanted(live: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Of our own optional tags, those that are there and not wanted. Others' tags stay."""
    return tuple(name for name in (CHAOS_TAG,) if name in live and name not in wanted)


Fields = Iterator[tuple[str, str, str]]


def parts(wanted: Wanted, observed: Observed) -> Iterator[tuple[str, str, Fields]]:
    """Yield each part that is there and ours, with its name and what differs."""
    yield from _queue_parts("dead_letters", wanted.dead_letters, observed.dead_letters, wanted)
    if isinstance(observed.dead_letters, Queue):
        queue = with_redrive(wanted.queue, observed.dead_letters)
        yield from _queue_parts("queue", queue, observed.queue, wanted)
    secret = observed.secret
    if isinstance(secret, AwsSecret) and owned(secret.tags, wanted):
        yield "secret" + TAGS, wanted.secret, _tags(wanted.tags, secret.tags)
    for extra, thing, live in extras_of_ours(wanted, observed):
        settings = ((name, *both) for name, both in differing(thing, live).items())
        yield extra.area, thing.name, settings
        yield extra.area + TAGS, thing.name, _tags(thing.tags, live.tags)
    name = wanted.identity.name
    till, config = _live(observed.till), _live(observed.config)
    if till and isinstance(secret, AwsSecret) and is_ours(till, wanted):
        yield "till", naming.till(name), _till(wanted, secret, till)
    queue_live = observed.queue
    if config and isinstance(queue_live, Queue) and isinstance(secret, AwsSecret) and is_ours(
        config, wanted
    ):  # fmt: skip
        built = build_config(wanted, queue_live, secret)
        yield "config", naming.config(name), _fields(built, config)
    if store := _live(observed.store):
        yield "store", wanted.store_id, _fields(registration(wanted, observed), store)
    if menu := _live(observed.menu):
        yield "menu", wanted.store_id, _menu(wanted.menu, menu)


def _queue_parts(
    area: str, queue: WantedQueue, live: Queue | Trouble | None, wanted: Wanted
) -> Iterator[tuple[str, str, Fields]]:
    if isinstance(live, Queue) and owned(live.tags, wanted):
        settings = ((name, *both) for name, both in queue_drift(queue, live).items())
        yield area, queue.name, settings
        yield area + TAGS, queue.name, _tags(queue.tags, live.tags)


def _tags(want: Mapping[str, str], got: Mapping[str, str]) -> Fields:
    for name, value in want.items():
        if got.get(name) != value and is_a_wish(name, want, got):
            yield f"tags.{name}", value, got.get(name, "")
    for name in unwanted(got, want):
        yield f"tags.{name}", "", got[name]


def _till(wanted: Wanted, secret: AwsSecret, live: Json) -> Fields:
    """The key itself is never told, only that it is another one."""
    another = secret.value and till_key(live) != secret.value
    if another or key_digest(live) != noted_digest(live):
        yield "data.key", "the key in Secrets Manager", "another key"
    built = build_till(wanted, secret)
    without_key = {name: one for name, one in built.items() if name not in ("data", "metadata")}
    meta = {name: one for name, one in built["metadata"].items() if name != "annotations"}
    yield from _fields({**without_key, "metadata": meta}, live)


def registration(wanted: Wanted, observed: Observed) -> dict[str, Any]:
    """Return the store as the order service must know it: with the digest of the till's key."""
    till = _live(observed.till)
    digest = {"tillKeySha256": noted_digest(till)} if till and is_ours(till, wanted) else {}
    tickets = {"ticketsQueue": _tickets_queue(wanted, observed)}
    return {**wanted.store, **digest, **tickets, **orders_table(wanted, observed)}


def _tickets_queue(wanted: Wanted, observed: Observed) -> str | None:
    """Return the URL to which the order service sends the store's tickets.

    Where the queue is missing, or cannot be looked at, it is as the service knows it: the queue is
    made again under the same URL, and meanwhile the tickets wait for it there.
    """
    queue = observed.queue
    if isinstance(queue, Queue):
        return queue.url if owned(queue.tags, wanted) else None
    return (_live(observed.store) or {}).get("ticketsQueue")


def _menu(want: Json, got: Json) -> Fields:
    if got.get("currency") != want["currency"]:
        yield "currency", str(want["currency"]), str(got.get("currency"))
    items = {item["sku"]: item for item in got.get("items", [])}
    for item in want["items"]:
        if (live := items.pop(item["sku"], None)) is None:
            yield f"items.{item['sku']}", "on the menu", "missing"
        else:
            for field, wish, has in _fields({"category": None, **item}, live):
                yield f"items.{item['sku']}.{field}", wish, has
    for sku in items:
        yield f"items.{sku}", "", "on the menu"


def _fields(want: Json, got: Json, within: str = "") -> Fields:
    """Yield the leaves of `want` that are not so in `got`."""
    for name, value in want.items():
        has = got.get(name)
        if isinstance(value, dict):
            yield from _fields(value, has if isinstance(has, Mapping) else {}, f"{within}{name}.")
        elif value != has:
            yield f"{within}{name}", _text(value), _text(has)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def missing(wanted: Wanted, observed: Observed) -> tuple[Difference, ...]:
    """Return what is not there at all, where nothing is made."""
    name = wanted.identity.name
    rows = (
        ("dead_letters", wanted.dead_letters.name),
        ("queue", wanted.queue.name),
        ("secret", wanted.secret),
        ("till", naming.till(name)),
        ("config", naming.config(name)),
        ("store", wanted.store_id),
        ("menu", wanted.store_id),
    )
    own = tuple(
        Difference(part, resource, "exists", "yes", "no")
        for part, resource in rows
        if getattr(observed, part) is None
    )
    extras = (Difference(area, called, "exists", "yes", "no")
              for area, called in absent(wanted, observed))  # fmt: skip
    return (*own, *extras)


def _live(part: Json | Trouble | None) -> Json | None:
    return None if isinstance(part, Trouble) else part


def _same_setting(want: str, got: str) -> bool:
    if want == got:
        return True
    try:  # policies are JSON in any order, with numbers as text or not
        return bool(_plain(json.loads(want)) == _plain(json.loads(got)))
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    return {name: str(one) for name, one in value.items()} if isinstance(value, dict) else value
