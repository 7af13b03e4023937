"""Promotions in MemoryDB: one hash for all. Used by `service.py` and, for each batch, `sink.py`."""

from cafe_kit.redis import RedisStore

from cafe_loyalty import scripts
from cafe_loyalty.models import PromotionView

KEY = "loyalty:promotions"
MAX_PROMOTIONS = 200
"""Every batch of orders is held against all of them."""


class RedisPromotions:
    """The promotions."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._put = store.client.register_script(scripts.PUT_PROMOTION)

    async def all(self) -> list[PromotionView]:
        """All, by name.

        Raises:
            UnavailableError: MemoryDB is away; so for every method here.
        """
        async with self._store.translated():
            bodies = await self._store.client.hvals(KEY)
        known = [PromotionView.model_validate_json(body) for body in bodies]
        return sorted(known, key=lambda promotion: promotion.name)

    async def get(self, name: str) -> PromotionView | None:
        """One promotion."""
        async with self._store.translated():
            body = await self._store.client.hget(KEY, name)
        return None if body is None else PromotionView.model_validate_json(body)

    async def put(self, promotion: PromotionView) -> bool:
        """Create or replace it; False when there are too many already."""
        body = promotion.model_dump_json(by_alias=True)
        async with self._store.translated():
            return bool(await self._put(keys=[KEY], args=[promotion.name, body, MAX_PROMOTIONS]))

    async def delete(self, name: str) -> None:
        """Forget it; fine when it is gone already."""
        async with self._store.translated():
            await self._store.client.hdel(KEY, name)
