"""AWS that takes its time: a write of tags or settings is accepted, and what is read is older.

DynamoDB writes tags asynchronously, and Secrets Manager, SQS and CloudWatch promise no more; a
queue's settings may take a minute.
"""

from __future__ import annotations

from typing import Any

from tests.fakes.aws import FakeAws, Handler
from tests.fakes.clock import FakeClock
from tests.fakes.store_aws import StoreAws


class LateWrites:
    """Registers itself in place of a service's handlers that write, and of all that tell.

    What is written is seen `seconds` later, or where the test says `show`.
    """

    def __init__(self, aws: FakeAws, stores: StoreAws, clock: FakeClock, service: str) -> None:
        self.seconds = 30.0
        self._clock = clock
        self._unshown: list[tuple[float, Handler, dict[str, Any]]] = []
        writes: dict[str, dict[str, Handler]] = {
            "sqs": {
                "tag_queue": stores.tag_queue,
                "set_queue_attributes": stores.set_queue_attributes,
            },
            "secretsmanager": {"tag_resource": stores.tag_resource},
            "cloudwatch": {"tag_resource": stores.extras.tag_resource},
            "dynamodb": {"tag_resource": stores.extras.tag_table},
        }
        reads: dict[tuple[str, str], Handler] = {
            ("sqs", "list_queue_tags"): stores.list_queue_tags,
            ("sqs", "get_queue_attributes"): stores.get_queue_attributes,
            ("secretsmanager", "describe_secret"): stores.describe_secret,
            ("secretsmanager", "list_secrets"): stores.list_secrets,
            ("cloudwatch", "list_tags_for_resource"): stores.extras.list_tags_for_resource,
            ("dynamodb", "list_tags_of_resource"): stores.extras.list_tags_of_resource,
            ("resourcegroupstaggingapi", "get_resources"): stores.get_resources,
        }
        for operation, handler in writes[service].items():
            aws.on(service, operation, self._written(handler))
        for (teller, told), handler in reads.items():
            aws.on(teller, told, self._read(handler))

    def show(self) -> None:
        """Let be seen what was written long enough ago."""
        now = self._clock.monotonic()
        due = [one for one in self._unshown if one[0] <= now]
        self._unshown = [one for one in self._unshown if one[0] > now]
        for _, handler, parameters in due:
            handler(**parameters)

    def _written(self, handler: Handler) -> Handler:
        def write(**parameters: Any) -> dict[str, Any]:
            at = self._clock.monotonic() + self.seconds
            self._unshown.append((at, handler, parameters))
            return {}

        return write

    def _read(self, handler: Handler) -> Handler:
        def read(**parameters: Any) -> dict[str, Any]:
            self.show()
            return dict(handler(**parameters))

        return read
