"""Progress lines with times, on stderr, for everything that may take longer than a blink.

Called by every room. One clock per process: `[  12 s] compile helm` says that the step began
twelve seconds after the command did.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_START = time.monotonic()


def say(message: str) -> None:
    """Print one progress line at once."""
    print(f"[{time.monotonic() - _START:4.0f} s] {message}", file=sys.stderr, flush=True)


@contextmanager
def step(message: str) -> Iterator[None]:
    """Announce a step and, when it took a second or more, say how long."""
    say(f"{message} …")
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    if took >= 1:
        say(f"{message}: {took:.0f} s")
