"""SQS in memory: visibility, receive counts, and groups in order. Part of `fakes.FakeAws`."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Answer = dict[str, Any]

DEFAULT_VISIBILITY_SECONDS = 30


@dataclass
class FakeMessage:
    """A message on a queue. It can be received once `visible_at` has come."""

    id: str
    body: str
    group: str
    attributes: Answer = field(default_factory=dict)
    visible_at: float = 0.0
    receives: int = 0
    receipt: str = ""


class FakeSqs:
    """Queues come into being when they are first spoken of."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.messages: list[Answer] = []
        self.queues: dict[str, list[FakeMessage]] = {}
        self._clock = clock
        self._serial: Iterator[int] = itertools.count(1)
        self._deduplicated: dict[tuple[str, str], str] = {}

    def put_message(self, queue: str, body: str, group: str = "") -> FakeMessage:
        """Put a message on a queue, as if somebody had sent it."""
        message = FakeMessage(f"m-{next(self._serial)}", body, group)
        self.queue(queue).append(message)
        return message

    def queue(self, name: str) -> list[FakeMessage]:
        """What is on a queue, the oldest first."""
        return self.queues.setdefault(name, [])

    def bodies(self, queue: str) -> list[str]:
        """The bodies on a queue."""
        return [message.body for message in self.queue(queue)]

    def redeliver(self, queue: str) -> None:
        """Make all of a queue's messages visible at once, as when a consumer died long ago."""
        for message in self.queue(queue):
            message.visible_at = 0.0

    def _sqs_get_queue_url(self, parameters: Answer) -> Answer:
        return {"QueueUrl": f"http://sqs/{parameters['QueueName']}"}

    def _sqs_send_message(self, parameters: Answer) -> Answer:
        self._accept(parameters["QueueUrl"], parameters)
        return {"MessageId": "sent"}

    def _sqs_send_message_batch(self, parameters: Answer) -> Answer:
        for entry in parameters["Entries"]:
            self._accept(parameters["QueueUrl"], entry)
        return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]]}

    def _accept(self, url: str, entry: Answer) -> None:
        self.messages.append(entry)
        name = _name(url)
        deduplication = (name, entry.get("MessageDeduplicationId", ""))
        if deduplication[1] and deduplication in self._deduplicated:
            return
        message = self.put_message(name, entry["MessageBody"], entry.get("MessageGroupId", ""))
        message.attributes = entry.get("MessageAttributes", {})
        self._deduplicated[deduplication] = message.id

    def _sqs_receive_message(self, parameters: Answer) -> Answer:
        queue, now = self.queue(_name(parameters["QueueUrl"])), self._clock()
        # of a group with a message in flight nothing is given out
        locked = {m.group for m in queue if m.group and m.receipt and m.visible_at > now}
        seconds = parameters.get("VisibilityTimeout", DEFAULT_VISIBILITY_SECONDS)
        received: list[Answer] = []
        for message in queue:
            if len(received) == parameters.get("MaxNumberOfMessages", 1):
                break
            if message.visible_at > now or message.group in locked:
                continue
            message.receives += 1
            message.visible_at = now + seconds
            message.receipt = f"{message.id}/{message.receives}"
            received.append(_delivery(message))
        return {"Messages": received} if received else {}

    def _sqs_delete_message_batch(self, parameters: Answer) -> Answer:
        queue = self.queue(_name(parameters["QueueUrl"]))
        receipts = {entry["ReceiptHandle"] for entry in parameters["Entries"]}
        queue[:] = [message for message in queue if message.receipt not in receipts]
        return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]]}

    def _sqs_change_message_visibility_batch(self, parameters: Answer) -> Answer:
        by_receipt = {m.receipt: m for m in self.queue(_name(parameters["QueueUrl"]))}
        done, failed = [], []
        for entry in parameters["Entries"]:
            message = by_receipt.get(entry["ReceiptHandle"])
            if message is None:
                failed.append({"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid"})
                continue
            message.visible_at = self._clock() + entry["VisibilityTimeout"]
            done.append({"Id": entry["Id"]})
        return {"Successful": done, "Failed": failed}


def _delivery(message: FakeMessage) -> Answer:
    attributes = {"ApproximateReceiveCount": str(message.receives)}
    if message.group:
        attributes["MessageGroupId"] = message.group
    return {
        "MessageId": message.id,
        "Body": message.body,
        "ReceiptHandle": message.receipt,
        "Attributes": attributes,
        "MessageAttributes": message.attributes,
    }


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
