"""What a watch brought and no reconcile has looked at yet: it saves reading the object again.

The watch puts, the reconciler takes. Nothing is kept for long or in large numbers: who finds
nothing here asks the API server. Of an object that is out of date the API server refuses every
write, because it names the version that it was decided on; AWS and the cafe refuse nothing. So no
news is held of an object whose end has begun: a watch that lags may still tell how it was before,
and its parts would be made once more. Another object of the same name has another uid. After a
start the list is read from the API server as it is, so nothing need be remembered.

Objects are held as JSON: a quarter of what they take as dictionaries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import msgspec

from cloudcafe_operator.ports import Manifest

MOST = 500  # of a start with ten thousand stores not all are held at once
ENDS = 1000  # that came last: many more than a watch lags behind


@dataclass(slots=True)
class News:
    """Objects by key of the work queue."""

    _objects: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # uid and JSON
    _ended: dict[str, None] = field(default_factory=dict)  # uids, the last one last

    def put(self, key: str, manifest: Manifest) -> None:
        """Hold an object for the next reconcile, in place of an older one."""
        uid = manifest["metadata"]["uid"]
        if uid in self._ended:
            return
        if key in self._objects or len(self._objects) < MOST:
            self._objects[key] = uid, msgspec.json.encode(manifest)

    def take(self, key: str) -> Manifest | None:
        """Return the object, once."""
        _, held = self._objects.pop(key, ("", b"null"))
        return cast("Manifest | None", msgspec.json.decode(held))

    def update(self, key: str, manifest: Manifest) -> None:
        """Replace what is held by something newer; what is not held stays so."""
        if key in self._objects:
            self.put(key, manifest)

    def give_back(self, key: str, manifest: Manifest) -> None:
        """Hold what was taken and not changed, unless something newer came meanwhile."""
        if key not in self._objects:
            self.put(key, manifest)

    def end(self, key: str, uid: str) -> None:
        """Hold nothing of an object that is going or gone, whatever is still told of it."""
        self._ended.pop(uid, None)
        self._ended[uid] = None
        if len(self._ended) > ENDS:
            del self._ended[next(iter(self._ended))]
        held, _ = self._objects.get(key, ("", b""))
        if held == uid:
            del self._objects[key]
