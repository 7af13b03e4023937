"""Looking at everything that exists for one store. Called by `handlers/store.py`; reads only.

A part that cannot be read becomes a `Trouble` in its place and the rest is still looked at. Tags
of all stores come from one listing per interval; only where it does not (yet) know a resource are
its own tags read, because the listing of AWS is a minute behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import structlog

from cloudcafe_operator.effects.cafe import Cafe
from cloudcafe_operator.effects.store_part import Parts
from cloudcafe_operator.errors import NotFound, OperatorError
from cloudcafe_operator.kinds import CONFIG_MAPS, SECRETS
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store import needs_value
from cloudcafe_operator.planning.store_owner import owned
from cloudcafe_operator.planning.store_steps import CAFE, DATA_TIER, WATCH, Area
from cloudcafe_operator.planning.store_world import (
    PART_OF_TAG,
    AwsSecret,
    Observed,
    Queue,
    Trouble,
    Wanted,
)
from cloudcafe_operator.ports import Aws, Clock, Kubernetes, Ref

Found = TypeVar("Found")
TAG_LISTING_SECONDS = 60.0
AREAS: tuple[Area, ...] = (*DATA_TIER, *CAFE, *WATCH)
LISTED = ["sqs", "secretsmanager:secret", "cloudwatch:alarm"]
OBJECTS = {"till": (SECRETS, naming.till), "config": (CONFIG_MAPS, naming.config)}
log = structlog.get_logger()


class TagListing:
    """The tags of all stores' AWS resources by ARN, read at most once per interval."""

    def __init__(self, aws: Aws, clock: Clock) -> None:
        self._aws = aws
        self._clock = clock
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._tags: dict[str, dict[str, str]] = {}

    async def tags(self, arn: str) -> Mapping[str, str] | None:
        """Return a resource's tags, or None where the listing does not know it."""
        async with self._lock:
            if self._clock.monotonic() - self._read_at >= TAG_LISTING_SECONDS:
                self._read_at = self._clock.monotonic()
                self._tags = await self._read()
        return self._tags.get(arn)

    def forget(self, arn: str) -> None:
        """Do not believe what was read about this one: its tags are being changed."""
        self._tags.pop(arn, None)

    def forget_all(self) -> None:
        """Trust nothing that was read before: tags are being changed."""
        self._tags.clear()

    async def _read(self) -> dict[str, dict[str, str]]:
        try:
            items = await self._aws.pages(
                "resourcegroupstaggingapi",
                "get_resources",
                "ResourceTagMappingList",
                TagFilters=[{"Key": PART_OF_TAG, "Values": ["cloudcafe"]}],
                ResourceTypeFilters=LISTED,
            )
        except OperatorError as error:  # the listing only saves calls: without it, ask one by one
            log.warning("no shared tag listing", error=str(error))
            return {}
        return {item["ResourceARN"]: _tags(item.get("Tags", [])) for item in items}


@dataclass(frozen=True, slots=True)
class StoreObserver:
    """Reads the world for stores."""

    kubernetes: Kubernetes
    aws: Aws
    cafe: Cafe
    listing: TagListing
    parts: Parts
    _urls: dict[str, str] = field(default_factory=dict)  # of queues by name: they never change

    async def observe(
        self, wanted: Wanted, *, areas: Iterable[Area] = AREAS, known: Observed | None = None
    ) -> Observed:
        """Look at these parts at the same time; the others are as known."""
        looks = {area: _or_trouble(self._look(area, wanted)) for area in areas}
        found: dict[str, Any] = dict(zip(looks, await asyncio.gather(*looks.values()), strict=True))
        observed = replace(known or Observed(), **found)
        secret = observed.secret
        if isinstance(secret, AwsSecret) and needs_value(secret, observed.till):
            return replace(observed, secret=await _or_trouble(self._with_value(secret)))
        return observed

    async def _look(self, area: Area, wanted: Wanted) -> Any:
        """Read one part."""
        identity = wanted.identity
        match area:
            case "queue":
                return await self.queue(wanted.queue.name, wanted)
            case "dead_letters":
                return await self.queue(wanted.dead_letters.name, wanted)
            case "secret":
                return await self.secret(wanted.secret)
            case "till" | "config":
                kind, name = OBJECTS[area]
                return await self.kubernetes.get(Ref(kind, name(identity.name), identity.namespace))
            case "store" | "menu" | "stock":
                return await self.cafe.get(wanted.store_id, area)
            case "alarms" | "dashboard" | "table":
                return await self.parts[area].observe(wanted)

    async def queue(self, name: str, wanted: Wanted) -> Queue | None:
        """Return a queue with its settings and tags."""
        try:
            url = self._urls.get(name) or await self._url(name)
            return await self._queue(name, url, wanted)
        except NotFound:
            self._urls.pop(name, None)
            return None

    async def _url(self, name: str) -> str:
        found = await self.aws.call("sqs", "get_queue_url", QueueName=name)
        self._urls[name] = found["QueueUrl"]
        return self._urls[name]

    async def _queue(self, name: str, url: str, wanted: Wanted) -> Queue:
        answer = await self.aws.call(
            "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"]
        )
        attributes = answer.get("Attributes", {})
        if "QueueArn" not in attributes:
            raise NotFound(f"queue {name} has no attributes: it is being deleted")
        tags = await self.listing.tags(attributes["QueueArn"])
        if tags is None or not owned(tags, wanted):  # the listing may tell of a namesake's
            answer = await self.aws.call("sqs", "list_queue_tags", QueueUrl=url)
            tags = answer.get("Tags", {})
        return Queue(url, attributes["QueueArn"], attributes, tags)

    async def secret(self, name: str) -> AwsSecret | None:
        """Return a secret without its value."""
        try:
            found = await self.aws.call("secretsmanager", "describe_secret", SecretId=name)
        except NotFound:
            return None
        stages: Mapping[str, Any] = found.get("VersionIdsToStages", {})
        current = next((one for one, names in stages.items() if "AWSCURRENT" in names), "")
        return AwsSecret(
            arn=found["ARN"],
            tags=_tags(found.get("Tags", [])),
            version=current,
            deleting=bool(found.get("DeletedDate")),
        )

    async def _with_value(self, secret: AwsSecret) -> AwsSecret | None:
        try:
            found = await self.aws.call("secretsmanager", "get_secret_value", SecretId=secret.arn)
        except NotFound:
            return None
        return replace(secret, value=found["SecretString"], version=found["VersionId"])


async def _or_trouble(reading: Awaitable[Found]) -> Found | Trouble:
    """Return what was read, or why it could not be."""
    try:
        return await reading
    except OperatorError as error:
        return Trouble(error)


def _tags(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}
