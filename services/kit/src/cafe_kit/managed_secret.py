"""A rotated password as Secrets Manager has it now, for what runs outside of the cluster.

The counterpart of `mounted_secret.py` where nobody mounts anything: on Fargate. A store awaits it
whenever it opens a connection, so its errors must not be a store's: the value before is tried.
"""

import asyncio
import json
import time
from collections.abc import Callable

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from cafe_kit.aws import AwsCalls
from cafe_kit.errors import CafeError

log = structlog.get_logger()

FRESH_SECONDS = 60.0
"""Each question costs money: 22 cents a month for one process that asks once a minute."""
ANSWER_SECONDS = 1.0
"""Connecting waits for the answer, and must not fail because Secrets Manager is slow."""

UNREAD = (CafeError, ClientError, BotoCoreError, TimeoutError, ValueError, KeyError, TypeError)
"""No answer, a refusal, or no JSON object with that key."""


class ManagedSecret:
    """One key of a secret; the secret is a JSON object."""

    def __init__(
        self,
        aws: AwsCalls,
        arn: str,
        key: str,
        *,
        first: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`first` is the value that the process was started with."""
        self._aws = aws
        self._arn = arn
        self._key = key
        self._value = first
        self._clock = clock
        self._asked = clock()

    async def __call__(self) -> str:
        """The value, at most a minute old unless nobody answers."""
        if self._clock() - self._asked >= FRESH_SECONDS:
            # before the answer: an outage is asked once a minute too
            self._asked = self._clock()
            try:
                self._value = await self._read()
            except UNREAD as error:
                # by its kind alone: the text may hold what could not be read
                log.warning("secret not read", secret=self._arn, error=type(error).__name__)
        return self._value

    async def _read(self) -> str:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await self._aws.call("secretsmanager", "get_secret_value", SecretId=self._arn)
        return str(json.loads(answer["SecretString"])[self._key])
