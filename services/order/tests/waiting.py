"""Waiting for something to become true, with a bound."""

import asyncio
import time


async def eventually(check, seconds=8.0):
    """Run an async check until it raises no AssertionError; its last one is raised at the end."""
    end = time.monotonic() + seconds
    while True:
        try:
            return await check()
        except AssertionError:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(0.02)
