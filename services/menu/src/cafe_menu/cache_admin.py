"""Emptying the cache, and what it holds: routes of the admin port, for those with the token.

AWS has no call that empties ElastiCache, so the service that owns the cache does: the chaos fault
elasticacheFlush asks for it. A flush bears the name of who wanted it; asked for again in the same
name it changes nothing, so that it may be repeated when the answer was lost.
"""

from typing import Annotated

from cafe_kit.redis import RedisStore
from cafe_kit.wire import WireInput, WireView
from fastapi import APIRouter
from pydantic import StringConstraints

from cafe_menu.cache_metrics import Recent

MARK = "cafe-menu:flushed"
MARK_SECONDS = 24 * 3600

_FLUSH = """
if redis.call('HGET', KEYS[1], 'by') == ARGV[1] then return 0 end
redis.call('FLUSHDB')
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], 'by', ARGV[1], 'at', now[1] .. '.' .. string.format('%06d', now[2]))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


class FlushRequest(WireInput):
    """Who wants the cache emptied."""

    by: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\w.:/-]+$")]


class FlushView(WireView):
    """What a request to flush did."""

    flushed: bool


class CacheView(WireView):
    """The cache as one replica sees it."""

    keys: int
    requests: int
    """Of the last ten seconds, of those only that began after the last flush."""
    hits: int
    flushed_by: str
    """Who emptied it last, within a day."""
    host: str = ""
    """Whose cache it is: the endpoint's name, by which ElastiCache knows it."""


class CacheKeeper:
    """Looks after the whole cache; its copies are `RedisCache`'s."""

    def __init__(self, store: RedisStore, recent: Recent) -> None:
        self._store = store
        self._recent = recent
        self._flush = store.client.register_script(_FLUSH)

    async def flush(self, by: str) -> bool:
        """Forget every copy, once for each name; False where that was done.

        Raises:
            UnavailableError: the cache is away; whether it was emptied is unknown.
        """
        async with self._store.translated():
            return bool(await self._flush(keys=[MARK], args=[by, MARK_SECONDS]))

    async def view(self) -> CacheView:
        """What it holds, and how it served this replica lately.

        Raises:
            UnavailableError: the cache is away.
        """
        async with self._store.translated():
            keys = int(await self._store.client.dbsize())
            by, at = await self._store.client.hmget(MARK, ["by", "at"])
        requests, hits = self._recent.since(float(at or 0))
        copies = keys - (by is not None)
        return CacheView(
            keys=copies, requests=requests, hits=hits, flushed_by=by or "", host=self._store.host
        )


def cache_router(keeper: CacheKeeper) -> APIRouter:
    """The routes; whoever includes them asks for the token."""
    router = APIRouter(tags=["cache"])

    @router.get("/cache")
    async def show_cache() -> CacheView:
        """Keys, and the requests and hits of the last seconds."""
        return await keeper.view()

    @router.post("/cache/flush")
    async def flush_cache(request: FlushRequest) -> FlushView:
        """Empty the cache. Menus are not lost: they are read from the database again."""
        return FlushView(flushed=await keeper.flush(request.by))

    return router
