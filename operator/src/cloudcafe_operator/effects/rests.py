"""Which stores are at rest: looked at, told in their status, and not due.

Used by `handlers/store.py`. A store is woken by what changes nothing too: somebody's annotation,
a label, a list after a gap. Then neither spec nor status is read again, where both are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cloudcafe_operator.ports import Clock, Manifest

Rest = tuple[bytes, float]  # what it looked like, and until when


@dataclass(frozen=True, slots=True)
class Rests:
    """One for all stores, by key of the work queue; `marks` are annotations that mean something."""

    clock: Clock
    marks: tuple[str, ...]
    _rests: dict[str, Rest] = field(default_factory=dict)

    def seconds(self, key: str, store: Manifest) -> float:
        """Return how long a store is still at rest; 0 where it is not, or has changed."""
        seen, until = self._rests.get(key, (b"", 0.0))
        left = until - self.clock.monotonic()
        if left <= 0 or seen != self._print(store):
            self.end(key)
            return 0.0
        return left

    def begin(self, key: str, store: Manifest, seconds: float) -> None:
        """It is as it shall be, and due in so many seconds."""
        self._rests[key] = (self._print(store), self.clock.monotonic() + seconds)

    def end(self, key: str) -> None:
        """Look at it when it is woken next."""
        self._rests.pop(key, None)

    def _print(self, store: Mapping[str, Any]) -> bytes:
        meta = store["metadata"]
        notes = meta.get("annotations") or {}
        said = [
            meta["uid"],
            meta["generation"],
            meta.get("finalizers"),
            [notes.get(mark) for mark in self.marks],
            store.get("status"),
        ]
        text = msgspec.json.encode(said, order="deterministic")
        return hashlib.blake2b(text, digest_size=16).digest()
