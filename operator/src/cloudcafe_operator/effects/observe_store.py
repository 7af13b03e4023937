"""Looking at everything that exists for one store. Called by `handlers/store.py`; reads only.

A part that cannot be read becomes a `Trouble` in its place and the rest is still looked at. Tags
and secrets of all stores come from shared listings; only where these do not (yet) know a resource
is it read by itself, because the listings of AWS are a minute behind. Of the cafe's services, what
is asked for many stores at the same time goes into one request.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from cloudcafe_operator.effects.allowance import Allowance
from cloudcafe_operator.effects.cafe_looks import CafeLooks
from cloudcafe_operator.effects.secrets_store import secret_of
from cloudcafe_operator.effects.store_listing import SharedListing
from cloudcafe_operator.effects.store_part import Parts
from cloudcafe_operator.errors import NotFound, OperatorError
from cloudcafe_operator.kinds import CONFIG_MAPS, SECRETS
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.pace import listing_seconds
from cloudcafe_operator.planning.store import needs_value
from cloudcafe_operator.planning.store_memory import Memory, QueueArea, met_settings
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
LISTED = ["sqs", "cloudwatch:alarm"]  # secrets have a listing of their own
OBJECTS = {"till": (SECRETS, naming.till), "config": (CONFIG_MAPS, naming.config)}


class TagListing:
    """The tags of all stores' AWS resources by ARN; the more there are, the rarer they are read."""

    def __init__(self, aws: Aws, clock: Clock) -> None:
        self._aws = aws
        self._listing = SharedListing(
            self._all,
            clock,
            seconds=partial(listing_seconds, at_least=TAG_LISTING_SECONDS),
            quiet=True,  # it only saves calls: without it, one is asked for after the other
        )

    async def tags(self, arn: str) -> Mapping[str, str] | None:
        """Return a resource's tags, or None where the listing does not know it."""
        return (await self._listing.find([arn]) or {}).get(arn)

    def forget(self, arn: str) -> None:
        """Do not believe what is read about this one: its tags are being changed."""
        self._listing.changed(arn)

    async def _all(self, gap_s: float) -> dict[str, dict[str, str]]:
        items = await self._aws.pages(
            "resourcegroupstaggingapi",
            "get_resources",
            "ResourceTagMappingList",
            gap_s=gap_s,
            TagFilters=[{"Key": PART_OF_TAG, "Values": ["cloudcafe"]}],
            ResourceTypeFilters=LISTED,
        )
        return {item["ResourceARN"]: _tags(item.get("Tags", [])) for item in items}


@dataclass(frozen=True, slots=True)
class StoreObserver:
    """Reads the world for stores."""

    kubernetes: Kubernetes
    aws: Aws
    cafe: CafeLooks
    listing: TagListing
    secrets: SharedListing[AwsSecret]
    parts: Parts
    attributes: Allowance
    # of queues: URL and ARN, up to their names
    _account: list[tuple[str, str]] = field(default_factory=list)
    _learning: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def observe(
        self,
        wanted: Wanted,
        memory: Memory,
        *,
        areas: Iterable[Area] = AREAS,
        known: Observed | None = None,
    ) -> Observed:
        """Look at these parts at the same time; the others are as known."""
        looks = {area: _or_trouble(self._look(area, wanted, memory, known)) for area in areas}
        found: dict[str, Any] = dict(zip(looks, await asyncio.gather(*looks.values()), strict=True))
        observed = replace(known or Observed(), **found)
        secret = observed.secret
        if (
            isinstance(secret, AwsSecret)
            and not secret.value
            and needs_value(secret, observed.till)
        ):
            return replace(observed, secret=await _or_trouble(self._with_value(secret)))
        return observed

    async def _look(
        self, area: Area, wanted: Wanted, memory: Memory, known: Observed | None
    ) -> Any:
        """Read one part."""
        identity = wanted.identity
        match area:
            case "queue" | "dead_letters":
                return await self._queue(area, wanted, memory, known)
            case "secret":
                return await self.secret(wanted.secret)
            case "till" | "config":
                kind, name = OBJECTS[area]
                return await self.kubernetes.get(Ref(kind, name(identity.name), identity.namespace))
            case "store" | "menu" | "stock":
                return await self.cafe.get(wanted.store_id, area)
            case "alarms" | "dashboard" | "table":
                return await self.parts[area].observe(wanted)

    async def _queue(
        self, area: QueueArea, wanted: Wanted, memory: Memory, known: Observed | None
    ) -> Queue | None:
        """Return a queue with its settings and tags.

        Where the listing has it and its settings were right when they were read last, they are read
        again only as often as is allowed: of one store after the other, however many there are.
        """
        name = (wanted.queue if area == "queue" else wanted.dead_letters).name
        try:
            url, arn = await self._address(name)
            tags = await self.listing.tags(arn)
            if tags is None or not owned(tags, wanted):  # the listing may tell of a namesake's
                answer = await self.aws.call("sqs", "list_queue_tags", QueueUrl=url)
                tags = answer.get("Tags", {})
            elif believed := self._believed(area, wanted, memory, known):
                return Queue(url, arn, believed, tags)
            attributes = await self._attributes(name, url)
        except NotFound:
            return None
        return Queue(url, arn, attributes, tags)

    def _believed(
        self, area: QueueArea, wanted: Wanted, memory: Memory, known: Observed | None
    ) -> Mapping[str, str] | None:
        """Return the settings that need not be read now."""
        before = getattr(known, area, None)
        if isinstance(before, Queue):
            settings: Mapping[str, str] | None = before.attributes
        else:
            _, arn = self._account[0]
            settings = met_settings(area, wanted, memory, arn + wanted.dead_letters.name)
        return None if settings is None or self.attributes.take() else settings

    async def _address(self, name: str) -> tuple[str, str]:
        """Return URL and ARN. All queues of an account have them alike, so AWS is asked once."""
        async with self._learning:
            if not self._account:
                found = await self.aws.call("sqs", "get_queue_url", QueueName=name)
                url = found["QueueUrl"]
                attributes = await self._attributes(name, url)
                arn = attributes["QueueArn"]
                self._account[:] = [(url.removesuffix(name), arn.removesuffix(name))]
        url, arn = self._account[0]
        return url + name, arn + name

    async def _attributes(self, name: str, url: str) -> Mapping[str, str]:
        answer = await self.aws.call(
            "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"]
        )
        attributes: dict[str, str] = answer.get("Attributes", {})
        if "QueueArn" not in attributes:
            raise NotFound(f"queue {name} has no attributes: it is being deleted")
        return attributes

    async def secret(self, name: str) -> AwsSecret | None:
        """Return a secret without its value."""
        if listed := (await self.secrets.find([name]) or {}).get(name):
            return listed
        try:
            found = await self.aws.call("secretsmanager", "describe_secret", SecretId=name)
        except NotFound:
            return None
        return secret_of(found, "VersionIdsToStages")

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
    return {sys.intern(pair["Key"]): pair["Value"] for pair in pairs}
