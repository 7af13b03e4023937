"""One SQS queue with a policy of its owner's, and messages that wait."""

from __future__ import annotations

import json
from typing import Any

from cloudcafe_operator.errors import NotFound

TAGS = [{"Key": "cloudcafe.dev/chaos", "Value": "allowed"}]
NAME = "cloudcafe-payments.fifo"
ARN = f"arn:aws:sqs:eu-west-1:000000000000:{NAME}"
URL = f"https://sqs.eu-west-1.amazonaws.com/000000000000/{NAME}"
OWNERS = {"Sid": "Owner", "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": ARN}
FAULTS = {"sqsBacklog": {"selector": {"names": [NAME]}}}


class Queue:
    """Its policy is kept as it was written."""

    def __init__(self) -> None:
        self.policy = json.dumps({"Version": "2012-10-17", "Statement": OWNERS}, indent=1)
        self.waiting = 3
        self.denied = 0
        self.gone = False

    def tagged(self) -> dict[str, Any]:
        """What GetResources shows of it."""
        return {ARN: TAGS}

    def url(self, QueueName: str, QueueOwnerAWSAccountId: str) -> dict[str, Any]:
        """GetQueueUrl."""
        self._known()
        return {"QueueUrl": URL}

    def get(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        """GetQueueAttributes."""
        self._known()
        attributes = {"ApproximateNumberOfMessages": str(self.waiting)}
        return {"Attributes": attributes | ({"Policy": self.policy} if self.policy else {})}

    def set(self, QueueUrl: str, Attributes: dict[str, str]) -> dict[str, Any]:
        """SetQueueAttributes."""
        self._known()
        before, self.policy = self.policy, Attributes["Policy"]
        self.denied += "Deny" in self.policy and "Deny" not in before
        return {}

    def statements(self) -> list[Any]:
        """What the policy says."""
        found = json.loads(self.policy)["Statement"] if self.policy else []
        return found if isinstance(found, list) else [found]

    def state(self) -> dict[str, Any]:
        """What must be as before, to the letter."""
        return {"policy": self.policy}

    def injections(self) -> dict[str, int]:
        """How often receiving was denied."""
        return {"sqsBacklog": self.denied}

    def _known(self) -> None:
        if self.gone:
            raise NotFound(f"queue {NAME} not found")


def build(world: Any) -> Queue:
    """Answer the calls of a world."""
    queue = Queue()
    world.aws.on("sqs", "get_queue_url", queue.url)
    world.aws.on("sqs", "get_queue_attributes", queue.get)
    world.aws.on("sqs", "set_queue_attributes", queue.set)
    return queue
