"""The dials of AWS that rushes turn: Aurora's floor, Lambda's reservation, DynamoDB's warmth.

Used by `effects/capacity.py`. Found by tag in one listing; the journal's are read too, so that
what lost its tag is still put back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cloudcafe_operator.errors import Bug, NotFound, OperatorError
from cloudcafe_operator.planning.capacity import RUSH_TAG, Dial, Journal, Policies, Turn
from cloudcafe_operator.ports import Aws

TYPES = ["rds:cluster", "dynamodb:table", "lambda:function"]
READY = "available", "ACTIVE", "Enabled"
AT_ONCE = "MaximumConcurrency"
Unread = Mapping[str, str]  # reasons by ARN
WARM: Mapping[str, str] = {
    "dynamodbRead": "ReadUnitsPerSecond",
    "dynamodbWrite": "WriteUnitsPerSecond",
}


@dataclass(frozen=True, slots=True)
class Dials:
    """Reads and turns them."""

    aws: Aws

    async def read(self, policies: Policies, journal: Journal) -> tuple[list[Dial], Unread]:
        """Return the dials that take part, those of the journal, and queues that bound a function.

        What refuses to be read keeps no other waiting: it is returned with the reason, by ARN.
        """
        least = await self._tagged() if policies else {}
        remembered = {key.partition(" ")[2] for key in journal}
        found: list[Dial] = []
        unread: dict[str, str] = {}
        for arn in sorted(least.keys() | remembered):
            try:
                dials = await self._read_one(arn)
            except OperatorError as trouble:
                unread[arn] = str(trouble)
                continue
            for dial in dials:
                if arn in least and dial.kind in policies:
                    floor = 0 if dial.kind == "lambdaPoller" else least[arn]
                    found.append(replace(dial, least=floor))
                elif dial.key in journal or (arn in least and dial.kind == "lambdaPoller"):
                    # also without a policy: no less is reserved than a queue may use
                    found.append(replace(dial, takes_part=False))
        return found, unread

    async def turn(self, turns: Sequence[Turn]) -> None:
        """Turn dials of one resource."""
        dial, to = turns[0].dial, turns[0].to
        if dial.kind == "aurora":
            await self.aws.call(
                "rds",
                "modify_db_cluster",
                DBClusterIdentifier=dial.name,
                # the two are set together
                ServerlessV2ScalingConfiguration={"MinCapacity": to, "MaxCapacity": dial.most},
                ApplyImmediately=True,
            )
        elif dial.kind in WARM:
            await self._warm(dial.name, {WARM[turn.dial.kind]: int(turn.to) for turn in turns})
        else:
            await self._turn_function(turns)

    async def _warm(self, table: str, warm: Mapping[str, int]) -> None:
        """Warm a table and its indexes in one call: a cold index holds up the table's writes."""
        answer = await self.aws.call("dynamodb", "describe_table", TableName=table)
        updates = []
        for index in answer["Table"].get("GlobalSecondaryIndexes") or ():
            has = index.get("WarmThroughput") or {}
            more = {name: units for name, units in warm.items() if units > has.get(name, 0)}
            if more:
                updates.append(
                    {"Update": {"IndexName": index["IndexName"], "WarmThroughput": more}}
                )
        indexes = {"GlobalSecondaryIndexUpdates": updates} if updates else {}
        await self.aws.call(
            "dynamodb", "update_table", TableName=table, WarmThroughput=warm, **indexes
        )

    async def _turn_function(self, turns: Sequence[Turn]) -> None:
        """Never let the poller take more than is reserved: what it took in vain counts as tried."""
        upwards = sorted(turns, key=lambda turn: turn.dial.kind)  # the reservation, the poller
        for turn in upwards if turns[0].to > turns[0].dial.now else upwards[::-1]:
            name, to = turn.dial.name, int(turn.to)
            if turn.dial.kind == "lambda":
                await self.aws.call(
                    "lambda",
                    "put_function_concurrency",
                    FunctionName=name,
                    ReservedConcurrentExecutions=to,
                )
                continue
            for mapping in await self._mappings(name):
                await self.aws.call(
                    "lambda",
                    "update_event_source_mapping",
                    UUID=mapping["UUID"],
                    ScalingConfig={"MaximumConcurrency": to},
                )

    async def _mappings(self, function: str) -> list[Mapping[str, Any]]:
        """Return the queues that a function is fed from, those that are limited."""
        mappings = await self.aws.pages(
            "lambda", "list_event_source_mappings", "EventSourceMappings", FunctionName=function
        )
        return [one for one in mappings if (one.get("ScalingConfig") or {}).get(AT_ONCE)]

    async def _tagged(self) -> Mapping[str, float]:
        """Return the ARNs that take part, each with the least that its owner set."""
        resources = await self.aws.pages(
            "resourcegroupstaggingapi",
            "get_resources",
            "ResourceTagMappingList",
            ResourceTypeFilters=TYPES,
            TagFilters=[{"Key": RUSH_TAG}],
        )
        found = {}
        for item in resources:
            tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags") or ()}
            found[str(item["ResourceARN"])] = _number(tags.get(RUSH_TAG, ""))
        return found

    async def _read_one(self, arn: str) -> list[Dial]:
        """Return the dials of a resource; none where it is gone."""
        service, name = arn.split(":")[2], arn.replace("/", ":").rpartition(":")[2]
        try:
            match service:
                case "rds":
                    answer = await self.aws.call(
                        "rds", "describe_db_clusters", DBClusterIdentifier=name
                    )
                    return list(_aurora(arn, name, answer["DBClusters"][0]))
                case "dynamodb":
                    answer = await self.aws.call("dynamodb", "describe_table", TableName=name)
                    return list(_table(arn, name, answer["Table"]))
                case "lambda":
                    answer = await self.aws.call(
                        "lambda", "get_function_concurrency", FunctionName=name
                    )
                    return list(_function(arn, name, answer, await self._mappings(name)))
                case _:
                    raise Bug(f"{arn} is in the rush plan, but {service} has no dial")
        except NotFound:
            return []


def _aurora(arn: str, name: str, cluster: Mapping[str, Any]) -> Iterator[Dial]:
    scaling = cluster.get("ServerlessV2ScalingConfiguration")
    if scaling:  # else its instances have a size of their own
        yield Dial(
            arn,
            name,
            "aurora",
            float(scaling["MinCapacity"]),
            most=float(scaling["MaxCapacity"]),
            busy=_busy("the cluster", cluster["Status"]),
        )


def _table(arn: str, name: str, table: Mapping[str, Any]) -> Iterator[Dial]:
    warm = table.get("WarmThroughput") or {}
    busy = _busy("the table", table["TableStatus"])
    busy = busy or _busy("its warm throughput", warm.get("Status", "ACTIVE"))
    yield Dial(arn, name, "dynamodbRead", float(warm.get("ReadUnitsPerSecond", 0)), busy=busy)
    yield Dial(arn, name, "dynamodbWrite", float(warm.get("WriteUnitsPerSecond", 0)), busy=busy)


def _function(
    arn: str, name: str, answer: Mapping[str, Any], mappings: Sequence[Mapping[str, Any]]
) -> Iterator[Dial]:
    reserved = answer.get("ReservedConcurrentExecutions")
    if reserved is None:  # it may have all that the account has: a reservation would limit it
        return
    yield Dial(arn, name, "lambda", float(reserved))
    for mapping in mappings[:1]:  # the cafe's function has one queue
        busy = _busy("its queue's mapping", mapping["State"])
        at_once = float(mapping["ScalingConfig"][AT_ONCE])
        yield Dial(arn, name, "lambdaPoller", at_once, busy=busy)


def _busy(what: str, status: str) -> str:
    return "" if status in READY else f"{what} is {status}: AWS takes no change now"


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return max(0.0, found) if math.isfinite(found) else 0.0
