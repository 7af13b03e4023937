"""How often a fleet is looked at: seldom enough that its size does not matter to others. Pure.

A single store is looked at as often as the settings say. With many stores the intervals grow, so
that what is asked of the cafe's services and of AWS stays below a bound however many there are.
Looks that are due within two seconds come at the same moment, so that their reads share requests.
"""

from __future__ import annotations

import math
import zlib
from datetime import timedelta

LOOKS_PER_SECOND = 10.0  # whole looks at a store; at most three requests to the cafe's services
LOOKS_AT_ONCE = 300.0  # after a start, before that pace holds
TOGETHER_SECONDS = 2.0
ORDERS_PER_MINUTE = 300.0  # coffees bought to prove that it can be done, failed ones' repeats too
ORDERS_AT_ONCE = 30.0  # before that pace holds
PAGE_SECONDS = 1.0  # between two pages of a list that was read before
PAGES_PER_MINUTE = 30.0  # of the listing of tags, a hundred resources each
PAGE = 100
ALARMS_PER_SECOND = 3.0  # that an account may set, unless more was asked for
SHARE = 0.25  # stores that were made together shall not all be due together
OFTENER = math.log(1 / (1 - SHARE)) / SHARE  # they are due by that, as up to so much is taken off


def resync_after(seconds: float, *, stores: int) -> float:
    """Return how long a look at a store is believed at most; `spread`, a fleet keeps the pace."""
    return max(seconds, stores / LOOKS_PER_SECOND * OFTENER)


def next_look(now: float, name: str, *, every: float) -> float:
    """Return when a store is looked at again: by then at the latest, and with others."""
    return together(now + spread(every, name), every=every)


def together(moment: float, *, every: float = math.inf) -> float:
    """Return the moment at which all are looked at that are due until two seconds later."""
    step = min(TOGETHER_SECONDS, every / 10)
    return moment // step * step


def verify_after(every: timedelta, *, stores: int) -> timedelta:
    """Return how long a bought coffee is believed."""
    return max(every, timedelta(minutes=stores / ORDERS_PER_MINUTE))


def listing_seconds(items: int, *, at_least: float) -> float:
    """Return how long a listing of so many items is believed."""
    return max(at_least, items / PAGE * 60.0 / PAGES_PER_MINUTE)


def alarms_after(stores: int, name: str) -> float:
    """Return when a store tries its alarms again, of so many that wait; each at its own moment."""
    return stores * 2 / ALARMS_PER_SECOND * _share(name)


def spread(seconds: float, name: str) -> float:
    """Return up to a quarter less, always the same for a name."""
    return seconds * (1 - SHARE * _share(name))


def _share(name: str) -> float:
    return zlib.crc32(name.encode()) / 0xFFFFFFFF
