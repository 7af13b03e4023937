"""The ways to AWS and to the cluster that lie in subnets. Not a fault: used where subnets are cut.

An undo is a call like any other: where the last way to EC2 is cut, nobody can give it back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.contract import World

CONTROL_PLANE = "Amazon EKS "  # how EKS describes the interfaces of its API servers
ELSEWHERE = "give it an interface in another zone, or choose other subnets"


async def refuse_the_last_way(vpc: str, subnets: Collection[str], world: World) -> None:
    """Raise UserError where what others need lies in these subnets alone."""
    await _refuse_gateways(subnets, world)
    await _refuse_endpoints(vpc, subnets, world)
    await _refuse_the_control_plane(vpc, subnets, world)


async def _refuse_gateways(subnets: Collection[str], world: World) -> None:
    """A NAT gateway may be the way to AWS of other zones as well, the operator's among them."""
    found = await world.aws.pages(
        "ec2",
        "describe_nat_gateways",
        "NatGateways",
        Filter=[{"Name": "subnet-id", "Values": sorted(subnets)}],
    )
    for one in found:
        if one["State"] in ("pending", "available"):
            raise UserError(
                f"{one['SubnetId']} holds {one['NatGatewayId']}, by which others leave the VPC: "
                "choose subnets without NAT gateways"
            )


async def _refuse_endpoints(vpc: str, subnets: Collection[str], world: World) -> None:
    """An interface endpoint serves by its interfaces; those in other subnets go on."""
    found = await world.aws.pages(
        "ec2",
        "describe_vpc_endpoints",
        "VpcEndpoints",
        Filters=[{"Name": "vpc-id", "Values": [vpc]}],
    )
    for one in found:
        places = set(one.get("SubnetIds") or ())  # a gateway endpoint has none
        if places and places <= set(subnets):
            raise UserError(
                f"{one['VpcEndpointId']}, the way to {one['ServiceName']}, would be cut off "
                f"whole; without it nothing may be undone: {ELSEWHERE}"
            )


async def _refuse_the_control_plane(vpc: str, subnets: Collection[str], world: World) -> None:
    """The API servers of a cluster are reached by interfaces that EKS puts into two zones."""
    here = await _interfaces(world, "subnet-id", subnets)
    if not here:
        return
    places = defaultdict(set)
    for description, subnet in await _interfaces(world, "vpc-id", [vpc]):
        places[description].add(subnet)
    for description in sorted({one for one, _ in here}):
        if places[description] <= set(subnets):
            raise UserError(
                f"all interfaces of the API server of {description} would be cut off; without it "
                f"nothing could be undone: {ELSEWHERE}"
            )


async def _interfaces(world: World, where: str, values: Collection[str]) -> list[tuple[str, str]]:
    """Return description and subnet of the interfaces of clusters' API servers."""
    found = await world.aws.pages(
        "ec2",
        "describe_network_interfaces",
        "NetworkInterfaces",
        Filters=[{"Name": where, "Values": sorted(values)}],
    )
    return [
        (one["Description"], one["SubnetId"])
        for one in found
        if str(one.get("Description", "")).startswith(CONTROL_PLANE)
    ]
