"""Thread pools for blocking clients, with all threads started beforehand.

A pool starts a thread when work is handed in and waits for it to run: on a busy machine that holds
up whoever hands it in, here the event loop, for a tenth of a second.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait

SECONDS_TO_START = 30.0


def started_pool(threads: int, name: str) -> ThreadPoolExecutor:
    """Return a pool whose threads all run. Blocks shortly: not for the event loop."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    together = threading.Barrier(threads)
    wait([pool.submit(together.wait, SECONDS_TO_START) for _ in range(threads)])
    return pool
