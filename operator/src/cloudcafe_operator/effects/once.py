"""One act for all who want the same at the same time. Implements ports.Once.

The targets of a step share what a fault makes only once, as the policy of a partition: each sees
that it is missing and would make it, and all but one would be refused. The first who comes acts
himself, in his own task, so that the act ends with the reconcile that wanted it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SharedActs:
    """Knows what is under way, by what it is."""

    _under_way: dict[Hashable, asyncio.Future[None]] = field(default_factory=dict)

    async def once(self, what: Hashable, act: Callable[[], Awaitable[object]]) -> None:
        """Act, or wait for who acts already; all of them meet the same error."""
        acting = self._under_way.get(what)
        if acting is not None:
            return await asyncio.shield(acting)
        acting = self._under_way[what] = asyncio.get_running_loop().create_future()
        try:
            await act()
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                acting.cancel()
            else:
                acting.set_exception(error)
                acting.exception()  # it is told even where nobody waits for it
            raise
        else:
            acting.set_result(None)
        finally:
            del self._under_way[what]
