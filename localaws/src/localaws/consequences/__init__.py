"""One file per consequence: what a change of AWS's state does to the traffic of the cafe.

A module here that has `build(world)` is a consequence; there is no list to add it to. Files
that start with an underscore are shared by consequences and are none themselves.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from localaws.messages import Reply, Request
    from localaws.world import World

    Forward = Callable[[Request], Awaitable[Reply]]


class Consequence(Protocol):
    """The contract of a consequence."""

    services: frozenset[str]
    """Signing names of the services whose requests pass through `answer`."""

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Stand between the client and the emulator: refuse, forward, or change on the way.

        Runs for every request to `services`, so it must cost microseconds and never wait for
        anything but `forward` and, after a change of state, its own effect (bounded in time).
        """

    async def tick(self) -> float:
        """Make the world match the state; returns in how many seconds it is due again.

        Called at start, after `world.wake()`, and at least once a second. Idempotent; must
        repair what a restart of the other side has undone; raises nothing for a world that is
        merely out of reach.
        """

    def state(self) -> object:
        """What it holds and does, as JSON for `GET /_localaws/state`."""

    def memory(self) -> object:
        """What a restart must not forget, as JSON; taken together with the emulators' state."""

    def remember(self, memory: Any) -> None:
        """Take up the `memory` of the process before; called once, before the first request.

        Raises KeyError, TypeError or ValueError for what it cannot read: then it starts afresh.
        """

    async def reset(self) -> None:
        """Forget everything and undo the effect (tests only)."""


def discover(world: World) -> dict[str, Consequence]:
    """Build each consequence in this package, by the name of its file, in order of the names."""
    found = {}
    for module_info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if module_info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        found[module_info.name] = module.build(world)
    return found
