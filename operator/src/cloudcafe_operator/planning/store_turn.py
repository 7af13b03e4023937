"""Whether what a status says may be believed until a store's turn comes. Pure.

Called by `handlers/store.py` after a start. A store for which anything is open is looked at now. A
coffee that became due meanwhile is no reason: after an hour without an operator all are due.
"""

from __future__ import annotations

from cloudcafe_operator.planning.opening import Timetable
from cloudcafe_operator.resources.conditions import get_condition
from cloudcafe_operator.resources.store_status import CafeStoreStatus

TRUE = ("Ready", "DataTierReady", "MenuSynced", "OrderPathVerified", "Watched")


def may_wait(status: CafeStoreStatus, times: Timetable, *, generation: int) -> bool:
    """Whether this very spec was met, nothing differed, and no hour has struck since."""
    if status.observed_generation != generation or status.applied is None:
        return False
    if status.adoption or status.drift or status.deletion:
        return False
    found = (get_condition(status.conditions, type_) for type_ in TRUE)
    if any(one is None or one.status != "True" for one in found):
        return False
    rush = (times.peak.name, times.peak.when.start) if times.peak else None
    known = (status.next_rush.name, status.next_rush.start) if status.next_rush else None
    hours = (times.opening.is_open, times.opening.changes_at)
    if (status.open, status.next_change) != hours or rush != known:
        return False
    return status.order_path is not None
