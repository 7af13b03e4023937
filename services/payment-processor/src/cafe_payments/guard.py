"""Notices somebody trying out stolen cards: many declines in one store within a minute.

Fed by `service.py` at each new decline. It tells (metric, log line, the alarm on it) and stops
nobody: one process sees only its share of a store's payments, and a broken card network looks the
same from here.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

log = structlog.get_logger()

WINDOW = timedelta(minutes=1)
STORES = 4096
"""How many stores are watched; the one without declines for the longest is forgotten first."""
METRIC = "CardTestingSuspected"


class CardTestingGuard:
    """Declines per store in the last minute, in bounded memory."""

    def __init__(self, most: int, told: Callable[[str], None]) -> None:
        """`told` hears the metric's name, at most once a store and minute."""
        self._most = most
        self._told = told
        self._declines: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._suspected: dict[str, datetime] = {}

    def note(self, store_id: str, at: datetime) -> None:
        """A card was declined in this store."""
        recent = self._declines.setdefault(store_id, deque(maxlen=self._most + 1))
        self._declines.move_to_end(store_id)
        recent.append(at)
        if len(self._declines) > STORES:
            forgotten, _ = self._declines.popitem(last=False)
            self._suspected.pop(forgotten, None)
        if len(recent) <= self._most or at - recent[0] >= WINDOW:
            return
        last = self._suspected.get(store_id)
        if last is not None and at - last < WINDOW:
            return
        self._suspected[store_id] = at
        self._told(METRIC)
        log.warning(
            "card testing suspected",
            store=store_id,
            declinesPerMinute=len(recent),
            remedy="Look at the store's declined payments; block the till's key if they are cards.",
        )
