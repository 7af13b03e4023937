"""An AWS in memory for tests: accepts what the services send, fails on demand."""

from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]
Rule = Callable[[dict[str, Any]], Answer | None]


class FakeAws:
    """The same port as `aws.Aws`, for Kinesis and SQS.

    `records` and `messages` hold what arrived. A rule in `rules` sees an operation's parameters
    first: it may raise, answer, or return None to let the call through.
    """

    def __init__(self) -> None:
        self.records: list[Answer] = []
        self.messages: list[Answer] = []
        self.rules: dict[str, Rule] = {}

    async def call(self, service: str, operation: str, **parameters: object) -> Answer:
        """Answer one API call."""
        rule = self.rules.get(operation)
        answer = rule(parameters) if rule else None
        if answer is None:
            handler: Callable[[Answer], Answer] = getattr(self, f"_{service}_{operation}")
            answer = handler(parameters)
        return answer

    async def close(self) -> None:
        """Nothing to let go."""

    def _kinesis_describe_stream_summary(self, _parameters: Answer) -> Answer:
        return {}

    def _kinesis_put_records(self, parameters: Answer) -> Answer:
        self.records += parameters["Records"]
        return {"FailedRecordCount": 0, "Records": [{} for _ in parameters["Records"]]}

    def _sqs_get_queue_url(self, parameters: Answer) -> Answer:
        return {"QueueUrl": f"http://sqs/{parameters['QueueName']}"}

    def _sqs_send_message_batch(self, parameters: Answer) -> Answer:
        self.messages += parameters["Entries"]
        return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]]}
