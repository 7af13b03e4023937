"""Keeping a record of each change on AWS until it stands in the status of its store.

`RecordedAws` is the AWS of everything that acts for stores: it notes what changes something, with
AWS's request id, so that a deed can be found in CloudTrail. `StoreReporter` takes the notes along
with the next status write; there is none for their sake. What is noted when the operator dies is
lost here: CloudTrail has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from cloudcafe_operator.effects.aws_errors import Refusal
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.planning.store_history import KEPT, about, changes_something
from cloudcafe_operator.ports import Aws, Clock
from cloudcafe_operator.resources.store_status import Deed

NO_ANSWER = "no answer: it may have happened"


@dataclass(frozen=True, slots=True)
class _Occasion:
    store_id: str
    why: str


_occasion: ContextVar[_Occasion | None] = ContextVar("occasion", default=None)


@dataclass(frozen=True, slots=True)
class Chronicle:
    """One for all stores: the deeds that no status tells yet."""

    _untold: dict[str, list[Deed]] = field(default_factory=dict)

    @contextmanager
    def because(self, store_id: str, why: str) -> Iterator[None]:
        """Say for which store, and why, the changes within are made."""
        token = _occasion.set(_Occasion(store_id, why))
        try:
            yield
        finally:
            _occasion.reset(token)

    def note(self, store_id: str, deed: Deed) -> None:
        """Keep a deed; of very many only the last."""
        kept = self._untold.setdefault(store_id, [])
        kept.append(deed)
        del kept[:-KEPT]

    def untold(self, store_id: str) -> tuple[Deed, ...]:
        """Return what no status tells yet."""
        return tuple(self._untold.get(store_id, ()))

    def forget(self, store_id: str) -> None:
        """A store is gone: a namesake did not do what was done for it."""
        self._untold.pop(store_id, None)

    def told(self, store_id: str, deeds: Sequence[Deed]) -> None:
        """Forget what stands in the status now."""
        rest = [one for one in self._untold.get(store_id, ()) if one not in deeds]
        if rest:
            self._untold[store_id] = rest
        else:
            self._untold.pop(store_id, None)


@dataclass(frozen=True, slots=True)
class RecordedAws:
    """Implements ports.Aws: as the inner one, and each change is noted."""

    inner: Aws
    clock: Clock
    chronicle: Chronicle

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call; a change that was answered, or may have happened, is noted."""
        if not changes_something(operation):
            return await self.inner.call(service, operation, **parameters)
        try:
            answer = await self.inner.call(service, operation, **parameters)
        except Unavailable:
            self._note(service, operation, parameters, NO_ANSWER)
            raise
        request = answer.get("ResponseMetadata", {}).get("RequestId", "")
        self._note(service, operation, parameters, request)
        return answer

    async def pages(
        self, service: str, operation: str, result_key: str, **parameters: Any
    ) -> list[Any]:
        """Read."""
        return await self.inner.pages(service, operation, result_key, **parameters)

    def _note(self, service: str, operation: str, parameters: dict[str, Any], request: str) -> None:
        occasion = _occasion.get()
        if occasion is None:
            return
        action = Refusal(service, operation, "", "", 0).action
        deed = Deed(
            at=self.clock.now().replace(microsecond=0),
            what=f"{action} {about(parameters)}".strip(),
            why=occasion.why,
            request_id=request,
        )
        self.chronicle.note(occasion.store_id, deed)
