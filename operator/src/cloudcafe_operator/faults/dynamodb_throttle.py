"""dynamodbThrottle: lower a table's throughput until its clients are throttled.

A provisioned table gets fewer units, an on-demand one a maximum. Undo restores reads and writes
each where they still have the injected units: who changed one of them meanwhile, as auto scaling
does, meant it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, Retry, UserError
from cloudcafe_operator.faults.aws_tags import AwsSelector, matches, tags_of, target_of
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.planning.restoring import Restored, restored
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

FREE_DECREASES = 4  # AWS: four a day at any time, then one an hour
UNLIMITED = -1
Throughput = dict[str, Any]


class DynamodbThrottleSpec(FaultSpec):
    """Lowers the throughput of DynamoDB tables."""

    selector: AwsSelector = Field(description="Which tables.")
    read_units: int = Field(default=1, ge=1, le=40_000, description="Read units a second.")
    write_units: int = Field(default=1, ge=1, le=40_000, description="Write units a second.")


class DynamodbThrottle(Fault[DynamodbThrottleSpec]):
    """See the module's docstring."""

    name = "dynamodbThrottle"
    summary = "Lowers a DynamoDB table's throughput so that its clients are throttled."
    spec_type = DynamodbThrottleSpec
    iam_actions = (
        "tag:GetResources",
        "dynamodb:DescribeTable",
        "dynamodb:ListTagsOfResource",
        "dynamodb:UpdateTable",
    )

    async def select(self, spec: DynamodbThrottleSpec, world: World) -> Sequence[Target]:
        """Return the tables that match: by tags in one listing, by ARN one by one."""
        found = await (_by_arn(spec, world) if spec.selector.arns else _by_tags(spec, world))
        return [
            target_of(arn, tags)
            for arn, tags in sorted(found.items())
            if matches(spec.selector, arn, tags)
        ]

    async def capture(self, spec: DynamodbThrottleSpec, target: Target, world: World) -> Json:
        """Note the throughput that is and the one that will be; refuse what would not throttle."""
        table = await _table(target.name, world)
        was = _throughput(table)
        wanted = _wanted(was, spec)
        if was == wanted:
            raise UserError("it has that throughput already: choose lower units")
        _refuse_raising(was, wanted)
        if was["mode"] == "PROVISIONED":
            _refuse_when_exhausted(table, world.clock.now())
        return {"was": was, "wanted": wanted}

    async def inject(self, spec: DynamodbThrottleSpec, entry: Entry, world: World) -> Json:
        """Lower it unless that is done; wait while AWS is still at an earlier change."""
        table = await _ready_table(entry, world)
        current = _throughput(table)
        if current == entry.captured["wanted"]:
            return {"already": True}
        if current != entry.captured["was"]:
            raise UserError(
                f"table {entry.target.name} was changed since it was captured: apply it again"
            )
        await _update(entry.target.name, entry.captured["wanted"], world)
        return {}

    def calls(self, spec: DynamodbThrottleSpec, target: Target) -> Sequence[str]:
        """Name the change and its undo."""
        units = f"to {spec.read_units} read and {spec.write_units} write units"
        return (f"dynamodb:UpdateTable {target.name} {units}", "dynamodb:UpdateTable back")

    async def in_force(self, spec: DynamodbThrottleSpec, entry: Entry, world: World) -> bool:
        """The table has the lowered throughput, and is not just changing to it."""
        table = await _table(entry.target.name, world)
        lowered = _throughput(table) == entry.captured["wanted"]
        return bool(lowered and table["TableStatus"] == "ACTIVE")

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Restore what was, where our value still stands."""
        try:
            table = await _ready_table(entry, world)
        except NotFound:
            return Undone("Reverted", "the table is gone")
        was, found = entry.captured["was"], _restored(table, entry)
        if found.is_ours:
            await _update(entry.target.name, found.settings, world)
        if not found.is_theirs:
            return Undone("Reverted")
        now = _words(found.settings)
        return Undone("Diverged", f"it has {now} now, it had {_words(was)}")

    async def verify(self, entry: Entry, world: World) -> bool:
        """The table no longer has a value of ours, and AWS is done changing it."""
        try:
            table = await _table(entry.target.name, world)
        except NotFound:
            return True
        return bool(table["TableStatus"] == "ACTIVE" and not _restored(table, entry).is_ours)

    def by_hand(self, entry: Entry) -> str:
        """Restore it."""
        was, name = entry.captured["was"], entry.target.name
        if was["mode"] == "PROVISIONED":
            option = "--provisioned-throughput ReadCapacityUnits={read},WriteCapacityUnits={write}"
        else:
            option = (
                "--on-demand-throughput MaxReadRequestUnits={read},MaxWriteRequestUnits={write}"
            )
        return f"aws dynamodb update-table --table-name {name} {option.format(**was)}"


def _restored(table: Json, entry: Entry) -> Restored:
    """Return what undo makes of a table: reads and writes may have been changed apart."""
    current, was, wanted = _throughput(table), entry.captured["was"], entry.captured["wanted"]
    if current["mode"] != was["mode"]:  # units of another kind: none of them are ours
        return Restored(current, is_ours=False, is_theirs=True)
    return restored(current, was=was, wanted=wanted)


async def _by_tags(spec: DynamodbThrottleSpec, world: World) -> dict[str, dict[str, str]]:
    resources = await world.aws.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        ResourceTypeFilters=["dynamodb:table"],
        TagFilters=[{"Key": k, "Values": [v]} for k, v in sorted(spec.selector.tags.items())],
    )
    return {item["ResourceARN"]: tags_of(item.get("Tags") or ()) for item in resources}


async def _by_arn(spec: DynamodbThrottleSpec, world: World) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for arn in spec.selector.arns:
        try:
            tags = await world.aws.pages(
                "dynamodb", "list_tags_of_resource", "Tags", ResourceArn=arn
            )
        except NotFound:
            continue
        found[arn] = tags_of(tags)
    return found


async def _table(name: str, world: World) -> dict[str, Any]:
    answer = await world.aws.call("dynamodb", "describe_table", TableName=name)
    found: dict[str, Any] = answer["Table"]
    return found


async def _ready_table(entry: Entry, world: World) -> dict[str, Any]:
    """Return the table; Retry while it cannot take a change."""
    table = await _table(entry.target.name, world)
    if table["TableStatus"] != "ACTIVE":
        raise Retry(f"table {entry.target.name} is {table['TableStatus']}", after=1.0)
    return table


async def _update(name: str, throughput: Throughput, world: World) -> None:
    read, write = throughput["read"], throughput["write"]
    if throughput["mode"] == "PROVISIONED":
        units = {"ReadCapacityUnits": read, "WriteCapacityUnits": write}
        await world.aws.call(
            "dynamodb", "update_table", TableName=name, ProvisionedThroughput=units
        )
        return
    units = {"MaxReadRequestUnits": read, "MaxWriteRequestUnits": write}
    await world.aws.call("dynamodb", "update_table", TableName=name, OnDemandThroughput=units)


def _throughput(table: Json) -> Throughput:
    """Return mode and units, on-demand without a maximum as -1, as AWS writes it."""
    mode = (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED")
    if mode == "PROVISIONED":
        units = table["ProvisionedThroughput"]
        read, write = units["ReadCapacityUnits"], units["WriteCapacityUnits"]
    else:
        most = table.get("OnDemandThroughput") or {}
        read = most.get("MaxReadRequestUnits", UNLIMITED)
        write = most.get("MaxWriteRequestUnits", UNLIMITED)
    return {"mode": mode, "read": int(read), "write": int(write)}


def _wanted(was: Throughput, spec: DynamodbThrottleSpec) -> Throughput:
    return {"mode": was["mode"], "read": spec.read_units, "write": spec.write_units}


def _refuse_raising(was: Throughput, wanted: Throughput) -> None:
    if any(wanted[kind] > was[kind] != UNLIMITED for kind in ("read", "write")):
        raise UserError(
            f"it has {_words(was)}, the fault would give it {_words(wanted)}: "
            "readUnits and writeUnits must not be higher than what it has"
        )


def _refuse_when_exhausted(table: Json, now: datetime) -> None:
    """AWS limits decreases: refuse now rather than fail halfway through a run."""
    units = table["ProvisionedThroughput"]
    last: datetime | None = units.get("LastDecreaseDateTime")
    spent = units.get("NumberOfDecreasesToday", 0) >= FREE_DECREASES
    recent = last is not None and now - last < timedelta(hours=1)
    if spent and recent:
        raise UserError(
            "AWS allows four decreases a day and then one an hour, and they are used up: wait an "
            "hour, or choose another table"
        )


def _words(throughput: Throughput) -> str:
    """Return the units of reads and writes as a person says them."""
    read, write = (
        "unlimited" if throughput[kind] == UNLIMITED else throughput[kind]
        for kind in ("read", "write")
    )
    return f"{read} read and {write} write units"
