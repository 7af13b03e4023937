"""What the operator does again and again beside its work queue, whatever goes wrong meanwhile.

Used by the parts that run while it leads (`main.py`): one that ends would end the operator, and the
next leader would meet the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from cloudcafe_operator import metrics
from cloudcafe_operator.errors import OperatorError

log = structlog.get_logger()


async def for_ever(
    make: Callable[[], Awaitable[object]], *, seconds: float, waits: str, pause_first: bool = False
) -> None:
    """Make a round every so many seconds until cancelled; `waits` is said where one is refused."""
    if pause_first:
        await asyncio.sleep(seconds)
    while True:
        try:
            await make()
        except OperatorError as trouble:
            log.warning(waits, reason=str(trouble))
        except Exception:  # a round that breaks must not end the operator
            metrics.rounds_broken.inc()
            log.exception(waits)
        await asyncio.sleep(seconds)
