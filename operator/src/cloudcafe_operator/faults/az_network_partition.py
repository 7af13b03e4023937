"""azNetworkPartition: cut the subnets of an availability zone off, as AWS FIS does.

A network ACL without rules lets nothing through, open connections neither. One is made for each
zone, with the run's tag, and takes the place of the subnets' own ACLs; undo gives these back where
ours still stands, and removes ours.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Annotated, Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, Retry, UserError
from cloudcafe_operator.faults.aws_tags import (
    OPT_IN,
    RUN_TAG,
    AwsSelector,
    matches,
    opted_in,
    run_marks,
    tags_of,
)
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.faults.pods import OPERATOR
from cloudcafe_operator.faults.ways_out import refuse_the_last_way
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.planning.shares import Capacity
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

ZONE_TAG = "cloudcafe.dev/zone"
MOST_ACLS = 200  # AWS: network ACLs of a VPC
Zone = Annotated[str, Field(max_length=32)]


class AzNetworkPartitionSpec(FaultSpec):
    """Cuts subnets off, zone by zone; mode and value choose among the zones."""

    selector: AwsSelector = Field(description="Which subnets; names are tags called Name.")
    zones: tuple[Zone, ...] = Field(
        default=(), max_length=10, description="Only these zones; empty: any that the subnets have."
    )


class AzNetworkPartition(Fault[AzNetworkPartitionSpec]):
    """See the module's docstring."""

    name = "azNetworkPartition"
    summary = "Cuts the subnets of an availability zone off with a network ACL that denies all."
    spec_type = AzNetworkPartitionSpec
    iam_actions = (
        "ec2:DescribeSubnets",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNatGateways",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeNetworkInterfaces",
        "ec2:CreateNetworkAcl",
        "ec2:CreateTags",
        "ec2:ReplaceNetworkAclAssociation",
        "ec2:DeleteNetworkAcl",
    )
    rbac = ("list pods",)

    async def select(self, spec: AzNetworkPartitionSpec, world: World) -> Sequence[Target]:
        """Return the zones that have matching subnets; all of these must have consented."""
        zones = await _zones(spec, world)
        of_vpc = defaultdict(list)
        for vpc, zone in zones:
            of_vpc[vpc].append(zone)
        return [
            Target(
                id=f"{vpc}/{zone}",
                name=zone,
                opted_in=all(opted_in(tags_of(one.get("Tags") or ())) for one in subnets),
                zone=zone,
                group=f"zones of {vpc}",
                group_size=len(of_vpc[vpc]),
            )
            for (vpc, zone), subnets in sorted(zones.items())
            if not spec.zones or zone in spec.zones
        ]

    async def capacity(
        self, spec: AzNetworkPartitionSpec, targets: Sequence[Target], world: World
    ) -> Capacity:
        """Return the zones: whoever serves in them is lost."""
        return Capacity(lost_zones=frozenset(target.zone for target in targets))

    async def capture(self, spec: AzNetworkPartitionSpec, target: Target, world: World) -> Json:
        """Note which ACL guards each subnet; refuse what would cut the way to undo it."""
        vpc, _, zone = target.id.partition("/")
        subnets = (await _zones(spec, world)).get((vpc, zone), [])
        ids = sorted(one["SubnetId"] for one in subnets)
        if not ids:
            raise UserError(f"{target.name} has no such subnets any more: apply it again")
        await _refuse_the_operator(target, [one["CidrBlock"] for one in subnets], world)
        acls = await _acls(vpc, world)
        await refuse_the_last_way(vpc, {*ids, *_cut(acls)}, world)
        for acl in acls:
            run = tags_of(acl.get("Tags") or ()).get(RUN_TAG)
            if run and any(one["SubnetId"] in ids for one in acl["Associations"]):
                raise UserError(f"{target.name} is cut off by run {run}: wait until that is over")
        if len(acls) >= MOST_ACLS:
            raise UserError(
                f"{vpc} has {len(acls)} network ACLs, as many as AWS allows: remove one"
            )
        guards = _guards(acls)
        return {"vpc": vpc, "zone": zone, "subnets": {one: guards[one][1] for one in ids}}

    async def inject(self, spec: AzNetworkPartitionSpec, entry: Entry, world: World) -> Json:
        """Make our ACL where it is missing, then put the subnets behind it one by one."""
        vpc, subnets = entry.captured["vpc"], entry.captured["subnets"]
        acls = await _acls(vpc, world)
        # zones cut since the capture, also this run's others, are no other way out any more
        await refuse_the_last_way(vpc, {*subnets, *_cut(acls)}, world)
        ours = _ours(acls, entry) or await _make(entry, world)
        guards = _guards(acls)
        for subnet, was in subnets.items():
            association, now = guards.get(subnet, ("", ""))
            if now == ours or not association:
                continue
            if now != was:
                raise UserError(f"{subnet} got another ACL since it was captured: apply it again")
            await _replace(association, ours, world)
        return {"acl": ours}

    def calls(self, spec: AzNetworkPartitionSpec, target: Target) -> Sequence[str]:
        """Name the changes and their undo."""
        return (
            f"ec2:CreateNetworkAcl in {target.id.partition('/')[0]} that denies everything",
            f"ec2:ReplaceNetworkAclAssociation for each subnet in {target.name}",
            "ec2:ReplaceNetworkAclAssociation back for each subnet",
            "ec2:DeleteNetworkAcl",
        )

    async def in_force(self, spec: AzNetworkPartitionSpec, entry: Entry, world: World) -> bool:
        """All captured subnets that there are stand behind our ACL."""
        acls = await _acls(entry.captured["vpc"], world)
        ours, guards = _ours(acls, entry), _guards(acls)
        there = [guards[one][1] for one in entry.captured["subnets"] if one in guards]
        return bool(ours) and bool(there) and all(one == ours for one in there)

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Give each subnet that is still behind our ACL its own back; then remove ours."""
        acls = await _acls(entry.captured["vpc"], world)
        ours, guards = _ours(acls, entry), _guards(acls)
        if not ours:
            return Undone("Reverted")
        default = next((one["NetworkAclId"] for one in acls if one["IsDefault"]), "")
        known = {one["NetworkAclId"] for one in acls}
        changed = []
        for subnet, was in entry.captured["subnets"].items():
            association, now = guards.get(subnet, ("", ""))
            if now == ours:
                await _replace(association, was if was in known else default, world)
                changed += [] if was in known else [f"{subnet} has the default ACL: {was} is gone"]
            elif now not in ("", was):
                changed.append(f"{subnet} has {now} now, it had {was}")
        with suppress(NotFound):  # an answer was lost, and it was deleted then
            await world.aws.call("ec2", "delete_network_acl", NetworkAclId=ours)
        return Undone("Diverged", "; ".join(changed)) if changed else Undone("Reverted")

    async def verify(self, entry: Entry, world: World) -> bool:
        """Our ACL is gone, and nothing can stand behind it."""
        return not _ours(await _acls(entry.captured["vpc"], world), entry)

    def by_hand(self, entry: Entry) -> str:
        """Associate each subnet with its own ACL."""
        lines = []
        for subnet, acl in entry.captured["subnets"].items():
            asked = f"NetworkAcls[0].Associations[?SubnetId=='{subnet}'].NetworkAclAssociationId"
            association = (
                f"aws ec2 describe-network-acls --filters Name=association.subnet-id,"
                f'Values={subnet} --query "{asked}" --output text'
            )
            lines.append(
                f"aws ec2 replace-network-acl-association --network-acl-id {acl} "
                f"--association-id $({association})"
            )
        return " ; ".join(lines)


async def _zones(
    spec: AzNetworkPartitionSpec, world: World
) -> Mapping[tuple[str, str], list[dict[str, Any]]]:
    """Return the matching subnets by VPC and zone."""
    filters = [
        {"Name": f"tag:{key}", "Values": [value]}
        for key, value in sorted(spec.selector.tags.items())
    ]
    found = await world.aws.pages("ec2", "describe_subnets", "Subnets", Filters=filters)
    zones = defaultdict(list)
    for one in found:
        tags = tags_of(one.get("Tags") or ())
        if matches(spec.selector, one.get("SubnetArn", ""), tags, tags.get("Name", "")):
            zones[one["VpcId"], one["AvailabilityZone"]].append(one)
    return zones


async def _refuse_the_operator(target: Target, cidrs: Sequence[str], world: World) -> None:
    """One operator elsewhere is enough: it takes the lease over and undoes."""
    pods = await world.kubernetes.list(PODS, labels=f"app.kubernetes.io/name={OPERATOR}")
    networks = [ip_network(cidr) for cidr in cidrs]
    places = [
        {status.get("hostIP"), status.get("podIP")} - {None, ""}
        for status in (pod.get("status") or {} for pod in pods)
    ]
    inside = [
        any(ip_address(str(address)) in network for address in place for network in networks)
        for place in places
        if place
    ]
    if inside and all(inside):
        raise UserError(
            f"the operator runs in {target.name} only: give it a replica in another zone "
            "(cloudcafe-operator.replicas), or choose another zone"
        )


async def _acls(vpc: str, world: World) -> list[Any]:
    return await world.aws.pages(
        "ec2",
        "describe_network_acls",
        "NetworkAcls",
        Filters=[{"Name": "vpc-id", "Values": [vpc]}],
    )


def _guards(acls: Sequence[Json]) -> dict[str, tuple[str, str]]:
    """Return association and ACL of each subnet."""
    return {
        one["SubnetId"]: (one["NetworkAclAssociationId"], acl["NetworkAclId"])
        for acl in acls
        for one in acl["Associations"]
    }


def _cut(acls: Sequence[Json]) -> list[str]:
    """Return the subnets that runs have cut off."""
    return [
        one["SubnetId"]
        for acl in acls
        if RUN_TAG in tags_of(acl.get("Tags") or ())
        for one in acl["Associations"]
    ]


def _ours(acls: Sequence[Json], entry: Entry) -> str:
    """Return the ACL that this run made for this zone; empty: none."""
    mark = {RUN_TAG: entry.run_uid, ZONE_TAG: entry.captured["zone"]}
    return next(
        (one["NetworkAclId"] for one in acls if mark.items() <= tags_of(one["Tags"]).items()), ""
    )


async def _make(entry: Entry, world: World) -> str:
    """Make the ACL; with the same token AWS gives back the one that a lost answer made."""
    tags = {
        **run_marks(entry, world),
        ZONE_TAG: entry.captured["zone"],
        OPT_IN: "allowed",
        "Name": f"cloudcafe-partition-{entry.captured['zone']}",
    }
    token = hashlib.sha256(f"{entry.run_uid}/{entry.target.id}".encode()).hexdigest()
    specification = {
        "ResourceType": "network-acl",
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    answer = await world.aws.call(
        "ec2",
        "create_network_acl",
        VpcId=entry.captured["vpc"],
        ClientToken=token,
        TagSpecifications=[specification],
    )
    return str(answer["NetworkAcl"]["NetworkAclId"])


async def _replace(association: str, acl: str, world: World) -> None:
    """Put a subnet behind an ACL; the association gets a new id each time."""
    try:
        await world.aws.call(
            "ec2", "replace_network_acl_association", AssociationId=association, NetworkAclId=acl
        )
    except NotFound as race:
        raise Retry(f"association {association} was replaced meanwhile", after=0.5) from race
