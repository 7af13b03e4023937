"""What the owners of stores allow of experiments: protected hours, and how many runs at once. Pure.

A run touches a store when it breaks what is the store's own (its queues, its table, by their owner
tag), or something shared (a pod, a node, a cluster) in whose namespace, or in whose experiment's
namespace, the store is. See docs/decisions/0010.

Used by `limits.py` before a run, and by `run.py` while something is in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from cloudcafe_operator.errors import UserError
from cloudcafe_operator.planning.opening import DAY, Interval, merged, occurrences
from cloudcafe_operator.resources.common import parse_known
from cloudcafe_operator.resources.run import Target
from cloudcafe_operator.resources.store import Chaos
from cloudcafe_operator.resources.week import ProtectedHours

NOON = time(12)
Manifest = Mapping[str, Any]


class _Meta(TypedDict, total=False):
    name: Any
    namespace: Any


class _Spec(TypedDict, total=False):
    timezone: Any
    chaos: Any


class StoreInShort(TypedDict, total=False):
    """What `guards` reads of a store: ten thousand whole ones would take 300 MB."""

    metadata: _Meta
    spec: _Spec


@dataclass(frozen=True, slots=True)
class Reach:
    """Which stores a run touches."""

    owners: frozenset[str] = frozenset()  # namespace/name of stores whose own is hit
    namespaces: frozenset[str] = frozenset()  # of shared targets: all stores there

    def __contains__(self, store: object) -> bool:
        return store in self.owners or str(store).partition("/")[0] in self.namespaces

    @property
    def everywhere(self) -> frozenset[str]:
        """The namespaces in which there may be such stores."""
        return self.namespaces | {owner.partition("/")[0] for owner in self.owners}


@dataclass(frozen=True, slots=True)
class Guard:
    """What the owner of one store, `namespace/name`, allows."""

    store: str
    zone: ZoneInfo
    chaos: Chaos

    def protected_until(self, now: datetime) -> datetime | None:
        """Return when the protected hours of the moment end; None: it is not protected now."""
        hours = self.chaos.protected_hours
        if not hours:
            return None
        spans = protected_spans(hours, self.zone, now.astimezone(self.zone).date())
        return next((span.end for span in spans if now in span), None)


@lru_cache(maxsize=20_000)  # each run that something is in force for asks twice a second
def protected_spans(
    hours: tuple[ProtectedHours, ...], zone: ZoneInfo, day: date
) -> tuple[Interval, ...]:
    """Return the protected times that touch a day of a store's clock, at their full length."""
    noon = datetime.combine(day, NOON, tzinfo=zone)
    spans = merged(
        span
        for entry in hours
        for span in occurrences(entry.days, (entry.start, entry.end), zone, noon)
    )
    return tuple(one for one in spans if one.start < noon + DAY and one.end > noon - DAY)


def guards(stores: Iterable[Manifest]) -> tuple[Guard, ...]:
    """Return what stores say, those left out that say nothing, or that nobody can read."""
    read = (_guard(store) for store in stores if store["spec"].get("chaos"))
    return tuple(one for one in read if one is not None)


def _guard(store: Manifest) -> Guard | None:
    meta, spec = store["metadata"], store["spec"]
    try:
        zone = ZoneInfo(spec["timezone"])
        said, _ = parse_known(Chaos, spec["chaos"], where="spec.chaos")
    except (UserError, KeyError, ValueError, OSError):
        return None  # the store's own condition says InvalidSpec: it must not keep a run from undo
    says = said.protected_hours or said.max_concurrent is not None
    return Guard(f"{meta['namespace']}/{meta['name']}", zone, said) if says else None


def reach(targets: Iterable[Target], namespace: str) -> Reach:
    """Return whom the targets of an experiment in a namespace touch."""
    hit = tuple(targets)
    shared = [target for target in hit if not target.owner]
    namespaces = {target.namespace for target in shared if target.namespace}
    return Reach(
        frozenset(target.owner for target in hit if target.owner),
        frozenset(namespaces | {namespace} if shared else ()),
    )


def protection(known: Iterable[Guard], touched: Reach, now: datetime) -> str:
    """Say which store that is touched is protected now, and until when; empty: none."""
    for guard in known:
        until = guard.protected_until(now) if guard.store in touched else None
        if until:
            local = until.astimezone(guard.zone)
            return (
                f"store {guard.store} is protected until {local:%a %H:%M} {guard.zone.key} "
                "(its spec.chaos.protectedHours)"
            )
    return ""


def crowd(
    known: Iterable[Guard], touched: Reach, others: Mapping[str, Reach]
) -> Iterable[tuple[Guard, tuple[str, ...]]]:
    """Go through the stores that as many other runs touch as they bear."""
    for guard in known:
        most = guard.chaos.max_concurrent
        if most is None or guard.store not in touched:
            continue
        runs = tuple(sorted(name for name, other in others.items() if guard.store in other))
        if len(runs) >= most:
            yield guard, runs
