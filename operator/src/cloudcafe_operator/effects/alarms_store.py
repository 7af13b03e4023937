"""The alarms of stores on CloudWatch: read by one list for all, set and removed by name.

Used through `store_part.StorePart`; what is wanted is in `planning/store_alarms.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudcafe_operator.effects.asked_together import AskedTogether
from cloudcafe_operator.effects.observe_store import TagListing
from cloudcafe_operator.effects.store_listing import SharedListing
from cloudcafe_operator.effects.store_part import bears, pairs, unpaired
from cloudcafe_operator.errors import Retry
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_alarms import PREFIX, every_name
from cloudcafe_operator.planning.store_parts import ChangePart, Live
from cloudcafe_operator.planning.store_world import OWNER_TAG, Identity, Wanted
from cloudcafe_operator.ports import Aws, Clock

SECONDS_UNTIL_LOOKED_AGAIN = 5.0
MOST_NAMES = 100  # that DescribeAlarms takes
Alarms = dict[str, Mapping[str, Any]]


class AlarmsPart:
    """One for all stores."""

    def __init__(self, aws: Aws, clock: Clock, tags: TagListing) -> None:
        self._aws = aws
        self._tags = tags
        self._listing = SharedListing(self._all, clock)
        self._some = AskedTogether(self._named, most=MOST_NAMES)

    async def observe(self, wanted: Wanted) -> dict[str, Live]:
        """Return the store's alarms; one that rings says so in its state."""
        names = every_name(wanted.identity)
        listed = await self._listing.find(names)
        if listed is None or any(one.name not in listed for one in wanted.extras["alarms"]):
            listed = await self._some.find(names)
        return {
            name: Live(
                alarm["AlarmArn"],
                await self._tags_of(alarm["AlarmArn"], wanted.tags[OWNER_TAG]),
                alarm,
                "Alarm" if alarm.get("StateValue") == "ALARM" else "Ready",
            )
            for name, alarm in listed.items()
        }

    async def change(self, step: ChangePart) -> Live | None:
        """Set an alarm, tag it or remove it; one that was not there is as it was put."""
        self._listing.changed(step.name)
        match step.what:
            case "create" | "change":
                await self._aws.call(
                    "cloudwatch",
                    "put_metric_alarm",
                    AlarmName=step.name,
                    Tags=pairs(step.tags),
                    **step.settings,
                )
            case "tag":
                self._tags.forget(step.arn)
                await self._tag(step.arn, step.tags, step.untag)
            case "remove":
                await self._aws.call("cloudwatch", "delete_alarms", AlarmNames=[step.name])
        return Live(step.arn, step.tags, step.settings) if step.what == "create" else None

    async def remove(self, identity: Identity) -> None:
        """Remove the store's alarms in one call, and see that they are gone."""
        ours = await self._owned(identity)
        if not ours:
            return
        self._listing.changed(*ours)
        await self._aws.call("cloudwatch", "delete_alarms", AlarmNames=list(ours))
        if left := await self._some.find(ours):
            raise Retry(f"alarm {min(left)} is still there", after=SECONDS_UNTIL_LOOKED_AGAIN)

    async def retain(self, identity: Identity, _kept: Mapping[str, str]) -> None:
        """Remove them: without the store they would only ring for what nobody serves."""
        await self.remove(identity)

    async def _owned(self, identity: Identity) -> tuple[str, ...]:
        owner = naming.owner(identity.namespace, identity.name, identity.uid)
        found = await self._some.find(every_name(identity))
        tags = {name: await self._read_tags(one["AlarmArn"]) for name, one in found.items()}
        return tuple(name for name in found if bears(tags[name], owner))

    async def _tag(self, arn: str, tags: Mapping[str, str], untag: tuple[str, ...]) -> None:
        await self._aws.call("cloudwatch", "tag_resource", ResourceARN=arn, Tags=pairs(tags))
        if untag:
            await self._aws.call(
                "cloudwatch", "untag_resource", ResourceARN=arn, TagKeys=list(untag)
            )

    async def _tags_of(self, arn: str, owner: str) -> Mapping[str, str]:
        """Return an alarm's tags: from the list of all, unless it is new or another's there."""
        tags = await self._tags.tags(arn)
        if tags is None or not bears(tags, owner):
            return await self._read_tags(arn)
        return tags

    async def _read_tags(self, arn: str) -> Mapping[str, str]:
        found = await self._aws.call("cloudwatch", "list_tags_for_resource", ResourceARN=arn)
        return unpaired(found.get("Tags", []))

    async def _all(self, gap_s: float) -> Alarms:
        found = await self._aws.pages(
            "cloudwatch",
            "describe_alarms",
            "MetricAlarms",
            gap_s=gap_s,
            AlarmNamePrefix=PREFIX,
            AlarmTypes=["MetricAlarm"],
        )
        return {one["AlarmName"]: one for one in found}

    async def _named(self, names: tuple[str, ...]) -> Alarms:
        found = await self._aws.call(
            "cloudwatch", "describe_alarms", AlarmNames=list(names), AlarmTypes=["MetricAlarm"]
        )
        return {one["AlarmName"]: one for one in found.get("MetricAlarms", [])}
