"""AWS: implements ports.Aws, the only module that knows boto3.

One session, one client per service, each call bounded in time, with few retries (the work queue
retries better) and a token bucket per call, so that thousands of stores never drive an account into
throttling. The services that stores use most are spoken by `lean_aws.py`; the rest by boto3 in
threads. AWS_ENDPOINT_URL is honoured by boto3 itself, which tells the endpoints.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.aws_errors import Refusal, error_for
from cloudcafe_operator.effects.lean_aws import SPOKEN, Keys, LeanAws, Paging, only_reads
from cloudcafe_operator.effects.threads import started_pool
from cloudcafe_operator.errors import (
    AccessDenied,
    OperatorError,
    ThrottledByAws,
    Unavailable,
    UserError,
)

CONFIG = Config(
    connect_timeout=2,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=32,
    user_agent_extra="cloudcafe-operator",
)
# a change whose answer got lost is never sent again unseen: whoever asked looks first
ONCE = CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
CALLS_PER_SECOND = 400.0  # of one operation; where AWS allows less, it is found out
LEAST_PER_SECOND = 10.0
LEAST_ALARMS_PER_SECOND = 2.0  # AWS grants three, and nothing but an alarm waits for them
BURST = 100.0
SLOWER, FASTER = 0.8, 1.0  # after a throttled call by this share, after another by so many
FASTER_SHARE = 0.05  # and by no more than this share of what is slow
LONGEST_WAIT_SECONDS = 2.0  # the work queue waits better: it holds nobody up meanwhile
SECONDS_OF_KEYS = 60.0  # botocore renews them ten minutes before they end


class TokenBucket:
    """Says how long to wait before the next call. Not thread-safe: lives on the event loop.

    Quotas differ by account and are raised, so it learns: slower when AWS throttles, faster else.
    """

    def __init__(
        self,
        *,
        per_second: float = CALLS_PER_SECOND,
        burst: float = BURST,
        least: float = LEAST_PER_SECOND,
    ) -> None:
        self._most = per_second
        self._least = least
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at: float | None = None

    def wait(self, now: float) -> float:
        """Take one token and return the seconds until it is really there."""
        elapsed = 0.0 if self._at is None else now - self._at
        self._at = now
        self._tokens = min(self._burst, self._tokens + elapsed * self._per_second) - 1
        return max(0.0, -self._tokens / self._per_second)

    def admit(self, now: float, call: str) -> float:
        """Return how long a call waits here; ThrottledByAws where its worker had better go on."""
        wait = self.wait(now)
        if wait <= LONGEST_WAIT_SECONDS:
            return wait
        self._tokens += 1  # it is not made
        raise ThrottledByAws(
            f"{call}: AWS allows few of these calls: others are before it", after=wait
        )

    def answered(self, *, throttled: bool) -> None:
        """Learn from an answer."""
        if throttled:
            self._per_second = max(min(self._least, self._most), self._per_second * SLOWER)
            self._tokens = min(self._tokens, 0.0)  # what was saved up is not granted
        else:
            more = min(FASTER, self._per_second * FASTER_SHARE)
            self._per_second = min(self._most, self._per_second + more)


def bucket_of(call: str) -> TokenBucket:
    """Return how often a call may be made at most, and at least whatever AWS says."""
    alarms = call == "cloudwatch:put_metric_alarm"
    return TokenBucket(least=LEAST_ALARMS_PER_SECOND if alarms else LEAST_PER_SECOND)


def endpoints(region: str) -> dict[str, str]:
    """Return where boto3 would send the calls of the services that we speak ourselves.

    Its session goes with what it read: descriptions of services are megabytes, and stay with it.
    """
    make = cast("Any", boto3.Session(region_name=region).client)  # the name is data here
    return {service: str(make(service).meta.endpoint_url) for service in SPOKEN}


class AwsApi:
    """Implements ports.Aws."""

    def __init__(self, *, region: str, threads: int = 16) -> None:
        self._session = boto3.Session(region_name=region)
        self._threads = started_pool(threads, "aws")
        self._clients: dict[tuple[str, bool], Any] = {}  # for reads, and for changes
        self._lock = threading.Lock()  # a session may not make two clients at once
        self._buckets: dict[str, TokenBucket] = {}
        self._keys: Keys | None = None
        self._keys_at = 0.0
        self._lean = LeanAws(region, endpoints(region).__getitem__, self)

    async def close(self) -> None:
        """Give threads and connections back."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._lean.close()

    async def keys(self) -> Keys:
        """Implements lean_aws.Identity: read in a thread, because renewing them may wait."""
        now = time.monotonic()
        if self._keys is None or now - self._keys_at >= SECONDS_OF_KEYS:
            loop = asyncio.get_running_loop()
            self._keys, self._keys_at = await loop.run_in_executor(self._threads, self._read), now
        return self._keys

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Make one call."""
        return cast("dict[str, Any]", await self._run(service, operation, parameters, None))

    async def pages(
        self,
        service: str,
        operation: str,
        result_key: str,
        *,
        gap_s: float = 0.0,
        **parameters: Any,
    ) -> list[Any]:
        """Follow a paginated call to its end; gaps are kept by what `lean_aws.py` speaks."""
        paging = Paging(result_key, gap_s)
        return cast("list[Any]", await self._run(service, operation, parameters, paging))

    async def _run(
        self, service: str, operation: str, parameters: dict[str, Any], paging: Paging | None
    ) -> Any:
        bucket = self._bucket(f"{service}:{operation}")
        wait = bucket.admit(time.monotonic(), f"{service}:{operation}")
        if wait:
            await asyncio.sleep(wait)
        result = "success"
        try:
            return await self._ask(service, operation, parameters, paging)
        except OperatorError as error:
            result = error.reason
            raise
        finally:
            bucket.answered(throttled=result == ThrottledByAws.reason)
            metrics.aws_calls.labels(service, operation, result).inc()

    def _bucket(self, call: str) -> TokenBucket:
        if call not in self._buckets:
            self._buckets[call] = bucket_of(call)
        return self._buckets[call]

    async def _ask(
        self, service: str, operation: str, parameters: dict[str, Any], paging: Paging | None
    ) -> Any:
        if service not in SPOKEN:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._threads, self._send, service, operation, parameters, paging
            )
        if paging:
            return await self._lean.pages(service, operation, parameters, paging)
        return await self._lean.call(service, operation, parameters)

    def _read(self) -> Keys:
        """Read the credentials; blocking."""
        try:
            found = self._session.get_credentials()
        except BotoCoreError as problem:
            raise Unavailable(f"the operator's AWS identity cannot be read: {problem}") from problem
        if found is None:
            raise AccessDenied("no AWS credentials; give the operator an AWS identity")
        keys = found.get_frozen_credentials()
        return Keys(str(keys.access_key), str(keys.secret_key), keys.token)

    def _send(
        self, service: str, operation: str, parameters: dict[str, Any], paging: Paging | None
    ) -> Any:
        """Call botocore; blocking, so never on the event loop."""
        said = f"{service}:{operation}"
        try:
            client = self._client(service, reads=only_reads(operation))
            if not paging:
                return getattr(client, operation)(**parameters)
            pages = client.get_paginator(operation).paginate(**parameters)
            return [item for page in pages for item in page.get(paging.result_key, [])]
        except ClientError as problem:
            raise error_for(Refusal.of(problem.response, service, operation)) from problem
        except ParamValidationError as problem:
            raise UserError(f"{said}: {problem}") from problem
        except (NoCredentialsError, PartialCredentialsError) as problem:
            raise AccessDenied(f"{said}: {problem}; give the operator an AWS identity") from problem
        except BotoCoreError as problem:
            raise Unavailable(f"{said}: {problem}") from problem

    def _client(self, service: str, *, reads: bool = True) -> Any:
        with self._lock:
            found = self._clients.get((service, reads))
            if found is None:
                # the service's name is data here, which boto3's typed overloads cannot express
                make = cast("Any", self._session.client)
                found = make(service, config=CONFIG if reads else ONCE)
                self._clients[service, reads] = found
            return found
