"""securityGroupLockdown: revoke the rules of security groups, so that nothing gets through.

What is revoked is captured whole, with descriptions and tags, and authorised again rule by rule:
what others add or take away meanwhile stays as they left it. The group itself bears the run's uid
while its rules are away, so that an undo knows, from the world alone, whether anything was done.

AWS gives a rule that is authorised again a new id: see docs/decisions/0008.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from cloudcafe_operator.errors import AlreadyExists, NotFound, UserError
from cloudcafe_operator.faults.aws_tags import (
    PROTECTED,
    RUN_CLUSTER_TAG,
    RUN_TAG,
    AwsSelector,
    matches,
    opted_in,
    run_marks,
    tags_of,
)
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.planning.security_group_rules import (
    as_captured,
    in_words,
    meaning,
    permission,
)
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

Direction = Literal["Ingress", "Egress", "Both"]
CLUSTER_TAGS = ("kubernetes.io/cluster/", "cluster.k8s.amazonaws.com/", "eks:")
CONTROL_PLANE = "Amazon EKS "  # how EKS describes the interfaces of its API servers
MOST_IN_A_LINE = 4


class SecurityGroupLockdownSpec(FaultSpec):
    """Revokes all rules of security groups."""

    selector: AwsSelector = Field(description="Which security groups; names are group names.")
    direction: Direction = Field(default="Ingress", description="Which rules are revoked.")


class SecurityGroupLockdown(Fault[SecurityGroupLockdownSpec]):
    """See the module's docstring."""

    name = "securityGroupLockdown"
    summary = "Revokes the rules of a security group: new connections through it are refused."
    spec_type = SecurityGroupLockdownSpec
    iam_actions = (
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeNetworkInterfaces",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:AuthorizeSecurityGroupEgress",
    )

    async def select(self, spec: SecurityGroupLockdownSpec, world: World) -> Sequence[Target]:
        """Return the groups that match; the filter leaves the listing to AWS."""
        filters = [
            {"Name": f"tag:{key}", "Values": [value]}
            for key, value in sorted(spec.selector.tags.items())
        ]
        if spec.selector.names:
            filters.append({"Name": "group-name", "Values": list(spec.selector.names)})
        groups = await world.aws.pages(
            "ec2", "describe_security_groups", "SecurityGroups", Filters=filters
        )
        return [_target(group) for group in groups if matches(spec.selector, *_identity(group))]

    async def capture(self, spec: SecurityGroupLockdownSpec, target: Target, world: World) -> Json:
        """Note the rules; refuse what would cut the operator, the cluster or AWS off."""
        run = _run_of(await _group(target, world))
        if run:
            raise UserError(f"{target.name} is locked down by run {run}: wait until that is over")
        _refuse_what_holds_the_cluster(
            await world.aws.pages(
                "ec2",
                "describe_network_interfaces",
                "NetworkInterfaces",
                Filters=[{"Name": "group-id", "Values": [_id(target)]}],
            )
        )
        egress = {"Ingress": (False,), "Egress": (True,), "Both": (False, True)}[spec.direction]
        rules = [one for one in await _rules(target, world) if one["IsEgress"] in egress]
        if not rules:
            raise UserError(f"{target.name} has no rules to revoke: choose another group")
        return {"rules": [as_captured(rule) for rule in rules]}

    async def inject(self, spec: SecurityGroupLockdownSpec, entry: Entry, world: World) -> Json:
        """Mark the group, then revoke what was captured and is still there."""
        run = _run_of(await _group(entry.target, world))
        if run not in (None, entry.run_uid):
            raise UserError(f"run {run} has locked {entry.target.name} down meanwhile")
        if run is None:
            await _mark(entry, world)
        there = {rule["SecurityGroupRuleId"] for rule in await _rules(entry.target, world)}
        captured = entry.captured["rules"]
        for egress, verb in ((False, "ingress"), (True, "egress")):
            ours = [one["id"] for one in captured if one["egress"] is egress]
            left = [one for one in ours if one in there]
            if left:
                operation, group = f"revoke_security_group_{verb}", _id(entry.target)
                await world.aws.call("ec2", operation, GroupId=group, SecurityGroupRuleIds=left)
        return {"revoked": [one["id"] for one in captured]}

    def calls(self, spec: SecurityGroupLockdownSpec, target: Target) -> Sequence[str]:
        """Name what is revoked, and its undo."""
        verbs = ("Ingress", "Egress") if spec.direction == "Both" else (spec.direction,)
        revoked = [f"ec2:RevokeSecurityGroup{verb} {target.name} all rules" for verb in verbs]
        back = [f"ec2:AuthorizeSecurityGroup{verb} each rule again" for verb in verbs]
        return (f"ec2:CreateTags {target.name} {RUN_TAG}", *revoked, *back, "ec2:DeleteTags")

    async def in_force(self, spec: SecurityGroupLockdownSpec, entry: Entry, world: World) -> bool:
        """None of the captured rules is there, by id or by what it says."""
        return len(_missing(entry, await _rules(entry.target, world))) == len(
            entry.captured["rules"]
        )

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Authorise again what is missing of ours, then take the mark away."""
        try:
            run = _run_of(await _group(entry.target, world))
            marked = run == entry.run_uid
            # one mark serves all entries of a run: while this one settles it may be gone already
            if not (marked or entry.injected or (entry.settling and run is None)):
                return Undone("Reverted")
            missing = _missing(entry, await _rules(entry.target, world))
            lost = [rule for rule in missing if not await _authorise(entry, rule, world)]
        except NotFound:
            return Undone("Reverted", "the group is gone")
        if marked and not entry.settling:
            await _unmark(entry, world)
        if lost:
            said = ", ".join(map(in_words, lost[:MOST_IN_A_LINE]))
            return Undone("Diverged", f"the other end is gone, so these stay away: {said}")
        return Undone("Reverted")

    async def verify(self, entry: Entry, world: World) -> bool:
        """The group bears our mark no more; it is the last that an undo takes away."""
        try:
            return _run_of(await _group(entry.target, world)) != entry.run_uid
        except NotFound:
            return True

    def by_hand(self, entry: Entry) -> str:
        """Authorise all; those that are there answer that they are duplicates."""
        lines = []
        for verb, egress in (("ingress", False), ("egress", True)):
            rules = [one for one in entry.captured["rules"] if one["egress"] is egress]
            if rules:
                permissions = json.dumps([permission(rule) for rule in rules])
                lines.append(
                    f"aws ec2 authorize-security-group-{verb} --group-id {_id(entry.target)} "
                    f"--ip-permissions {_quoted(permissions)}"
                )
        marks = f"Key={RUN_TAG} Key={RUN_CLUSTER_TAG}"
        lines.append(f"aws ec2 delete-tags --resources {_id(entry.target)} --tags {marks}")
        return " ; ".join(lines)


def _identity(group: Json) -> tuple[str, dict[str, str], str]:
    """Return ARN, tags and name."""
    owner, group_id = group.get("OwnerId", ""), group["GroupId"]
    arn = group.get("SecurityGroupArn") or f"arn:aws:ec2::{owner}:security-group/{group_id}"
    return arn, tags_of(group.get("Tags") or ()), group["GroupName"]


def _target(group: Json) -> Target:
    arn, tags, name = _identity(group)
    why = f"has the tag {PROTECTED}: it keeps the cluster together" if PROTECTED in tags else ""
    return Target(id=arn, name=name, opted_in=opted_in(tags), protected=why)


def _id(target: Target) -> str:
    return target.id.rpartition("/")[2]


async def _group(target: Target, world: World) -> dict[str, Any]:
    answer = await world.aws.call("ec2", "describe_security_groups", GroupIds=[_id(target)])
    if not answer["SecurityGroups"]:
        raise NotFound(f"security group {target.name} does not exist")
    found: dict[str, Any] = answer["SecurityGroups"][0]
    return found


def _run_of(group: Json) -> str | None:
    """Return the run whose mark the group bears."""
    return tags_of(group.get("Tags") or ()).get(RUN_TAG)


async def _mark(entry: Entry, world: World) -> None:
    """Put the run's uid on, and in the same call with it that of its cluster."""
    tags = [{"Key": key, "Value": value} for key, value in run_marks(entry, world).items()]
    await world.aws.call("ec2", "create_tags", Resources=[_id(entry.target)], Tags=tags)


async def _unmark(entry: Entry, world: World) -> None:
    """Take our run off and no other's, and whatever tells of a cluster beside it."""
    tags = [{"Key": RUN_TAG, "Value": entry.run_uid}, {"Key": RUN_CLUSTER_TAG}]
    await world.aws.call("ec2", "delete_tags", Resources=[_id(entry.target)], Tags=tags)


async def _rules(target: Target, world: World) -> list[Any]:
    return await world.aws.pages(
        "ec2",
        "describe_security_group_rules",
        "SecurityGroupRules",
        Filters=[{"Name": "group-id", "Values": [_id(target)]}],
    )


def _refuse_what_holds_the_cluster(interfaces: Sequence[Json]) -> None:
    """The rule behind the tag: whoever forgot to tag must not lose the way to the cluster."""
    for one in interfaces:
        tags = tags_of(one.get("TagSet") or ())
        if one.get("InterfaceType") == "vpc_endpoint":
            what = "an interface endpoint: the way to AWS"
        elif str(one.get("Description", "")).startswith(CONTROL_PLANE):
            what = "the cluster's API server"
        elif any(key.startswith(CLUSTER_TAGS) for key in tags):
            what = "a node of the cluster"
        else:
            continue
        raise UserError(
            f"the group is attached to {one['NetworkInterfaceId']}, {what}; without it nothing "
            f"could be undone: choose another group, and tag this one {PROTECTED}"
        )


def _missing(entry: Entry, rules: Sequence[Json]) -> list[Json]:
    """Return what was captured and is not there, whoever put it back."""
    there = {meaning(as_captured(rule)) for rule in rules}
    return [rule for rule in entry.captured["rules"] if meaning(rule) not in there]


async def _authorise(entry: Entry, rule: Json, world: World) -> bool:
    """Put one rule back; False where its other end does not exist any more."""
    tags: dict[str, Any] = {}
    if kept := [tag for tag in rule["tags"] if not tag["Key"].startswith("aws:")]:
        tags["TagSpecifications"] = [{"ResourceType": "security-group-rule", "Tags": kept}]
    try:
        await world.aws.call(
            "ec2",
            f"authorize_security_group_{'egress' if rule['egress'] else 'ingress'}",
            GroupId=_id(entry.target),
            IpPermissions=[permission(rule)],
            **tags,
        )
    except AlreadyExists:
        return True
    except NotFound:
        await _group(entry.target, world)  # raises where it is this group that is gone
        return False
    return True


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
