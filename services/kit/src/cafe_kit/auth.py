"""Who calls: the platform (service token) or a till (its store's key).

Endpoints use the `Annotated` aliases; comparing is constant in time.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cafe_kit.errors import ForbiddenError, UnauthorisedError
from cafe_kit.settings import KitSettings

bearer = HTTPBearer(auto_error=False, description="The service token, or a store's till key.")


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a request, once its credentials were looked at."""

    is_service: bool
    key_sha256: str

    def may_act_for(self, till_key_sha256: str | None) -> bool:
        """The platform may act for every store, a till only for the one that has its key."""
        if self.is_service:
            return True
        return till_key_sha256 is not None and hmac.compare_digest(self.key_sha256, till_key_sha256)


def identify(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Caller:
    """The caller; whose till it is, is judged where the store is known.

    Raises:
        UnauthorisedError: no bearer credentials at all.
    """
    if credentials is None:
        raise UnauthorisedError(
            "The Authorization header is missing.",
            field="Authorization",
            remedy="Send 'Authorization: Bearer <service token or till key>'.",
        )
    return caller_of(credentials.credentials.encode(), request.app.state.settings)


def caller_of(presented: bytes, settings: KitSettings) -> Caller:
    """The caller with this token; for routes that do without FastAPI's dependencies."""
    expected = settings.service_token.get_secret_value().encode()
    return Caller(
        is_service=hmac.compare_digest(presented, expected),
        key_sha256=hashlib.sha256(presented).hexdigest(),
    )


def require_service(caller: Annotated[Caller, Depends(identify)]) -> Caller:
    """Only the platform itself.

    Raises:
        ForbiddenError: someone else.
    """
    if not caller.is_service:
        raise ForbiddenError(
            "This call needs the service token.",
            remedy="Use the token of Secret cloudcafe-service-token.",
        )
    return caller


AnyCaller = Annotated[Caller, Depends(identify)]
ServiceOnly = Depends(require_service)
