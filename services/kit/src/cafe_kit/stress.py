"""The CPU stress of the admin port: bounded in share and seconds, and it ends by itself.

Called by `admin.py`. At most one burner runs in a pod; a new request replaces it.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta

import structlog
from pydantic import BaseModel, ConfigDict, Field

log = structlog.get_logger()

MAX_SECONDS = 600


class StressRequest(BaseModel):
    """How much of one CPU, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(gt=0, le=1, examples=[0.5])
    seconds: int = Field(ge=1, le=MAX_SECONDS, examples=[60])
    owner: str = Field(default="", max_length=64, description="Whose it is: only they stop it.")


class StressView(BaseModel):
    """What is burning."""

    story: str
    active: bool
    share: float = 0.0
    owner: str = ""
    until: datetime | None = None


class Stress:
    """Owner of the burner process; `story` is its name in the cafe's day."""

    def __init__(self, story: str = "") -> None:
        self._story = story
        self._process: asyncio.subprocess.Process | None = None
        self._view = StressView(story=self._story, active=False)
        self._lock = asyncio.Lock()

    def view(self) -> StressView:
        """The burner as it is now."""
        if self._process is None or self._process.returncode is not None:
            return StressView(story=self._story, active=False)
        return self._view

    async def start(self, request: StressRequest) -> StressView:
        """Start burning; replaces what burns already."""
        async with self._lock:
            await self._end()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "cafe_kit.burn",
                str(request.share),
                str(request.seconds),
                str(os.getpid()),
            )
            self._view = StressView(
                story=self._story,
                active=True,
                share=request.share,
                owner=request.owner,
                until=datetime.now(UTC) + timedelta(seconds=request.seconds),
            )
        log.warning(
            "cpu stress started", story=self._story, share=request.share, seconds=request.seconds
        )
        return self._view

    async def stop(self) -> StressView:
        """Stop burning; fine when nothing burns."""
        async with self._lock:
            await self._end()
        return self.view()

    async def stop_of(self, owner: str) -> StressView:
        """Stop burning if it is theirs."""
        return await self.stop() if self._view.owner == owner else self.view()

    async def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None
