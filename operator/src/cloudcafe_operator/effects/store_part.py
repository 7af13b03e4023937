"""The contract of what reads and changes one part of a store. Implemented by `*_store.py` files.

`StoreObserver`, `StoreExecutor` and `StoreRemover` hand on to it what is of its area. Each call is
bounded in time and safe to repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from cloudcafe_operator.planning.store_parts import ChangePart, Live, Lives, PartArea
from cloudcafe_operator.planning.store_world import OWNER_TAG, Identity, Wanted


class StorePart(Protocol):
    """Reads and changes one part."""

    async def observe(self, wanted: Wanted) -> Lives:
        """Return what exists of the part for a store, by name, wanted or not."""

    async def change(self, step: ChangePart) -> Live | None:
        """Do one step; the thing as the answer shows it, or None: it must be looked at."""

    async def remove(self, identity: Identity) -> None:
        """Remove all that the store has; Retry until it is seen to be gone. Gone is success."""

    async def retain(self, identity: Identity, kept: Mapping[str, str]) -> None:
        """Tag the store's things as kept, or remove what is worth nothing alone."""


Parts = Mapping[PartArea, StorePart]


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as most APIs take them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def unpaired(found: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return tags as a mapping."""
    return {pair["Key"]: pair["Value"] for pair in found}


def bears(tags: Mapping[str, str], owner: str) -> bool:
    """Whether a thing has that owner."""
    return tags.get(OWNER_TAG) == owner
