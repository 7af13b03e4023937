"""Keeps what the embedded AWS holds across restarts: a snapshot after changes, and one at the end.

`embedded` owns it; it does nothing without LOCALAWS_STATE_DIR. A snapshot is written by a forked
copy of the process (see `forking`), so that requests wait only for the fork: milliseconds, growing
with the memory of the process, measured in `localaws_snapshot_blocked_seconds` and by
`bench/snapshot.py`. A graceful stop loses nothing, a kill about LOCALAWS_SNAPSHOT_SECONDS and what
writing takes. A large state is written less often: at most a fifth of the time goes into it.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from localaws.emulators import ministack_state
from localaws.forking import Child, ChildError
from localaws.snapshot_file import SnapshotError, read, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import CollectorRegistry

    from localaws.consequences import Consequence
    from localaws.settings import Settings

log = structlog.get_logger(__name__)

FILE = "state.jsonl"
PAUSE_FACTOR = 4
BLOCKED_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)


class Snapshots:
    """Restores once, then writes after changes until it is stopped."""

    def __init__(
        self,
        settings: Settings,
        consequences: Mapping[str, Consequence],
        registry: CollectorRegistry,
    ) -> None:
        self._path = Path(settings.state_dir) / FILE if settings.state_dir else None
        self._seconds = settings.snapshot_seconds
        self._consequences = consequences
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._failing = False
        self._loop: asyncio.Task[None] | None = None
        self._writes = Counter(
            "localaws_snapshots", "Snapshots of the state", ["outcome"], registry=registry
        )
        self._bytes = Gauge("localaws_snapshot_bytes", "Size of the last one", registry=registry)
        self._took = Histogram(
            "localaws_snapshot_seconds", "Time until it was on disk", registry=registry
        )
        self._blocked = Histogram(
            "localaws_snapshot_blocked_seconds",
            "Time for which requests wait while the process is copied",
            buckets=BLOCKED_BUCKETS,
            registry=registry,
        )

    def changed(self) -> None:
        """There is something to write."""
        self._changed.set()

    def restore(self) -> None:
        """Take up the last snapshot; one that cannot be used is set aside and all begins anew."""
        if self._path is None:
            return
        try:
            sections = read(self._path, ministack_state.decoded)
        except FileNotFoundError:
            log.info("no snapshot yet", path=str(self._path))
            return
        except SnapshotError as error:
            aside = self._path.with_suffix(".unusable")
            with suppress(OSError):
                self._path.replace(aside)
            log.error(  # noqa: TRY400 - the message says all, a traceback would hide it
                "snapshot unusable: the state begins anew", why=str(error), kept=str(aside)
            )
            return
        for section in sections:
            if "service" in section:
                ministack_state.restore(section)
            else:
                self._remind(section["consequence"], section["memory"])
        log.info("restored", path=str(self._path), sections=len(sections))

    def start(self) -> None:
        """Begin to write."""
        if self._path is not None:
            self._loop = asyncio.create_task(self._run(self._path), name="snapshots")

    async def stop(self) -> None:
        """Write what has changed since, and end."""
        if self._loop is None or self._path is None:
            return
        self._stopping.set()
        await self._loop
        await self._write(self._path)

    async def _run(self, path: Path) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            if self._changed.is_set():
                await self._write(path)
            pause = max(self._seconds, PAUSE_FACTOR * (time.monotonic() - started))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _write(self, path: Path) -> None:
        self._changed.clear()
        try:
            with self._took.time():
                with self._blocked.time():
                    child = Child(partial(self._work, path, os.getpid()))
                result = await child.result()
        except (ChildError, OSError) as error:
            self._writes.labels("failed").inc()
            self._changed.set()
            if not self._failing:
                log.error(  # noqa: TRY400 - the message says all, a traceback would hide it
                    "snapshots fail: a crash would lose more", path=str(path), why=str(error)
                )
            self._failing = True
            return
        self._failing = False
        for service, why in result["failed"].items():
            log.error("state of a service not kept", service=service, why=why)
        self._writes.labels("written").inc()
        self._bytes.set(result["bytes"])

    def _work(self, path: Path, parent: int) -> dict[str, Any]:
        """What the copy does. One whose parent was killed leaves the file to the successor."""
        failed: dict[str, str] = {}

        def sections() -> Iterator[bytes]:
            for name, consequence in self._consequences.items():
                yield json.dumps({"consequence": name, "memory": consequence.memory()}).encode()
            yield from ministack_state.documents(failed)
            if os.getppid() != parent:
                raise RuntimeError("the process that this is a copy of is gone")

        return {"bytes": write(path, sections()), "failed": failed}

    def _remind(self, name: str, memory: Any) -> None:
        consequence = self._consequences.get(name)
        try:
            if consequence is not None:
                consequence.remember(memory)
        except (KeyError, TypeError, ValueError):
            log.exception("a consequence begins anew", consequence=name)
