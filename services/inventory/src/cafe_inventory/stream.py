"""The stock events' Kinesis stream, as `telling.py` wants it."""

from collections.abc import Sequence

from botocore.exceptions import ClientError
from cafe_kit.aws import AwsCalls, error_code
from cafe_kit.errors import UnavailableError
from cafe_kit.events import StockEvent

RECORDS_A_CALL = 500


class StockStream:
    """Puts events; those of a store keep their order."""

    def __init__(self, aws: AwsCalls, name: str) -> None:
        self._aws = aws
        self._name = name

    async def put(self, events: Sequence[StockEvent]) -> list[bool]:
        """Which of them arrived."""
        arrived: list[bool] = []
        for at in range(0, len(events), RECORDS_A_CALL):
            records = [
                {"Data": event.encode().encode(), "PartitionKey": event.store_id}
                for event in events[at : at + RECORDS_A_CALL]
            ]
            answer = await self._call("put_records", Records=records)
            arrived += ["ErrorCode" not in record for record in answer["Records"]]
        return arrived

    async def check(self) -> None:
        """Raise unless the stream answers."""
        await self._call("describe_stream_summary")

    async def _call(self, operation: str, **parameters: object) -> dict[str, list[dict[str, str]]]:
        try:
            return await self._aws.call("kinesis", operation, StreamName=self._name, **parameters)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise UnavailableError(
                    f"The Kinesis stream {self._name} does not exist (yet).",
                    slug="stream-missing",
                    remedy="Create it, or set CAFE_STOCK_STREAM.",
                ) from error
            raise
