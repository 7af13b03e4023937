"""The exception tree of the services.

    CafeError
    ├── BadRequestError 400      ├── PayloadTooLargeError 413
    ├── UnauthorisedError 401    ├── UnprocessableError 422
    ├── ForbiddenError 403       ├── UnavailableError 503 (Retry-After)
    ├── NotFoundError 404        │   └── ThrottledError 503 (names the AWS service)
    ├── ConflictError 409        └── TimedOutError 504

Rules and repositories raise these; `problems.py` turns them into RFC 9457 documents, so endpoints
build no error responses. Every message says what happened to which thing; `remedy` says what to do.
"""

from collections.abc import Mapping
from typing import ClassVar

RETRY_REMEDY = "Retry after the given seconds; reuse the same Idempotency-Key if you sent one."


class CafeError(Exception):
    """Base: carries the HTTP status, the problem's slug and title, and the remedy."""

    status: ClassVar[int] = 500
    slug: str = "internal-error"
    title: str = "Something went wrong on our side"

    def __init__(
        self,
        detail: str,
        *,
        remedy: str = "",
        field: str = "",
        slug: str = "",
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.field = field
        self.extra = dict(extra or {})
        if slug:
            self.slug = slug
            self.title = slug.replace("-", " ").capitalize()

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that belong to the status."""
        return {}


class BadRequestError(CafeError):
    """The request cannot be understood."""

    status = 400
    slug = "bad-request"
    title = "The request cannot be understood"


class UnauthorisedError(CafeError):
    """No credentials, or unknown ones."""

    status = 401
    slug = "unauthorised"
    title = "Credentials are missing or wrong"

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 wants the scheme named."""
        return {"WWW-Authenticate": "Bearer"}


class ForbiddenError(CafeError):
    """Known credentials that do not reach this far."""

    status = 403
    slug = "forbidden"
    title = "These credentials do not allow this"


class NotFoundError(CafeError):
    """The named thing does not exist."""

    status = 404
    slug = "not-found"
    title = "Not found"


class ConflictError(CafeError):
    """The state of the thing does not allow this now."""

    status = 409
    slug = "conflict"
    title = "The current state does not allow this"


class PayloadTooLargeError(CafeError):
    """The body is over the limit."""

    status = 413
    slug = "payload-too-large"
    title = "The body is too large"


class UnprocessableError(CafeError):
    """Well formed, but a value is wrong."""

    status = 422
    slug = "invalid-value"
    title = "A value is not acceptable"


class UnavailableError(CafeError):
    """A dependency is away or we are too busy: the same request may succeed shortly."""

    status = 503
    slug = "unavailable"
    title = "Temporarily unavailable"

    def __init__(
        self,
        detail: str,
        *,
        remedy: str = RETRY_REMEDY,
        retry_after_seconds: int = 1,
        slug: str = "",
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail, remedy=remedy, slug=slug, extra=extra)
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> dict[str, str]:
        """When to come back."""
        return {"Retry-After": str(self.retry_after_seconds)}


class ThrottledError(UnavailableError):
    """An AWS service refuses for rate or capacity, after the bounded retries."""

    def __init__(self, service: str, detail: str) -> None:
        super().__init__(detail, retry_after_seconds=2, extra={"service": service})
        self.slug = f"{service.lower()}-throttling"
        self.title = f"{service} throttling"


class TimedOutError(CafeError):
    """The request took longer than its bound; its outcome is unknown."""

    status = 504
    slug = "timed-out"
    title = "The request took too long"
