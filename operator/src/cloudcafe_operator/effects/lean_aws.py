"""AWS's JSON protocol without boto3's weight: signed, on the event loop. Used by `aws.py`.

A call through boto3 costs a millisecond and more of CPU (models, events, endpoint rules) and a hop
to a thread and back; this one a fraction. It serves those services of stores that speak JSON and
whose values need no translation; all others go through boto3. Endpoint and credentials are boto3's
own, so configuration does not differ.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec

from cloudcafe_operator.effects.aws_errors import Refusal, camel, error_for
from cloudcafe_operator.errors import OperatorError, Throttled, Unavailable

JSON_1_0, JSON_1_1 = "application/x-amz-json-1.0", "application/x-amz-json-1.1"
#: By boto3's name of a service: its protocol and the head of X-Amz-Target.
SPOKEN = {
    "sqs": (JSON_1_0, "AmazonSQS"),
    "secretsmanager": (JSON_1_1, "secretsmanager"),
    "resourcegroupstaggingapi": (JSON_1_1, "ResourceGroupsTaggingAPI_20170126"),
    "cloudwatch": (JSON_1_0, "GraniteServiceVersion20100801"),
}
#: Services whose signature has another name.
SCOPES = {"resourcegroupstaggingapi": "tagging", "cloudwatch": "monitoring"}
#: How a listing is continued: the field of the answer, and that of the question.
NEXT = {
    "sqs": ("NextToken", "NextToken"),
    "secretsmanager": ("NextToken", "NextToken"),
    "resourcegroupstaggingapi": ("PaginationToken", "PaginationToken"),
    "cloudwatch": ("NextToken", "NextToken"),
}
TIMEOUT = aiohttp.ClientTimeout(total=10.0, sock_connect=2.0)
CONNECTIONS = 32
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time
OK = 200
ATTEMPTS = 2  # the work queue retries better
ATTEMPTS_OF_A_PAGE = 6
READS = ("describe_", "get_", "list_", "batch_get_", "query", "scan", "search_")
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials, frozen for one call."""

    access_key: str
    secret_key: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Paging:
    """What is listed, and how many seconds pass between two pages."""

    result_key: str
    gap_s: float = 0.0


class Identity(Protocol):
    """Whose keys a call is signed with."""

    async def keys(self) -> Keys:
        """Return keys that are valid now; AccessDenied where there are none."""


def only_reads(operation: str) -> bool:
    """Whether a call may be sent again unseen; a change whose answer got lost may have happened."""
    return operation.startswith(READS)


@dataclass(slots=True)
class LeanAws:
    """All lean services of one region."""

    region: str
    endpoint: Callable[[str], str]  # by service
    identity: Identity
    _session: aiohttp.ClientSession | None = None
    _proxies: dict[str, str | None] = field(default_factory=dict)  # by endpoint
    _signing: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)  # by service

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def call(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        attempts: int = ATTEMPTS,
    ) -> Any:
        """Make one call; raises by errors.py."""
        name = camel(operation)
        body = msgspec.json.encode(parameters)
        for number in range(attempts - 1):
            try:
                return await self._send(service, operation, name, body)
            except Throttled:
                await asyncio.sleep(PAUSE_SECONDS * 2**number)
            except Unavailable:
                if not only_reads(operation):
                    raise
                await asyncio.sleep(PAUSE_SECONDS * 2**number)
        return await self._send(service, operation, name, body)

    async def pages(
        self, service: str, operation: str, parameters: Mapping[str, Any], paging: Paging
    ) -> list[Any]:
        """Follow a listing to its end; one refused page does not lose those before it."""
        answered, asked = NEXT[service]
        items: list[Any] = []
        token = ""
        while True:
            more = {asked: token} if token else {}
            asked_for = {**parameters, **more}
            page = await self.call(service, operation, asked_for, attempts=ATTEMPTS_OF_A_PAGE)
            items += page.get(paging.result_key, [])
            token = page.get(answered) or ""
            if not token:
                return items
            await asyncio.sleep(paging.gap_s)

    async def _send(self, service: str, operation: str, name: str, body: bytes) -> Any:
        url = self.endpoint(service)
        keys = await self.identity.keys()
        headers = self._headers(service, name, body, urlsplit(url).netloc, keys)
        try:
            async with self._pool().post(
                url,
                data=body,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
                proxy=self._proxy(url),
            ) as response:
                found = await response.read()
                status, said = response.status, response.headers
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            why = str(problem) or type(problem).__name__
            raise Unavailable(f"{service}:{operation}: no answer from AWS: {why}") from problem
        if status != OK:
            raise _refused(service, operation, status, said.get("x-amzn-query-error", ""), found)
        answer = msgspec.json.decode(found) if found else {}
        request_id = said.get("x-amzn-RequestId", "")
        answer["ResponseMetadata"] = {"RequestId": request_id, "HTTPStatusCode": status}
        return answer

    def _headers(
        self, service: str, name: str, body: bytes, host: str, keys: Keys
    ) -> dict[str, str]:
        """Signature version 4 over what is sent; none of the values needs quoting."""
        kind, target = SPOKEN[service]
        now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        signed = {"content-type": kind, "host": host, "x-amz-date": now}
        if keys.token:
            signed["x-amz-security-token"] = keys.token
        signed["x-amz-target"] = f"{target}.{name}"
        lines = "".join(f"{header}:{value}\n" for header, value in signed.items())
        names = ";".join(signed)
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{now[:8]}/{self.region}/{service_in_scope(service)}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"
        key = self._key(now[:8], service_in_scope(service), keys.secret_key)
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        del signed["host"]
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def _key(self, day: str, service: str, secret: str) -> bytes:
        known = self._signing.get(service)
        if known is None or known[:2] != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self.region, service, "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            known = self._signing[service] = (day, secret, key)
        return known[2]

    def _proxy(self, url: str) -> str | None:
        """Return the proxy that the environment names, as for boto3: it may be the only way out.

        aiohttp would look for it in a thread, and again for each request.
        """
        if url not in self._proxies:
            self._proxies[url] = proxy_for(url)
        return self._proxies[url]

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, socket_factory=_abrupt),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept-Encoding",),
            )
        return self._session


def _abrupt(address: aiohttp.AddrInfoType) -> socket.socket:
    """Make a socket that is reset where it is closed.

    Closed in the ordinary way, the kernel would go on sending a change that was given up, for
    minutes, until the network is whole again: perhaps after the change was undone.
    """
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return made


def proxy_for(url: str) -> str | None:
    """Return what HTTPS_PROXY and its like say of an address; NO_PROXY is obeyed."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def service_in_scope(service: str) -> str:
    """Return a service's name as signatures have it."""
    return SCOPES.get(service, service)


def _refused(service: str, operation: str, status: int, legacy: str, found: bytes) -> OperatorError:
    """Return the error that a refusal means; SQS keeps the codes from before it spoke JSON."""
    try:
        document = json.loads(found)
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    code = str(document.get("__type", status)).rpartition("#")[2]
    message = str(document.get("message") or document.get("Message") or "")
    return error_for(Refusal(service, operation, legacy.partition(";")[0] or code, message, status))
