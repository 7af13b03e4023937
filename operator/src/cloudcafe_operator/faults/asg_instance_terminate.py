"""asgInstanceTerminate: terminate instances of Auto Scaling groups, and see whether they come back.

The group keeps its desired capacity, so it launches another instance. A group that may not launch
is refused: nobody would replace what was terminated.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, UserError
from cloudcafe_operator.faults.aws_tags import (
    AwsSelector,
    matches,
    opted_in,
    service_of,
    tags_of,
)
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.faults.pods import operators_nodes
from cloudcafe_operator.kinds import NODES
from cloudcafe_operator.planning.shares import Capacity, Member
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

IN_SERVICE = "InService"
GROUP = "Auto Scaling group "
NEEDED = ("Launch", "Terminate")  # processes without which nothing is replaced


class AsgInstanceTerminateSpec(FaultSpec):
    """Terminates instances of Auto Scaling groups; the groups have to replace them."""

    selector: AwsSelector = Field(
        description="Which groups; the run's mode says how many instances. Those that carry the "
        "operator are no candidates."
    )


class AsgInstanceTerminate(Fault[AsgInstanceTerminateSpec]):
    """See the module's docstring."""

    name = "asgInstanceTerminate"
    summary = "Terminates instances of an Auto Scaling group, which launches others instead."
    spec_type = AsgInstanceTerminateSpec
    momentary = True
    iam_actions = (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
    )
    rbac = ("list pods", "list nodes")

    async def select(self, spec: AsgInstanceTerminateSpec, world: World) -> Sequence[Target]:
        """Return the instances in service of the groups that match; one listing has all."""
        groups = await world.aws.pages(
            "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"
        )
        ours = await _operators_instances(world)
        targets = []
        for group in groups:
            tags = tags_of(group.get("Tags") or ())
            arn = group["AutoScalingGroupARN"]
            if not matches(spec.selector, arn, tags):
                continue
            _, partition, _, region, account, _ = arn.split(":", 5)
            place = f"arn:{partition}:ec2:{region}:{account}:instance"
            instances = _in_service(group)
            targets += [
                Target(
                    id=f"{place}/{instance}",
                    name=instance,
                    opted_in=opted_in(tags),
                    protected="carries the operator" if instance in ours else "",
                    group=f"{GROUP}{group['AutoScalingGroupName']}",
                    group_size=len(instances),
                )
                for instance in [one for one in instances if one not in ours] or instances
            ]
        return targets

    async def capacity(
        self, spec: AsgInstanceTerminateSpec, targets: Sequence[Target], world: World
    ) -> Capacity:
        """Return the instances in service of the targets' groups."""
        members = []
        for group in sorted({target.group for target in targets}):
            found = await _read_group(group, world)
            service = service_of(tags_of(found.get("Tags") or ()), group)
            members += [
                Member(one["InstanceId"], service, one.get("AvailabilityZone", ""))
                for one in found.get("Instances") or ()
                if one["LifecycleState"] == IN_SERVICE
            ]
        return Capacity(frozenset(members), frozenset(target.name for target in targets))

    async def capture(self, spec: AsgInstanceTerminateSpec, target: Target, world: World) -> Json:
        """Note how many instances are in service; refuse a group that would not replace one."""
        group = await _group(target, world)
        instances = _in_service(group)
        if target.name not in instances:
            raise UserError(f"instance {target.name} is not in service any more: apply it again")
        suspended = {one["ProcessName"] for one in group.get("SuspendedProcesses") or ()}
        missing = [process for process in NEEDED if process in suspended]
        if missing:
            raise UserError(
                f"{target.group} has {' and '.join(missing)} suspended, so nobody would replace "
                "an instance: resume the process, or choose another group"
            )
        return {"inService": len(instances)}

    async def inject(self, spec: AsgInstanceTerminateSpec, entry: Entry, world: World) -> Json:
        """Terminate the captured instance, unless it is on its way out."""
        if entry.target.name not in _in_service(await _group(entry.target, world)):
            return {"already": True}
        await world.aws.call(
            "autoscaling",
            "terminate_instance_in_auto_scaling_group",
            InstanceId=entry.target.name,
            ShouldDecrementDesiredCapacity=False,
        )
        return {}

    def calls(self, spec: AsgInstanceTerminateSpec, target: Target) -> Sequence[str]:
        """Name the one call."""
        what = f"{target.name} of {target.group}, keeping its desired capacity"
        return (f"autoscaling:TerminateInstanceInAutoScalingGroup {what}",)

    async def in_force(self, spec: AsgInstanceTerminateSpec, entry: Entry, world: World) -> bool:
        """The instance left the group, or is leaving it."""
        try:
            group = await _group(entry.target, world)
        except NotFound:
            return False  # whoever removed the group took the instance, and we did not
        return entry.target.name not in _in_service(group)

    async def healthy(self, entry: Entry, world: World) -> bool:
        """As many others are in service as before, or as the group wants meanwhile."""
        try:
            group = await _group(entry.target, world)
        except NotFound:
            return False
        others = [one for one in _in_service(group) if one != entry.target.name]
        return len(others) >= min(int(entry.captured["inService"]), int(group["DesiredCapacity"]))

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Do nothing: the group launches another instance."""
        return Undone("Reverted", f"{entry.target.group} replaces it")

    async def verify(self, entry: Entry, world: World) -> bool:
        """A termination leaves nothing of ours behind; recovery is what `healthy` sees."""
        return True

    def by_hand(self, entry: Entry) -> str:
        """Show what the group does about it."""
        name = shlex.quote(entry.target.group.removeprefix(GROUP))  # may hold any character
        return f"aws autoscaling describe-scaling-activities --auto-scaling-group-name {name}"


async def _operators_instances(world: World) -> set[str]:
    """Return the instances whose nodes carry an operator: aws:///eu-west-1a/i-0123 is theirs."""
    names = await operators_nodes(world)
    nodes = await world.kubernetes.list(NODES)
    carrying = [node for node in nodes if node["metadata"]["name"] in names]
    ids = [(node.get("spec") or {}).get("providerID", "") for node in carrying]
    return {one.rpartition("/")[2] for one in ids if one.startswith("aws:")}


def _in_service(group: Json) -> list[str]:
    return [
        one["InstanceId"]
        for one in group.get("Instances") or ()
        if one["LifecycleState"] == IN_SERVICE
    ]


async def _group(target: Target, world: World) -> dict[str, Any]:
    return await _read_group(target.group, world)


async def _read_group(group: str, world: World) -> dict[str, Any]:
    name = group.removeprefix(GROUP)
    answer = await world.aws.call(
        "autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name]
    )
    groups: list[dict[str, Any]] = answer["AutoScalingGroups"]
    if not groups:
        raise NotFound(f"Auto Scaling group {name} does not exist")
    return groups[0]
