"""The dashboards of stores on CloudWatch, and the fleet's.

A list of all tells which there are and when each was last changed; a body is read again only after
that. `FleetDashboard` is run by `main.py` while this operator leads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from cloudcafe_operator.effects.rounds import for_ever
from cloudcafe_operator.effects.store_listing import SharedListing
from cloudcafe_operator.effects.store_part import pairs, unpaired
from cloudcafe_operator.errors import NotFound, Retry
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_dashboards import (
    BODY,
    FLEET,
    PREFIX,
    dashboard_name,
    fleet_body,
)
from cloudcafe_operator.planning.store_parts import ChangePart, Live
from cloudcafe_operator.planning.store_world import OWNER_TAG, PART_OF_TAG, Identity, Wanted
from cloudcafe_operator.ports import Aws, Clock

SECONDS_UNTIL_LOOKED_AGAIN = 5.0
Entry = Mapping[str, Any]
log = structlog.get_logger()


class DashboardPart:
    """One for all stores."""

    def __init__(self, aws: Aws, clock: Clock) -> None:
        self._aws = aws
        self._listing = SharedListing(self._all, clock)
        self._read: dict[str, tuple[Any, Live]] = {}  # by name: when it was changed, and it

    async def observe(self, wanted: Wanted) -> dict[str, Live]:
        """Return the store's dashboard, if there is one."""
        name = dashboard_name(wanted.identity)
        listed = await self._listing.find([name])
        if listed is not None and name not in listed and not wanted.extras["dashboard"]:
            return {}
        changed = listed[name].get("LastModified") if listed and name in listed else None
        known = self._read.get(name)
        if known and changed is not None and known[0] == changed:
            return {name: known[1]}
        live = await self._one(name)
        if live is None:
            return {}
        if changed is not None:
            self._read[name] = (changed, live)
        return {name: live}

    async def change(self, step: ChangePart) -> None:
        """Put it, tag it or remove it."""
        self._forget(step.name)
        match step.what:
            case "create" | "change":
                await self._aws.call(
                    "cloudwatch",
                    "put_dashboard",
                    DashboardName=step.name,
                    Tags=pairs(step.tags),
                    **step.settings,
                )
            case "tag":
                await self._aws.call(
                    "cloudwatch", "tag_resource", ResourceARN=step.arn, Tags=pairs(step.tags)
                )
                if step.untag:
                    await self._aws.call(
                        "cloudwatch",
                        "untag_resource",
                        ResourceARN=step.arn,
                        TagKeys=list(step.untag),
                    )
            case "remove":
                await self._delete(step.name)

    async def remove(self, identity: Identity) -> None:
        """Remove the store's dashboard, and see that it is gone."""
        name = dashboard_name(identity)
        live = await self._one(name)
        owner = naming.owner(identity.namespace, identity.name, identity.uid)
        if live is None or live.tags.get(OWNER_TAG) != owner:
            return
        self._forget(name)
        await self._delete(name)
        if await self._one(name):
            raise Retry(f"dashboard {name} is still there", after=SECONDS_UNTIL_LOOKED_AGAIN)

    async def retain(self, identity: Identity, _kept: Mapping[str, str]) -> None:
        """Remove it: it would show nothing, and cost as before."""
        await self.remove(identity)

    def _forget(self, name: str) -> None:
        self._listing.changed(name)
        self._read.pop(name, None)

    async def _delete(self, name: str) -> None:
        try:
            await self._aws.call("cloudwatch", "delete_dashboards", DashboardNames=[name])
        except NotFound:
            return

    async def _one(self, name: str) -> Live | None:
        try:
            found = await self._aws.call("cloudwatch", "get_dashboard", DashboardName=name)
        except NotFound:
            return None
        arn = found["DashboardArn"]
        answer = await self._aws.call("cloudwatch", "list_tags_for_resource", ResourceARN=arn)
        body = _normal(found["DashboardBody"])
        return Live(arn, unpaired(answer.get("Tags", [])), {BODY: body})

    async def _all(self, gap_s: float) -> Mapping[str, Entry]:
        found = await self._aws.pages(
            "cloudwatch",
            "list_dashboards",
            "DashboardEntries",
            gap_s=gap_s,
            DashboardNamePrefix=PREFIX,
        )
        return {one["DashboardName"]: one for one in found}


@dataclass(slots=True)
class FleetDashboard:
    """One for the chain; it follows how many stores of which tier there are."""

    aws: Aws
    region: str
    seconds: float
    _tiers: dict[str, str] = field(default_factory=dict)
    _written: str | None = None
    _known: int = -1  # how many stores there were at the last round

    def note(self, store_id: str, tier: str) -> None:
        """Remember a store."""
        self._tiers[store_id] = tier

    def forget(self, store_id: str) -> None:
        """A store is gone."""
        self._tiers.pop(store_id, None)

    async def run(self) -> None:
        """Keep it for ever; no trouble with CloudWatch ends it."""
        waits = "the fleet's dashboard waits"
        await for_ever(self.round, seconds=self.seconds, waits=waits, pause_first=True)

    async def round(self) -> None:
        """Put it where it is another than what was put last, by this operator or by one before.

        After a start stores become known one after the other: until none came for a round, nothing
        is put, or it would tell of a part of them.
        """
        body = fleet_body(self._tiers.values(), self.region)
        if self._written is None:
            before, self._known = self._known, len(self._tiers)
            if self._known != before:
                return
            self._written = await self._read()
        if body == self._written:
            return
        await self.aws.call(
            "cloudwatch",
            "put_dashboard",
            DashboardName=FLEET,
            DashboardBody=body,
            Tags=pairs({PART_OF_TAG: "cloudcafe", OWNER_TAG: FLEET}),
        )
        self._written = body

    async def _read(self) -> str:
        try:
            found = await self.aws.call("cloudwatch", "get_dashboard", DashboardName=FLEET)
        except NotFound:
            return ""
        return _normal(found["DashboardBody"])


def _normal(body: str) -> str:
    """Return a body as we write it, however CloudWatch keeps it."""
    try:
        return json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))
    except ValueError:
        return body
