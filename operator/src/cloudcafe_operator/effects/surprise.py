"""Turns what a fault's code did not expect into a Bug, so that a run never hangs on it.

Used wherever the engine calls a fault. A KeyError that reached the work queue would put the whole
run off by minutes, and with it its deadline, the halt lever and the undo of its other targets.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from cloudcafe_operator.errors import Bug, OperatorError

log = structlog.get_logger()


@asynccontextmanager
async def no_surprise(what: str) -> AsyncIterator[None]:
    """Raise Bug, with the name of the error, for all that is no OperatorError; log it whole."""
    try:
        yield
    except OperatorError:
        raise
    except Exception as surprise:
        log.exception("a fault failed", what=what)
        said = f"{type(surprise).__name__} {surprise}"
        raise Bug(f"{what}: {said}; this is a bug of the operator, its log has more") from surprise
