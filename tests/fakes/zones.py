"""Two zones of a VPC in memory: their subnets, ACLs, and the ways out that lie in them."""

from __future__ import annotations

import itertools
from typing import Any

from cloudcafe_operator.errors import NotFound, UserError

ARN = "arn:aws:ec2:eu-west-1:000000000000:"
VPC, DEFAULT, OWN = "vpc-1", "acl-default", "acl-database"


class Zones:
    """Two zones with a private and a database subnet each, and their ACLs."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.acls: dict[str, dict[str, str]] = {DEFAULT: {}, OWN: {}}
        self.guards = {"private-a": DEFAULT, "private-b": DEFAULT,
                       "database-a": OWN, "database-b": OWN}  # fmt: skip
        self.associations = {subnet: f"aclassoc-{subnet}" for subnet in self.guards}
        self.tokens: dict[str, str] = {}
        self.gateways: list[str] = []
        self.endpoints: dict[str, list[str]] = {
            "vpce-sts": ["private-a", "private-b"],
            "vpce-s3": [],
        }
        self.api_servers = ["private-a", "private-b"]
        self.cut = 0

    def subnets(self, Filters: Any) -> dict[str, Any]:
        """DescribeSubnets; the filters are by tags."""
        asked = {one["Name"].removeprefix("tag:"): one["Values"] for one in Filters}
        found = []
        for number, name in enumerate(self.guards):
            tier, _, zone = name.partition("-")
            tags = {"tier": tier, "cloudcafe.dev/chaos": "allowed", "Name": name}
            if all(tags.get(key) in values for key, values in asked.items()):
                found.append(
                    {
                        "SubnetId": name,
                        "SubnetArn": f"{ARN}subnet/{name}",
                        "VpcId": VPC,
                        "AvailabilityZone": f"eu-west-1{zone}",
                        "CidrBlock": f"10.20.{number}.0/24",
                        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                    }
                )
        return {"Subnets": found}

    def describe(self, Filters: Any) -> dict[str, Any]:
        """DescribeNetworkAcls of the VPC."""
        return {
            "NetworkAcls": [
                {
                    "NetworkAclId": acl,
                    "IsDefault": acl == DEFAULT,
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                    "Associations": [
                        {"SubnetId": name, "NetworkAclAssociationId": self.associations[name]}
                        for name, guard in self.guards.items()
                        if guard == acl
                    ],
                }
                for acl, tags in self.acls.items()
            ]
        }

    def nat_gateways(self, Filter: Any) -> dict[str, Any]:
        """DescribeNatGateways in subnets."""
        return {
            "NatGateways": [
                {"NatGatewayId": "nat-1", "SubnetId": one, "State": "available"}
                for one in self.gateways
                if one in Filter[0]["Values"]
            ]
        }

    def vpc_endpoints(self, Filters: Any) -> dict[str, Any]:
        """DescribeVpcEndpoints of the VPC; those of the gateway type are in no subnet."""
        assert Filters == [{"Name": "vpc-id", "Values": [VPC]}]
        return {
            "VpcEndpoints": [
                {"VpcEndpointId": name, "ServiceName": f"eu-west-1.{name}", "SubnetIds": subnets}
                for name, subnets in self.endpoints.items()
            ]
        }

    def interfaces(self, Filters: Any) -> dict[str, Any]:
        """DescribeNetworkInterfaces of subnets, or of the VPC: one each, and the cluster's."""
        asked = {one["Name"]: one["Values"] for one in Filters}
        there = [(name, "") for name in self.guards]
        there += [(name, "Amazon EKS cafe") for name in self.api_servers]
        return {
            "NetworkInterfaces": [
                {"SubnetId": name, "Description": said}
                for name, said in there
                if name in asked.get("subnet-id", self.guards)
            ]
        }

    def create(self, VpcId: str, ClientToken: str, TagSpecifications: Any) -> dict[str, Any]:
        """CreateNetworkAcl; the same token is the same ACL."""
        acl = self.tokens.setdefault(ClientToken, f"acl-{next(self._numbers)}")
        self.acls[acl] = {one["Key"]: one["Value"] for one in TagSpecifications[0]["Tags"]}
        return {"NetworkAcl": {"NetworkAclId": acl}}

    def replace(self, AssociationId: str, NetworkAclId: str) -> dict[str, Any]:
        """ReplaceNetworkAclAssociation; the id is a new one each time."""
        found = [name for name, one in self.associations.items() if one == AssociationId]
        if not found:
            raise NotFound("InvalidAssociationID.NotFound")
        if NetworkAclId not in self.acls:
            raise NotFound("InvalidNetworkAclID.NotFound")
        self.cut += "cloudcafe.dev/run" in self.acls[NetworkAclId]
        self.guards[found[0]] = NetworkAclId
        self.associations[found[0]] = f"aclassoc-{next(self._numbers)}"
        return {}

    def delete(self, NetworkAclId: str) -> dict[str, Any]:
        """DeleteNetworkAcl, once nothing stands behind it."""
        if NetworkAclId not in self.acls:
            raise NotFound("InvalidNetworkAclID.NotFound")
        if NetworkAclId in self.guards.values():
            raise UserError("DependencyViolation")
        del self.acls[NetworkAclId]
        return {}

    def state(self) -> dict[str, Any]:
        """What must be as before: all but the ids of associations."""
        return {"acls": {k: dict(v) for k, v in self.acls.items()}, "guards": dict(self.guards)}
