"""A copy of this process that does one thing and ends: what a snapshot is written from.

`snapshots` calls it. Python cannot walk a large state while others change it, and walking it at
once would hold up every request; a forked process has a frozen copy that costs neither.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CHILD_SECONDS = 15.0
"""A state of 100 MB takes two; one that needs longer waits for a lock that nobody will release."""
LAST_STANDARD_STREAM = 2


class ChildError(Exception):
    """The copy ended without a result; the message says how."""


class Child:
    """The copy, as its parent sees it."""

    def __init__(self, work: Callable[[], dict[str, Any]]) -> None:
        """Fork; blocks for the milliseconds that takes. `work` runs in the copy only.

        Its result is given back through a pipe as JSON; it must be small and must not log, since
        another thread may have held a lock at the moment of forking.
        """
        self._results, results = os.pipe()
        try:
            self.pid = os.fork()
        except OSError:
            os.close(self._results)
            os.close(results)
            raise
        if self.pid == 0:
            _be_the_copy(work, results)
        os.close(results)

    async def result(self) -> dict[str, Any]:
        """Wait for the end of the copy; raises ChildError, also when it had to be killed."""
        waiting = asyncio.create_task(asyncio.to_thread(os.waitpid, self.pid, 0))
        done, _ = await asyncio.wait({waiting}, timeout=CHILD_SECONDS)
        if not done:
            os.kill(self.pid, signal.SIGKILL)
        _, status = await waiting
        with os.fdopen(self._results, "rb") as pipe:
            text = pipe.read()
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            how = f"with code {code}" if done else f"only when killed after {CHILD_SECONDS} s"
            raise ChildError(f"the copy of the process ended {how}: {text.decode()}")
        result: dict[str, Any] = json.loads(text)
        return result


def _be_the_copy(work: Callable[[], dict[str, Any]], results: int) -> None:
    """Run and end, whatever happens: the copy must never get back into the event loop."""
    code = 1
    try:
        gc.disable()  # a collection would touch, and so copy, every page
        signal.set_wakeup_fd(-1)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)  # a stop of the group lets it finish
        # connections that the parent closes must not stay open here
        for descriptor in [int(each.name) for each in Path("/dev/fd").iterdir()]:
            if descriptor > LAST_STANDARD_STREAM and descriptor != results:
                with suppress(OSError):  # the one by which the folder was listed
                    os.close(descriptor)
        os.write(results, json.dumps(work()).encode())
        code = 0
    except BaseException as error:  # noqa: BLE001 - nobody above: told to the parent instead
        os.write(results, repr(error).encode()[:4000])
    finally:
        os._exit(code)
