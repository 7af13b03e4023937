"""The bridge between the event loop and boto3: bounded threads, bounded time, few error kinds.

Repositories call `Aws.call`; nothing else in the services touches boto3. Clients are made once,
in a worker thread, because making one reads files for tens of milliseconds.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_kit.lean_aws import LEAN, LeanClient

CONNECT_SECONDS = 1.0
READ_SECONDS = 2.0
ATTEMPTS = 3
CALL_SECONDS = 6.0
LEAN_SECONDS = 5.5
"""Less than that: what nobody waits for any more is not begun, and not sent again."""
QUEUE_PER_THREAD = 16

NAMES = {"cloudwatch": "CloudWatch", "dynamodb": "DynamoDB", "sqs": "SQS", "kinesis": "Kinesis"}
THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "KMSThrottlingException",
    }
)
OUTAGES = frozenset({"InternalServerError", "InternalFailure", "ServiceUnavailable"})


class AwsCalls(Protocol):
    """What repositories need of AWS; `Aws` is the real one, `fakes.FakeAws` the tests'."""

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, Any]:
        """One API call, bounded in time; see `Aws.call` for the errors."""
        ...

    async def close(self) -> None:
        """Let everything go."""
        ...


class Aws:
    """AWS for one service process."""

    def __init__(self, region: str, threads: int = 16) -> None:
        self._region = region
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aws")
        self._room = threads * QUEUE_PER_THREAD
        self._lock = threading.RLock()
        self._clients: dict[str, BaseClient] = {}
        self._lean: dict[str, LeanClient] = {}
        self._closed = False
        self._config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=threads,
        )

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, Any]:
        """One API call, e.g. `call("dynamodb", "get_item", TableName=…, Key=…)`.

        Raises:
            ThrottledError: refused for rate or capacity after the retries.
            UnavailableError: no answer in time, or too many calls are waiting.
            ClientError: any other refusal; its meaning is the caller's.
        """
        name = NAMES.get(service, service)
        if self._room <= 0:
            raise UnavailableError(f"Too many calls are waiting for {name}.", slug="overloaded")
        self._room -= 1
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(
            self._pool, self._call, service, operation, parameters, time.monotonic() + LEAN_SECONDS
        )
        future.add_done_callback(self._leave)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await future
        except ClientError as error:
            raise _translated(name, error) from error
        except (TimeoutError, BotoConnectionError, HTTPClientError) as error:
            raise UnavailableError(
                f"{name} does not answer: {type(error).__name__}.",
                slug=f"{name.lower()}-unavailable",
                extra={"service": name},
            ) from error
        except BotoCoreError as error:
            raise UnavailableError(
                f"{name} cannot be called: {error}", extra={"service": name}
            ) from error

    async def close(self) -> None:
        """Let the threads go without waiting for calls that nobody waits for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            for client in self._clients.values():
                client.close()
            for lean in self._lean.values():
                lean.close()
            self._clients.clear()
            self._lean.clear()

    def _leave(self, future: asyncio.Future[dict[str, Any]]) -> None:
        self._room += 1
        if not future.cancelled():
            future.exception()

    def _call(
        self, service: str, operation: str, parameters: Mapping[str, object], ends: float
    ) -> dict[str, Any]:
        if operation in LEAN.get(service, ()):
            return self._lean_client(service).call(
                operation,
                parameters,
                attempts=ATTEMPTS,
                timeouts=(CONNECT_SECONDS, READ_SECONDS),
                ends=ends,
            )
        method = getattr(self._client(service), operation)
        answer: dict[str, Any] = method(**parameters)
        return answer

    def _client(self, service: str) -> BaseClient:
        with self._lock:
            if self._closed:  # a thread that had only begun: what it opened nobody would close
                raise HTTPClientError(error=ConnectionAbortedError("closed"))
            if service not in self._clients:
                # the stubs overload `client` by literal names; ours is any name
                session: Any = boto3.session.Session(region_name=self._region)
                self._clients[service] = session.client(service, config=self._config)
            return self._clients[service]

    def _lean_client(self, service: str) -> LeanClient:
        known = self._lean.get(service)
        if known is not None:
            return known
        with self._lock:
            if service not in self._lean:
                # boto3 knows where the service is and who we are
                client: Any = self._client(service)
                self._lean[service] = LeanClient(
                    service,
                    self._region,
                    client.meta.endpoint_url,
                    client._request_signer._credentials,  # noqa: SLF001 - there is no other way to it
                )
            return self._lean[service]


def error_code(error: ClientError) -> str:
    """The exception name that AWS gave."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _translated(name: str, error: ClientError) -> Exception:
    code = error_code(error)
    if code in THROTTLES:
        return ThrottledError(name, f"{name} throttles this service ({code}).")
    if code in OUTAGES:
        return UnavailableError(
            f"{name} failed ({code}).",
            slug=f"{name.lower()}-unavailable",
            extra={"service": name},
        )
    return error
