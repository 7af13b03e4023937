"""Several effects side by side, a bounded number at a time. Used by `survey.py`, `execute.py`.

Of one that fails nothing is left behind: the others are ended before the failure goes on, so that
nobody acts for a reconcile that is over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

AT_ONCE = 100  # they keep step, so that what each reads is read once for all
T = TypeVar("T")


async def answered_within(
    seconds: float, work: Sequence[Coroutine[Any, Any, T]], *, at_once: int = AT_ONCE
) -> list[T | None]:
    """Return what each returned in that time; None for what did not, which is ended."""
    answers: list[T | None] = [None] * len(work)

    async def note(index: int, one: Coroutine[Any, Any, T]) -> None:
        answers[index] = await one

    noted = [note(index, one) for index, one in enumerate(work)]
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await side_by_side(noted, at_once=at_once)
    finally:
        for one in work:
            one.close()  # of those whose turn never came
    return answers


async def side_by_side(
    work: Sequence[Coroutine[Any, Any, T]], *, at_once: int = AT_ONCE
) -> list[T]:
    """Return what each returned, in their order; the first failure is raised."""
    if at_once == 1 or len(work) == 1:
        return [await one for one in work]
    gate = asyncio.Semaphore(at_once)

    async def pass_gate(one: Coroutine[Any, Any, T]) -> T:
        async with gate:
            return await one

    tasks = [asyncio.create_task(pass_gate(one)) for one in work]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed = [task for task in tasks if task.done() and task.exception()]
        return [task.result() for task in [*failed, *tasks]][len(failed) :]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in work:
            one.close()  # of those whose turn never came
