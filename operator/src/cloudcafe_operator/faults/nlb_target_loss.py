"""nlbTargetLoss: take targets out of a network load balancer's target group.

Each target is one of ours to choose by mode and value, and its group is the target group, so that
a share of it can be a limit. Undo registers a target again where it is missing. Who else registers
targets (a load balancer controller) may have put it back, or have taken it away for good: one whose
pod is gone is not registered again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, UserError
from cloudcafe_operator.faults.aws_tags import RUN_TAG, AwsSelector, matches, opted_in, tags_of
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.faults.pods import pod_capacity, pod_id
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.planning.shares import Capacity, Member
from cloudcafe_operator.ports import Json, Ref
from cloudcafe_operator.resources.run import Target

LAYER_4 = ("TCP", "TLS", "UDP", "TCP_UDP")
TAGGED_AT_ONCE = 20  # ARNs that DescribeTags takes
GONE = ("draining", "unused")
SERVING = ("healthy", "initial", "unhealthy", "unhealthy.draining")
AT = "#"  # between a target group's ARN and one of its targets


class NlbTargetLossSpec(FaultSpec):
    """Deregisters targets of network load balancers."""

    selector: AwsSelector = Field(
        description="Which target groups; names are theirs. Mode and value choose their targets."
    )


class NlbTargetLoss(Fault[NlbTargetLossSpec]):
    """See the module's docstring."""

    name = "nlbTargetLoss"
    summary = "Deregisters targets of a network load balancer: their connections end."
    spec_type = NlbTargetLossSpec
    iam_actions = (
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:RegisterTargets",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:RemoveTags",
    )
    rbac = ("list pods", "get pods", "list nodes")

    async def select(self, spec: NlbTargetLossSpec, world: World) -> Sequence[Target]:
        """Return the registered targets of the groups that match."""
        groups = await world.aws.pages("elbv2", "describe_target_groups", "TargetGroups")
        groups = [each for each in groups if each.get("Protocol") in LAYER_4]
        found = []
        all_tags = await _tags_of_all([one["TargetGroupArn"] for one in groups], world)
        for group in groups:
            arn, name = group["TargetGroupArn"], group["TargetGroupName"]
            tags = all_tags.get(arn, {})
            if not matches(spec.selector, arn, tags, name):
                continue
            health = await _health(arn, world)
            serving = [key for key, state in sorted(health.items()) if state in SERVING]
            found += [
                Target(
                    id=f"{arn}{AT}{key}",
                    name=f"{name} {key}",
                    opted_in=opted_in(tags),
                    group=f"target group {name}",
                    group_size=len(serving),
                )
                for key in serving
            ]
        return found

    async def capacity(
        self, spec: NlbTargetLossSpec, targets: Sequence[Target], world: World
    ) -> Capacity:
        """Return the targets of the groups; a pod's address counts as that pod, of its service."""
        lost = {_target(_parts(target)[1])["Id"] for target in targets}
        members: list[Member] = []
        for arn in sorted({_parts(target)[0] for target in targets}):
            group = next(target.group for target in targets if _parts(target)[0] == arn)
            states = await _health(arn, world)
            serving = {_target(key)["Id"] for key, state in states.items() if state in SERVING}
            members += [Member(one, group) for one in serving]
        pods = [pod for one in sorted(lost) for pod in await _pods_at(one, world)]
        of_pods = await pod_capacity(
            {pod["metadata"]["namespace"] for pod in pods}, [pod_id(pod) for pod in pods], world
        )
        return Capacity(of_pods.members | frozenset(members), of_pods.lost | frozenset(lost))

    async def capture(self, spec: NlbTargetLossSpec, target: Target, world: World) -> Json:
        """Note the target; refuse one that takes no traffic: its loss would show nothing."""
        arn, key = _parts(target)
        found = (await _described(arn, world)).get(key)
        state = found["TargetHealth"]["State"] if found else ""
        if found is None or state != "healthy":
            raise UserError(
                f"{target.name} is {state or 'not registered'}: choose among healthy targets"
            )
        pods = await _pods_at(_target(key)["Id"], world)
        named = [{"namespace": p["metadata"]["namespace"], "name": p["metadata"]["name"],
                  "uid": p["metadata"]["uid"]} for p in pods]  # fmt: skip
        pod = named[0] if len(named) == 1 else {}  # of several, as on the host's network, none
        zone = found["Target"].get("AvailabilityZone", "")
        return {"targetGroupArn": arn, "target": key, "zone": zone, "pod": pod}

    async def inject(self, spec: NlbTargetLossSpec, entry: Entry, world: World) -> Json:
        """Mark the group, then deregister the target unless it is on its way out."""
        arn, key = entry.captured["targetGroupArn"], entry.captured["target"]
        if _mark(entry) not in await _tags(arn, world):
            tag = {"Key": _mark(entry), "Value": world.cluster}  # its name has the run's uid
            await world.aws.call("elbv2", "add_tags", ResourceArns=[arn], Tags=[tag])
        if (await _health(arn, world)).get(key, "unused") not in GONE:
            await world.aws.call(
                "elbv2", "deregister_targets", TargetGroupArn=arn, Targets=[_captured(entry)]
            )
        return {"deregistered": key}

    def calls(self, spec: NlbTargetLossSpec, target: Target) -> Sequence[str]:
        """Name the change and its undo."""
        return (
            "elasticloadbalancing:AddTags to the target group",
            f"elasticloadbalancing:DeregisterTargets {target.name}",
            f"elasticloadbalancing:RegisterTargets {target.name}",
            "elasticloadbalancing:RemoveTags",
        )

    async def in_force(self, spec: NlbTargetLossSpec, entry: Entry, world: World) -> bool:
        """It takes no new connections."""
        health = await _health(entry.captured["targetGroupArn"], world)
        return health.get(entry.captured["target"], "unused") in GONE

    async def healthy(self, entry: Entry, world: World) -> bool:
        """It is in service again, or was not put back since its pod is gone.

        Away means nothing else: AWS may say so for a moment after the registration, and says so for
        ever of a target in a zone that the balancer does not serve.
        """
        try:
            health = await _health(entry.captured["targetGroupArn"], world)
        except NotFound:
            return True
        state = health.get(entry.captured["target"], "unused")
        return state == "healthy" or (state in GONE and await _pod_is_gone(entry, world))

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Register it again where it is missing, then take the mark away."""
        arn, key = entry.captured["targetGroupArn"], entry.captured["target"]
        try:
            marked = _mark(entry) in await _tags(arn, world)
            if not marked and not entry.injected:
                return Undone("Reverted")
            undone = Undone("Reverted")
            if (await _health(arn, world)).get(key, "unused") in GONE:
                undone = await _put_back(entry, world)
            if marked and not entry.settling:
                await world.aws.call(
                    "elbv2", "remove_tags", ResourceArns=[arn], TagKeys=[_mark(entry)]
                )
        except NotFound:
            return Undone("Reverted", "the target group is gone")
        return undone

    async def verify(self, entry: Entry, world: World) -> bool:
        """The group bears no mark for this target."""
        try:
            return _mark(entry) not in await _tags(entry.captured["targetGroupArn"], world)
        except NotFound:
            return True

    def by_hand(self, entry: Entry) -> str:
        """Register it."""
        where = entry.captured["targetGroupArn"]
        target = ",".join(f"{name}={value}" for name, value in _captured(entry).items())
        return (
            f"aws elbv2 register-targets --target-group-arn {where} --targets {target} ; "
            f"aws elbv2 remove-tags --resource-arns {where} --tag-keys {_mark(entry)}"
        )


def _parts(target: Target) -> tuple[str, str]:
    """Return the target group's ARN and the target as `address:port`."""
    arn, _, key = target.id.partition(AT)
    return arn, key


def _target(key: str) -> dict[str, Any]:
    """Return `address:port` as AWS wants it."""
    where, _, port = key.rpartition(":")
    return {"Id": where, "Port": int(port)}


def _captured(entry: Entry) -> dict[str, Any]:
    """Return the captured target; one outside of the VPC is registered with its zone, `all`."""
    zone = entry.captured.get("zone", "")
    return _target(entry.captured["target"]) | ({"AvailabilityZone": zone} if zone else {})


async def _pods_at(address: str, world: World) -> list[dict[str, Any]]:
    """Return the pods that run at an address: those that have ended still name theirs."""
    pods = await world.kubernetes.list(PODS, fields=f"status.podIP={address}")
    return [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]


def _mark(entry: Entry) -> str:
    """Return the tag that says that this target is away: targets themselves have no tags."""
    digest = hashlib.sha256(entry.target.id.encode()).hexdigest()[:12]
    return f"{RUN_TAG}-{entry.run_uid}-{digest}"


async def _tags(arn: str, world: World) -> dict[str, str]:
    return (await _tags_of_all([arn], world))[arn]


async def _tags_of_all(arns: Sequence[str], world: World) -> dict[str, dict[str, str]]:
    """Return the tags of target groups by ARN; DescribeTags takes twenty at once."""
    found: dict[str, dict[str, str]] = {}
    for first in range(0, len(arns), TAGGED_AT_ONCE):
        some = list(arns[first : first + TAGGED_AT_ONCE])
        answer = await world.aws.call("elbv2", "describe_tags", ResourceArns=some)
        for one in answer["TagDescriptions"]:
            found[one["ResourceArn"]] = tags_of(one.get("Tags") or ())
    return found


async def _described(arn: str, world: World) -> dict[str, Json]:
    """Return each target by `address:port`; one that is gone for good is missing."""
    answer = await world.aws.call("elbv2", "describe_target_health", TargetGroupArn=arn)
    return {
        f"{one['Target']['Id']}:{one['Target']['Port']}": one
        for one in answer["TargetHealthDescriptions"]
    }


async def _health(arn: str, world: World) -> dict[str, str]:
    """Return the state of each target by `address:port`."""
    found = await _described(arn, world)
    return {key: one["TargetHealth"]["State"] for key, one in found.items()}


async def _put_back(entry: Entry, world: World) -> Undone:
    """Register the target, unless the pod behind it is gone: its address may be another's soon."""
    if await _pod_is_gone(entry, world):
        name = entry.captured["pod"]["name"]
        return Undone("Reverted", f"pod {name} is gone, and its address with it")
    arn, target = entry.captured["targetGroupArn"], _captured(entry)
    await world.aws.call("elbv2", "register_targets", TargetGroupArn=arn, Targets=[target])
    return Undone("Reverted")


async def _pod_is_gone(entry: Entry, world: World) -> bool:
    """Whether the target was a pod that does not exist any more."""
    pod = entry.captured["pod"]
    if not pod:
        return False
    now = await world.kubernetes.get(Ref(PODS, pod["name"], pod["namespace"]))
    return now is None or now["metadata"]["uid"] != pod["uid"]
