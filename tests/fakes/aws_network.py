"""A VPC in memory: aurora's group may be broken, the nodes' hold the cluster; see zones.py."""

from __future__ import annotations

import itertools
from typing import Any

from cloudcafe_operator.errors import AlreadyExists, NotFound

from tests.fakes.zones import Zones

ARN = "arn:aws:ec2:eu-west-1:000000000000:"
TAG = {"Key": "cloudcafe.dev/chaos", "Value": "allowed"}
AURORA, ORDER, NODES = "sg-aurora", "sg-order", "sg-nodes"
FAULTS = {
    "azNetworkPartition": {"selector": {"tags": {"tier": "database"}}, "zones": ["eu-west-1a"]},
    "securityGroupLockdown": {"selector": {"names": ["cloudcafe-aurora"]}},
}
RARE_ACTIONS = {  # of the direction that the common tests do not take
    "ec2:RevokeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:CreateTags",  # what tagging an ACL while it is made needs, without a call
}


def group_rule(port: int, peer: str, **more: Any) -> dict[str, Any]:
    """Return a rule that lets a group in."""
    return {"IsEgress": False, "IpProtocol": "tcp", "FromPort": port, "ToPort": port,
            "ReferencedGroupInfo": {"GroupId": peer, "UserId": "000000000000"}, **more}  # fmt: skip


class Groups:
    """Rules by id and group; ids are never used twice, as on AWS."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.tags: dict[str, dict[str, str]] = {
            AURORA: {"cloudcafe.dev/chaos": "allowed"},
            ORDER: {"cloudcafe.dev/chaos": "allowed"},
            NODES: {"cloudcafe.dev/protected": "true"},
        }
        self.rules: dict[str, dict[str, Any]] = {}
        self.interfaces: list[dict[str, Any]] = []
        self.revoked = 0
        self.add(AURORA, group_rule(5432, ORDER, Description="order to aurora", Tags=[TAG]))
        self.add(AURORA, {"IsEgress": False, "IpProtocol": "-1", "FromPort": -1, "ToPort": -1,
                          "CidrIpv4": "10.0.0.0/8"})  # fmt: skip
        self.add(AURORA, group_rule(443, NODES, IsEgress=True))

    def add(self, group: str, rule: dict[str, Any]) -> str:
        """Let somebody authorise a rule."""
        if any(_same(one, {**rule, "GroupId": group}) for one in self.rules.values()):
            raise AlreadyExists("InvalidPermission.Duplicate")
        rule_id = f"sgr-{next(self._numbers)}"
        self.rules[rule_id] = {**rule, "GroupId": group, "SecurityGroupRuleId": rule_id}
        return rule_id

    def describe(self, GroupIds: Any = (), Filters: Any = ()) -> dict[str, Any]:
        """DescribeSecurityGroups, with the filters that are used."""
        unknown = [one for one in GroupIds if one not in self.tags]
        if unknown:
            raise NotFound(f"InvalidGroup.NotFound {unknown}")
        names = next((one["Values"] for one in Filters if one["Name"] == "group-name"), None)
        return {
            "SecurityGroups": [
                {
                    "GroupId": group,
                    "GroupName": f"cloudcafe-{group[3:]}",
                    "SecurityGroupArn": f"{ARN}security-group/{group}",
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                }
                for group, tags in self.tags.items()
                if (not GroupIds or group in GroupIds)
                and (names is None or f"cloudcafe-{group[3:]}" in names)
            ]
        }

    def describe_rules(self, Filters: Any) -> dict[str, Any]:
        """DescribeSecurityGroupRules of one group."""
        (group,) = Filters[0]["Values"]
        return {
            "SecurityGroupRules": [rule for rule in self.rules.values() if rule["GroupId"] == group]
        }

    def attached(self, Filters: Any) -> dict[str, Any]:
        """DescribeNetworkInterfaces of one group."""
        assert Filters[0]["Name"] == "group-id"
        (group,) = Filters[0]["Values"]
        return {
            "NetworkInterfaces": [
                {"NetworkInterfaceId": "eni-1", **one}
                for one in self.interfaces
                if one["group"] == group
            ]
        }

    def revoke(self, GroupId: str, SecurityGroupRuleIds: Any) -> dict[str, Any]:
        """Take rules away; all or none."""
        for rule_id in SecurityGroupRuleIds:
            if rule_id not in self.rules:
                raise NotFound(f"InvalidSecurityGroupRuleId.NotFound {rule_id}")
        self.revoked += 1
        for rule_id in SecurityGroupRuleIds:
            del self.rules[rule_id]
        return {"Return": True}

    def authorise(
        self, egress: bool, GroupId: str, IpPermissions: Any, TagSpecifications: Any = ()
    ) -> dict[str, Any]:
        """Add a rule; its other end must exist."""
        (asked,) = IpPermissions
        rule: dict[str, Any] = {
            "IsEgress": egress,
            "IpProtocol": asked["IpProtocol"],
            "FromPort": asked.get("FromPort", -1),
            "ToPort": asked.get("ToPort", -1),
        }
        for pair in asked.get("UserIdGroupPairs", ()):
            if pair["GroupId"] not in self.tags:
                raise NotFound(f"InvalidGroup.NotFound {pair['GroupId']}")
            rule["ReferencedGroupInfo"] = {key: pair[key] for key in ("GroupId", "UserId")}
            rule |= {"Description": pair["Description"]} if "Description" in pair else {}
        for one in asked.get("IpRanges", ()):
            rule["CidrIpv4"] = one["CidrIp"]
        for one in TagSpecifications:
            rule["Tags"] = one["Tags"]
        self.add(GroupId, rule)
        return {"Return": True}

    def tag(self, Resources: Any, Tags: Any) -> dict[str, Any]:
        """CreateTags."""
        for name in Resources:
            self.tags[name] |= {one["Key"]: one["Value"] for one in Tags}
        return {}

    def untag(self, Resources: Any, Tags: Any) -> dict[str, Any]:
        """DeleteTags; one with another value stays, unless none is said."""
        for name in Resources:
            for one in Tags:
                if one.get("Value") in (None, self.tags[name].get(one["Key"])):
                    self.tags[name].pop(one["Key"], None)
        return {}

    def state(self) -> dict[str, Any]:
        """What must be as before: all but the ids of rules."""
        rules = [
            {key: value for key, value in rule.items() if key != "SecurityGroupRuleId"}
            for rule in self.rules.values()
        ]
        tags = {name: dict(each) for name, each in self.tags.items()}
        return {"rules": sorted(rules, key=str), "tags": tags}

    def injections(self) -> dict[str, int]:
        """How often rules were revoked."""
        return {"securityGroupLockdown": self.revoked}


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    told_apart = ("GroupId", "IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4")
    peers = [(each.get("ReferencedGroupInfo") or {}).get("GroupId") for each in (one, other)]
    return peers[0] == peers[1] and all(one.get(key) == other.get(key) for key in told_apart)


class Vpc:
    """Both together, as one part of a world."""

    def __init__(self) -> None:
        self.groups, self.zones = Groups(), Zones()

    def interfaces(self, Filters: Any) -> dict[str, Any]:
        """DescribeNetworkInterfaces."""
        of_group = Filters[0]["Name"] == "group-id"
        return self.groups.attached(Filters) if of_group else self.zones.interfaces(Filters)

    def state(self) -> dict[str, Any]:
        """What must be as before."""
        return {"groups": self.groups.state(), "zones": self.zones.state()}

    def injections(self) -> dict[str, int]:
        """How often each was broken."""
        return {**self.groups.injections(), "azNetworkPartition": self.zones.cut}


def build(world: Any) -> Vpc:
    """Answer the calls of a world."""
    vpc = Vpc()
    groups, zones = vpc.groups, vpc.zones
    world.aws.on("ec2", "describe_subnets", zones.subnets)
    world.aws.on("ec2", "describe_network_acls", zones.describe)
    world.aws.on("ec2", "create_network_acl", zones.create)
    world.aws.on("ec2", "replace_network_acl_association", zones.replace)
    world.aws.on("ec2", "delete_network_acl", zones.delete)
    world.aws.on("ec2", "describe_nat_gateways", zones.nat_gateways)
    world.aws.on("ec2", "describe_security_groups", groups.describe)
    world.aws.on("ec2", "describe_security_group_rules", groups.describe_rules)
    world.aws.on("ec2", "describe_vpc_endpoints", zones.vpc_endpoints)
    world.aws.on("ec2", "describe_network_interfaces", vpc.interfaces)
    world.aws.on("ec2", "create_tags", groups.tag)
    world.aws.on("ec2", "delete_tags", groups.untag)
    for verb, egress in (("ingress", False), ("egress", True)):
        world.aws.on("ec2", f"revoke_security_group_{verb}", groups.revoke)
        world.aws.on(
            "ec2",
            f"authorize_security_group_{verb}",
            lambda egress=egress, **asked: groups.authorise(egress, **asked),
        )
    return vpc
