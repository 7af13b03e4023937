"""How far the stream was read, in MemoryDB: one hash of shard → position. Used by `sink.py`."""

from collections.abc import Mapping

from cafe_kit.redis import RedisStore

from cafe_loyalty import scripts


class RedisPositions:
    """The positions in one stream."""

    def __init__(self, store: RedisStore, stream: str) -> None:
        self._store = store
        self._key = f"loyalty:positions:{stream}"
        self._advance = store.client.register_script(scripts.ADVANCE)

    async def all(self) -> Mapping[str, str]:
        """Shard → position.

        Raises:
            UnavailableError: MemoryDB is away; so for every method here.
        """
        async with self._store.translated():
            known = await self._store.client.hgetall(self._key)
        return {str(shard): str(position) for shard, position in known.items()}

    async def advance(self, shard: str, before: str | None, after: str) -> bool:
        """Move a position on; False when it was not where the caller thought."""
        async with self._store.translated():
            return bool(await self._advance(keys=[self._key], args=[shard, before or "", after]))
