"""The tables of flagships in DynamoDB.

Which there are comes from one list by tag for all; a table is described when it is new to this
operator or was changed by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from cloudcafe_operator.effects.store_listing import SharedListing
from cloudcafe_operator.effects.store_part import bears, pairs, unpaired
from cloudcafe_operator.errors import AlreadyExists, NotFound, OperatorError, Retry
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_parts import ChangePart, Live
from cloudcafe_operator.planning.store_table import (
    PREFIX,
    PROTECTED,
    RECOVERABLE,
    table_name,
)
from cloudcafe_operator.planning.store_world import PART_OF_TAG, Identity, Wanted
from cloudcafe_operator.ports import Aws, Clock

SECONDS_UNTIL_LOOKED_AGAIN = 5.0
KEY = ("pk", "sk")
BELIEVED_SECONDS = 3600.0  # there is no list of tables with their settings
log = structlog.get_logger()


class TablePart:
    """One for all stores."""

    def __init__(self, aws: Aws, clock: Clock) -> None:
        self._aws = aws
        self._listing = SharedListing(self._all, clock)
        self._clock = clock
        self._described: dict[str, tuple[float, Live]] = {}

    async def observe(self, wanted: Wanted) -> dict[str, Live]:
        """Return the store's table, wanted or kept; Retry while it is in the making."""
        name = table_name(wanted.identity)
        listed = await self._listing.find([name])
        if listed is not None and name not in listed and not wanted.extras["table"]:
            return {}
        known = self._described.get(name)
        now = self._clock.monotonic()
        unchanged = known and listed and listed.get(name) == known[1].tags
        if known and unchanged and now - known[0] < BELIEVED_SECONDS:
            return {name: known[1]}
        live = await self._one(name)
        if live is None:
            self._described.pop(name, None)
            return {}
        if live.state != "Ready":
            raise Retry(f"table {name} is {live.state}", after=SECONDS_UNTIL_LOOKED_AGAIN)
        self._described[name] = now, live
        return {name: live}

    async def change(self, step: ChangePart) -> None:
        """Make it, tag it, or put its settings right."""
        self._listing.changed(step.name)
        self._described.pop(step.name, None)
        match step.what:
            case "create":
                await self._create(step)
            case "change" | "finish":
                await self._set(step)
            case "tag":
                await self._aws.call(
                    "dynamodb", "tag_resource", ResourceArn=step.arn, Tags=pairs(step.tags)
                )
                if step.untag:
                    await self._aws.call(
                        "dynamodb",
                        "untag_resource",
                        ResourceArn=step.arn,
                        TagKeys=list(step.untag),
                    )

    async def remove(self, identity: Identity) -> None:
        """Delete the table, and see that it is gone; recovery leaves a backup for 35 days."""
        name = table_name(identity)
        live = await self._one(name)
        owner = naming.owner(identity.namespace, identity.name, identity.uid)
        if live is None or not bears(live.tags, owner):
            return
        self._listing.changed(name)
        self._described.pop(name, None)
        if live.state != "DELETING":
            if live.settings[PROTECTED]:
                await self._protect(name, protected=False)
            await self._aws.call("dynamodb", "delete_table", TableName=name)
        if await self._one(name):
            raise Retry(f"table {name} is still there", after=SECONDS_UNTIL_LOOKED_AGAIN)

    async def retain(self, identity: Identity, kept: Mapping[str, str]) -> None:
        """Mark it as left behind."""
        live = await self._one(table_name(identity))
        mine = naming.owner(identity.namespace, identity.name, identity.uid)
        if live and bears(live.tags, mine):
            await self._aws.call("dynamodb", "tag_resource", ResourceArn=live.arn, Tags=pairs(kept))

    async def _create(self, step: ChangePart) -> None:
        partition, sort = KEY
        try:
            await self._aws.call(
                "dynamodb",
                "create_table",
                TableName=step.name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": "S"} for name in KEY
                ],
                KeySchema=[
                    {"AttributeName": partition, "KeyType": "HASH"},
                    {"AttributeName": sort, "KeyType": "RANGE"},
                ],
                DeletionProtectionEnabled=step.settings[PROTECTED],
                Tags=pairs(step.tags),
            )
        except AlreadyExists:  # it is looked at in the next round
            return

    async def _set(self, step: ChangePart) -> None:
        live = await self._one(step.name)
        if live is None:
            return
        if live.settings[PROTECTED] != step.settings[PROTECTED]:
            await self._protect(step.name, protected=step.settings[PROTECTED])
        if live.settings[RECOVERABLE] != step.settings[RECOVERABLE]:
            await self._aws.call(
                "dynamodb",
                "update_continuous_backups",
                TableName=step.name,
                PointInTimeRecoverySpecification={RECOVERABLE: step.settings[RECOVERABLE]},
            )

    async def _protect(self, name: str, *, protected: bool) -> None:
        await self._aws.call(
            "dynamodb", "update_table", TableName=name, DeletionProtectionEnabled=protected
        )

    async def _one(self, name: str) -> Live | None:
        try:
            table = (await self._aws.call("dynamodb", "describe_table", TableName=name))["Table"]
        except NotFound:
            return None
        arn, status = table["TableArn"], table["TableStatus"]
        try:
            tags = await self._aws.call("dynamodb", "list_tags_of_resource", ResourceArn=arn)
            backups = await self._aws.call(
                "dynamodb", "describe_continuous_backups", TableName=name
            )
        except NotFound as gone:  # they know a table neither before it is made nor while it goes
            raise Retry(
                f"table {name} is {status}, and its tags or backups cannot be read",
                after=SECONDS_UNTIL_LOOKED_AGAIN,
            ) from gone
        settings = {PROTECTED: bool(table.get(PROTECTED)), RECOVERABLE: _recoverable(backups)}
        state = "Ready" if status in ("ACTIVE", "UPDATING") else status
        return Live(arn, unpaired(tags.get("Tags", [])), settings, state)

    async def _all(self, gap_s: float) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of the tables of all stores; without it each flagship's is described."""
        try:
            found = await self._aws.pages(
                "resourcegroupstaggingapi",
                "get_resources",
                "ResourceTagMappingList",
                gap_s=gap_s,
                TagFilters=[{"Key": PART_OF_TAG, "Values": ["cloudcafe"]}],
                ResourceTypeFilters=["dynamodb:table"],
            )
        except OperatorError as error:
            log.warning("no shared list of tables", error=str(error))
            return {}
        tables = {one["ResourceARN"].rpartition("/")[2]: one["Tags"] for one in found}
        return {name: unpaired(tags) for name, tags in tables.items() if name.startswith(PREFIX)}


def _recoverable(backups: Mapping[str, Any]) -> bool:
    described = backups.get("ContinuousBackupsDescription", {})
    recovery = described.get("PointInTimeRecoveryDescription", {})
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")
