"""Everything that can go wrong, and what happens next.

Raised by effects and faults, read by the work queue: the type alone says whether and when a
reconcile is tried again. A message says what happened, to which resource, and what to do.

    OperatorError
    ├── UserError        the spec must change: a condition says so, no retry before it changes
    ├── AccessDenied     a permission is missing: named with its IAM action or RBAC verb, slow retry
    ├── QuotaExceeded    the account may have no more of it: slow retry, more is asked for elsewhere
    ├── NotFound         the thing is not there (often a success: it was to be deleted)
    ├── AlreadyExists    a create met an object that is there already: read it and decide
    ├── Conflict         somebody wrote first: observe again at once
    ├── Retry            not yet: try again after `after` seconds
    │   ├── Throttled    the API asked us to slow down; ThrottledByAws where it was AWS
    │   └── Unavailable  no answer, a timeout or a 5xx: the effect may or may not have happened
    └── Bug              an assumption of ours is false: loud, slow retry
"""

from __future__ import annotations


class OperatorError(Exception):
    """Root of the tree; `reason` is the CamelCase reason that conditions and events carry."""

    reason = "Error"


class UserError(OperatorError):
    """The spec asks for something impossible or forbidden."""

    reason = "InvalidSpec"


class AccessDenied(OperatorError):
    """The operator lacks a permission."""

    reason = "AccessDenied"


class QuotaExceeded(OperatorError):
    """The account's quota is used up: waiting does not help, a higher quota or a tidy-up does."""

    reason = "QuotaExceeded"


class NotFound(OperatorError):
    """The named resource does not exist."""

    reason = "NotFound"


class AlreadyExists(OperatorError):
    """A create met an existing resource of the same name."""

    reason = "AlreadyExists"


class Conflict(OperatorError):
    """A write carried an old resourceVersion or lost a condition: somebody wrote first."""

    reason = "Conflict"


class Retry(OperatorError):
    """Not yet; `after` is in seconds."""

    reason = "Waiting"

    def __init__(self, message: str, *, after: float = 2.0) -> None:
        super().__init__(message)
        self.after = after


class Throttled(Retry):
    """An API refused because of its rate limit."""

    reason = "Throttled"


class ThrottledByAws(Throttled):
    """AWS did: a quota of the account can be raised."""

    reason = "ThrottledByAWS"


class Unavailable(Retry):
    """No usable answer: whether the request took effect is unknown."""

    reason = "Unavailable"


class Bug(OperatorError):
    """An assumption of this program is false."""

    reason = "Bug"
