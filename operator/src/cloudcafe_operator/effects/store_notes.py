"""What was found last of each store, packed: most are never opened again.

Used by `converge_store.py`. A finding is 20 KiB of objects and 5 KiB packed, and with thousands of
stores that is where an operator's memory goes. Packing and opening cost less than one request.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field

from cloudcafe_operator.planning.store_finding import Finding
from cloudcafe_operator.planning.store_world import Wanted
from cloudcafe_operator.ports import Clock


@dataclass(frozen=True, slots=True)
class Note:
    """What was found last, for which wish, and until when it is believed.

    `late_at`: when what CloudWatch refused is tried again; both are monotonic. `doubted`: a coffee
    could not be bought though all for it seemed to be there, or something for it is in trouble.
    """

    wanted: Wanted
    hands_off: bool
    until: float
    finding: Finding
    late_at: float = 0.0
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class StoreNotes:
    """The notes of all stores, by id."""

    clock: Clock
    _packed: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    def put(self, note: Note) -> None:
        """Keep a note in place of an older one."""
        self._packed[note.wanted.store_id] = (note.until, pickle.dumps(note))

    def believed(self, store_id: str) -> Note | None:
        """Return the note of a store, if there is one that is still believed."""
        return self.last(store_id) if self.seconds(store_id) else None

    def last(self, store_id: str) -> Note | None:
        """Return the note of a store, if there is one, believed or not."""
        if store_id not in self._packed:
            return None
        _, packed = self._packed[store_id]
        note: Note = pickle.loads(packed)  # noqa: S301 - this very process has packed it
        return note

    def seconds(self, store_id: str) -> float:
        """Return how long a note is still believed: 0 where there is none."""
        until, _ = self._packed.get(store_id, (0.0, b""))
        return max(0.0, until - self.clock.monotonic())

    def drop(self, store_id: str) -> None:
        """Look again at the next reconcile."""
        self._packed.pop(store_id, None)
