"""Copies of menus in ElastiCache (Redis), which never go back in time. Used by `cached.py`.

Two keys a store, in one slot: the copy `{version, body}` (an empty body says that there is no menu:
a tombstone), and for a moment the lease of those who may fill it. Each script is one atomic step:

- a copy only gives way to the same or a newer version, so nobody slow can put an older menu over a
  newer one;
- where there is no copy, one is made only with the lease that its maker got before it read or wrote
  the database. Every change ends the lease, and a flush or an eviction takes it along. So nobody
  slow can put an older menu *after* a newer one either, when that one was flushed meanwhile.

How old a copy is follows from its time to live: all replicas share the clock of Redis.
"""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

from cafe_kit.redis import RedisStore
from pydantic import ValidationError

from cafe_menu.models import MenuView, Reading

LEASE_SECONDS = 10
"""Longer than any request lives."""

_LOOK = """
local copy = redis.call('HMGET', KEYS[1], 'version', 'body')
local left = redis.call('PTTL', KEYS[1])
if left > tonumber(ARGV[3]) then return {copy[1], copy[2], left, ''} end
redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
return {copy[1], copy[2], left, redis.call('GET', KEYS[2])}
"""

_FILL = """
if redis.call('GET', KEYS[2]) ~= ARGV[4] then return 0 end
"""

_WRITE = """
if redis.call('EXISTS', KEYS[1]) == 0 and redis.call('GET', KEYS[2]) ~= ARGV[4] then
  redis.call('DEL', KEYS[2])
  return 0
end
"""

_STORE = """
local known = tonumber(redis.call('HGET', KEYS[1], 'version') or '-1')
local version, keep = tonumber(ARGV[1]), tonumber(ARGV[3])
if known > version then return 0 end
redis.call('DEL', KEYS[2])
if known == version and redis.call('PTTL', KEYS[1]) >= keep then return 1 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'body', ARGV[2])
redis.call('PEXPIRE', KEYS[1], keep)
return 1
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What the cache has of a store, and the lease to fill it with; none for a fresh copy."""

    copy: Reading | None
    lease: str


class Cache(Protocol):
    """What the reading side needs of a cache; bounded in time."""

    async def look(self, store_id: str) -> Found:
        """The copy, if there is one.

        Raises:
            UnavailableError: the cache is away.
        """
        ...

    async def fill(self, store_id: str, reading: Reading, lease: str) -> bool:
        """Keep what a reader read; False when it may be out of date.

        Raises:
            UnavailableError: the cache is away.
        """
        ...

    async def write(self, store_id: str, reading: Reading, lease: str) -> bool:
        """Keep what a writer wrote; False when a newer one is there, or was.

        Raises:
            UnavailableError: the cache is away; what becomes of the copy is unknown.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How old a copy may be: as a rule, and while the database is away."""

    fresh_seconds: float
    stale_seconds: float

    def keep_ms(self, version: int) -> int:
        """How long a copy is kept. What never was is soon forgotten: anybody can ask for it."""
        return round((self.stale_seconds if version else self.fresh_seconds) * 1000)


class RedisCache:
    """The copies."""

    def __init__(self, store: RedisStore, limits: Limits, *, timeout_seconds: float) -> None:
        self._store = store
        self._limits = limits
        self._timeout = timeout_seconds
        self._look = store.client.register_script(_LOOK)
        self._fill = store.client.register_script(_FILL + _STORE)
        self._write = store.client.register_script(_WRITE + _STORE)

    async def look(self, store_id: str) -> Found:
        """The copy and its age; without one, or with an old one, the lease is of use."""
        fresh_left_ms = round((self._limits.stale_seconds - self._limits.fresh_seconds) * 1000)
        version, body, left_ms, lease = await self._run(
            self._look, store_id, secrets.token_hex(8), LEASE_SECONDS * 1000, fresh_left_ms
        )
        if version is None:
            return Found(None, lease)
        age_seconds = max(0, self._limits.keep_ms(int(version)) - left_ms) / 1000
        return Found(_reading(int(version), body, age_seconds), lease)

    async def fill(self, store_id: str, reading: Reading, lease: str) -> bool:
        """Keep a reader's menu, as old as it is, if nothing happened since the lease was given."""
        return await self._put(self._fill, store_id, reading, lease)

    async def write(self, store_id: str, reading: Reading, lease: str) -> bool:
        """Keep a writer's menu over an older copy, or where nothing happened since the lease."""
        return await self._put(self._write, store_id, reading, lease)

    async def _put(self, script: Any, store_id: str, reading: Reading, lease: str) -> bool:
        body = "" if reading.menu is None else reading.menu.model_dump_json(by_alias=True)
        keep_ms = self._limits.keep_ms(reading.version) - round(reading.age_seconds * 1000)
        if keep_ms <= 0:
            return False
        return bool(await self._run(script, store_id, reading.version, body, keep_ms, lease))

    async def _run(self, script: Any, store_id: str, *arguments: str | int) -> Any:
        keys = [f"menu:v1:{{{store_id}}}", f"menu:v1:{{{store_id}}}:lease"]
        async with self._store.translated():
            async with asyncio.timeout(self._timeout):
                return await script(keys=keys, args=arguments)


def _reading(version: int, body: str, age_seconds: float) -> Reading | None:
    if not body:
        return Reading(version, None, age_seconds)
    try:
        return Reading(version, MenuView.model_validate_json(body), age_seconds)
    except ValidationError:
        return None  # of another release of this service: as good as nothing
