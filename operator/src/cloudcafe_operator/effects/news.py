"""What a watch brought and no reconcile has looked at yet: it saves reading the object again.

The watch puts, the reconciler takes. Nothing is kept for long or in large numbers: who finds
nothing here asks the API server. An object that is out of date does no harm: every write of ours
names the version that it was decided on, and is refused.

Objects are held as JSON: a quarter of what they take as dictionaries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import msgspec

from cloudcafe_operator.ports import Manifest

MOST = 500  # of a start with ten thousand stores not all are held at once


@dataclass(slots=True)
class News:
    """Objects by key of the work queue."""

    _objects: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, manifest: Manifest) -> None:
        """Hold an object for the next reconcile, in place of an older one."""
        if key in self._objects or len(self._objects) < MOST:
            self._objects[key] = msgspec.json.encode(manifest)

    def take(self, key: str) -> Manifest | None:
        """Return the object, once."""
        held = self._objects.pop(key, None)
        return None if held is None else cast("Manifest", msgspec.json.decode(held))

    def update(self, key: str, manifest: Manifest) -> None:
        """Replace what is held by something newer; what is not held stays so."""
        if key in self._objects:
            self._objects[key] = msgspec.json.encode(manifest)

    def give_back(self, key: str, manifest: Manifest) -> None:
        """Hold what was taken and not changed, unless something newer came meanwhile."""
        if key not in self._objects:
            self.put(key, manifest)
