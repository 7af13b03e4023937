"""What belongs to the current request or message: its id and its trace.

Set by the edge middleware (HTTP) and by consumers of messages; read by the logs, by outgoing
calls and by whoever writes an outbox row, so that one trace id spans HTTP and messages.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_NO_TRACE = "0" * 32


@dataclass(frozen=True, slots=True)
class Trace:
    """One hop of a trace (W3C Trace Context)."""

    trace_id: str
    request_id: str

    @property
    def traceparent(self) -> str:
        """The header for the next hop, with a fresh span id."""
        return f"00-{self.trace_id}-{os.urandom(8).hex()}-01"


_current: ContextVar[Trace | None] = ContextVar("cafe_trace", default=None)


def continue_trace(traceparent: str = "", request_id: str = "") -> Trace:
    """Take up the caller's trace or begin one; what is malformed is replaced, never echoed."""
    match = _TRACEPARENT.match(traceparent)
    known = match and match.group(1) != _NO_TRACE
    trace_id = match.group(1) if match and known else os.urandom(16).hex()
    if not _REQUEST_ID.match(request_id):
        request_id = os.urandom(8).hex()
    trace = Trace(trace_id=trace_id, request_id=request_id)
    _current.set(trace)
    return trace


def current_trace() -> Trace | None:
    """The trace of the request or message that is being handled, if any."""
    return _current.get()


@contextmanager
def following(trace_id: str, request_id: str = "") -> Iterator[Trace]:
    """Take up a message's trace for the time of the block, then return to the one before."""
    before = _current.get()
    try:
        yield continue_trace(f"00-{trace_id}-{'0' * 15}1-01", request_id)
    finally:
        _current.set(before)
