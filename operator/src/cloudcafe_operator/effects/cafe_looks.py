"""Reads of the cafe's services for whole looks: those of many stores go into one request.

Used by `observe_store.py`. A store is told what it would be told alone, the service's sentence
included; what an answer about many leaves open is asked for alone. Who looks after a write gets an
answer that was asked for after it: nobody joins a request that is under way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import get_args

from cloudcafe_operator.effects.asked_together import AskedTogether
from cloudcafe_operator.effects.cafe import SUCCESS, Cafe, Part
from cloudcafe_operator.ports import Clock, HttpAnswer, Json

MOST_STORES = 100  # that a service takes in one request
# one pod that hangs, or one store that is read slowly, must not hold up the looks at all others
PATIENCE_SECONDS = 1.0
OLD_SECONDS = 60.0  # a service that knows no such request may be upgraded meanwhile
UNKNOWN = (404, 405)  # it knows no such request
# one of many stores may be the reason: its id, its size, a document that breaks the service; or
# that they are many, where each alone is read in time
ONE_TO_BLAME = (400, 413, 414, 422, 431, 500, 504)
Told = HttpAnswer | Json | None  # an answer to be understood, a document, or that there is none


class CafeLooks:
    """One for all stores."""

    def __init__(self, cafe: Cafe, clock: Clock) -> None:
        self._cafe = cafe
        self._clock = clock
        self._alone_until: dict[Part, float] = {}
        self._asked: dict[Part, AskedTogether[Told]] = {
            part: AskedTogether(
                partial(self._read, part), most=MOST_STORES, patience=PATIENCE_SECONDS
            )
            for part in get_args(Part)
        }

    async def get(self, store_id: str, part: Part) -> Json | None:
        """Return the store, its menu or its stock; None where the service knows none."""
        if self._clock.monotonic() < self._alone_until.get(part, float("-inf")):
            return await self._cafe.get(store_id, part)
        found = await self._asked[part].find((store_id,))
        if store_id not in found:
            return await self._cafe.get(store_id, part)
        told = found[store_id]
        if isinstance(told, HttpAnswer):
            return self._cafe.understood(told, store_id, part)
        return told

    async def _read(self, part: Part, store_ids: tuple[str, ...]) -> Mapping[str, Told]:
        """Return what is told of these stores; who is left out must be asked for alone."""
        if len(store_ids) == 1:
            return {store_ids[0]: await self._cafe.ask(store_ids[0], part)}
        answer = await self._cafe.ask_many(store_ids, part)
        if answer.status in SUCCESS:
            return _documents(answer, store_ids)
        if answer.status in UNKNOWN:
            self._alone_until[part] = self._clock.monotonic() + OLD_SECONDS
        if answer.status in UNKNOWN or answer.status in ONE_TO_BLAME:
            return {}
        return dict.fromkeys(store_ids, answer)


def _documents(answer: HttpAnswer, store_ids: tuple[str, ...]) -> dict[str, Told]:
    """Return each store's document, or that there is none; nothing where an answer is broken."""
    try:
        told = json.loads(answer.body)
        found, unread = dict(told["found"]), set(told["unread"])
    except (ValueError, TypeError, LookupError):  # cut off, or of somebody else
        return {}
    known = {one: found.get(one) for one in store_ids if one not in unread}
    return {one: told for one, told in known.items() if told is None or isinstance(told, dict)}
