"""An AWS in memory for tests: queues, streams and metrics that behave, and fail on demand."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from cafe_kit.fake_kinesis import FakeKinesis
from cafe_kit.fake_sqs import FakeSqs

Answer = dict[str, Any]
Rule = Callable[[dict[str, Any]], Answer | None]

EMPTY_POLL_SECONDS = 0.005
"""A long poll that found nothing lets the other tasks run."""


class FakeAws(FakeSqs, FakeKinesis):
    """The same port as `aws.Aws`, for SQS, Kinesis and CloudWatch; a service's fakes add DynamoDB.

    `records`, `messages` and `metric_data` hold what arrived. A rule in `rules` sees an
    operation's parameters first: it may raise, answer, or return None to let the call through. A
    rule in `after` runs when the call took effect: raising there is an answer that got lost.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        FakeSqs.__init__(self, clock)
        FakeKinesis.__init__(self)
        self.metric_data: list[Answer] = []
        self.calls: list[tuple[str, Answer]] = []
        self.rules: dict[str, Rule] = {}
        self.after: dict[str, Rule] = {}

    async def call(self, service: str, operation: str, **parameters: object) -> Answer:
        """Answer one API call."""
        self.calls.append((operation, parameters))
        rule = self.rules.get(operation)
        answer = rule(parameters) if rule else None
        if answer is None:
            handler: Callable[[Answer], Answer] = getattr(self, f"_{service}_{operation}")
            answer = handler(parameters)
        after = self.after.get(operation)
        if after is not None:
            after(parameters)
        if operation == "receive_message" and not answer.get("Messages"):
            await asyncio.sleep(EMPTY_POLL_SECONDS)
        return answer

    async def close(self) -> None:
        """Nothing to let go."""

    def _cloudwatch_put_metric_data(self, parameters: Answer) -> Answer:
        self.metric_data += parameters["MetricData"]
        return {}
