"""How the API server is reached: as the pod's service account, else as KUBECONFIG says.

Used by `main.py`, for our own connections and for kopf's. The official client is loaded only where
a kubeconfig's user logs in by a plugin (`aws eks get-token`): we would use none of its models.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import kopf
import structlog

from cloudcafe_operator.effects.api_server import Access

SECONDS_OF_A_FILE = 60.0  # kubelet renews a token's file long before the token ends
SECONDS_OF_A_PLUGIN = 600.0  # AWS's tokens end after 15 minutes
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """Reads files: not for the event loop. `in_pod`: the API server's URL there, else empty."""

    in_pod: str = ""

    def log_in(self) -> kopf.ConnectionInfo:
        """Return address and credentials as they are now; kopf.LoginError where there are none."""
        return self._find()[0]

    def access(self) -> Access:
        """Return the same for our own connections; what ends is looked up again in time."""
        found, good_for = self._find()
        tls = found.as_ssl_context() if found.server.startswith("https") else None
        return Access(found.server, tls, _Renewed(found, good_for, self.log_in).headers)

    def _find(self) -> tuple[kopf.ConnectionInfo, float]:
        """Return the credentials, and for how many seconds they are good."""
        settings = kopf.OperatorSettings()
        if self.in_pod and (found := kopf.login_with_service_account(settings=settings)):
            return replace(found, server=self.in_pod), SECONDS_OF_A_FILE
        plain = kopf.login_with_kubeconfig(settings=settings)
        if plain is None:
            raise kopf.LoginError("no service account and no kubeconfig: set KUBECONFIG")
        if plain.token or plain.username or plain.certificate_path or plain.certificate_data:
            return plain, math.inf
        by_plugin = kopf.login_via_client(settings=settings, logger=log)
        if by_plugin is None:
            log.warning(
                "the kubeconfig's user has no credentials: where a plugin logs it in, the Python "
                "package kubernetes must be installed"
            )
            return plain, math.inf
        return by_plugin, SECONDS_OF_A_PLUGIN


class _Renewed:
    """Credentials that are looked up again before they end: a short file now and then.

    A plugin holds up the event loop while it runs; it does so on a person's machine only.
    """

    def __init__(
        self, found: kopf.ConnectionInfo, good_for: float, log_in: Callable[[], kopf.ConnectionInfo]
    ) -> None:
        self._headers = found.as_http_headers()
        self._good_for = good_for
        self._log_in = log_in
        self._at = time.monotonic()

    def headers(self) -> Mapping[str, str]:
        """Return what a request carries."""
        now = time.monotonic()
        if now - self._at >= self._good_for:
            self._at = now
            self._headers = self._log_in().as_http_headers()
        return self._headers
