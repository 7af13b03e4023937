"""What a store may have on AWS beside its queues and secret: one `Part` for each kind. Pure.

A part's own file says what is wanted by which spec, under which names, and what it costs; all that
is the same for every kind (missing, someone else's, changed, no longer wanted) is judged here.
`store.py` takes the steps, `store_status.py` the rows, `effects/*_store.py` read and do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # they know what is here
    from cloudcafe_operator.planning.store_cost import Line
    from cloudcafe_operator.planning.store_world import Identity, Platform
    from cloudcafe_operator.resources.store import CafeStoreSpec

PartArea = Literal["alarms", "dashboard", "table"]
Tags = Mapping[str, str]
IsOurs = Callable[[Tags], bool]
LONGEST_TOLD = 100
What = Literal["create", "finish", "change", "tag", "remove"]


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing as it must be; `settings` in the words of its API."""

    name: str
    settings: Mapping[str, Any]
    tags: Tags


@dataclass(frozen=True, slots=True)
class Live:
    """One thing as it is; `settings` has at least what a `Thing` may ask for."""

    arn: str
    tags: Tags
    settings: Mapping[str, Any] = field(default_factory=dict)
    state: str = "Ready"


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing on AWS that a store may have."""

    area: PartArea
    kind: str
    wanted: Callable[[CafeStoreSpec, Identity, Platform, Tags], tuple[Thing, ...]]
    names: Callable[[Identity], tuple[str, ...]]  # all that it may ever have made for a store
    cost: Callable[[CafeStoreSpec], tuple[Line, ...]]
    kept: bool = False  # what is no longer wanted stays: it holds data
    finished_by: frozenset[str] = frozenset()  # settings that making it cannot bring


@dataclass(frozen=True, slots=True)
class ChangePart:
    """Make, change, tag or remove one thing of a part."""

    area: PartArea
    what: What
    name: str
    arn: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    tags: Tags = field(default_factory=dict)
    untag: tuple[str, ...] = ()


Lives = Mapping[str, Live]  # by name; what is not in it does not exist


def plan_part(  # noqa: PLR0913 - what is wanted, what is there, and whose
    part: Part,
    want: Sequence[Thing],
    live: Lives,
    *,
    ours: IsOurs,
    ours_before: IsOurs,
    optional_tags: Sequence[str],
) -> Iterator[ChangePart]:
    """Yield what makes `live` as wanted; what is someone else's is left alone.

    `optional_tags`: tags of our own that are taken off where they are not wanted. `ours_before`:
    without what is just being adopted, of which nobody agreed to a removal.
    """
    for thing in want:
        found = live.get(thing.name)
        if found is None:
            yield ChangePart(part.area, "create", thing.name, "", thing.settings, thing.tags)
            continue
        if not ours(found.tags):
            continue
        untag = tuple(one for one in optional_tags if one in found.tags and one not in thing.tags)
        if untag or any(found.tags.get(name) != value for name, value in thing.tags.items()):
            yield ChangePart(part.area, "tag", thing.name, found.arn, tags=thing.tags, untag=untag)
        if fields := differing(thing, found):
            what: What = "finish" if part.finished_by & fields.keys() else "change"
            yield ChangePart(part.area, what, thing.name, found.arn, thing.settings, thing.tags)
    names = {thing.name for thing in want}
    for name, found in live.items():
        if name not in names and not part.kept and ours_before(found.tags):
            yield ChangePart(part.area, "remove", name, found.arn)


def differing(thing: Thing, live: Live) -> dict[str, tuple[str, str]]:
    """Return the settings that differ: wanted and got, as text; of a long one the beginning."""
    return {
        name: (_short(value), _short(live.settings.get(name)))
        for name, value in thing.settings.items()
        if live.settings.get(name) != value
    }


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]}…"
