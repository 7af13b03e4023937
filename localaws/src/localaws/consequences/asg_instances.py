"""The members of the Auto Scaling group `cloudcafe-loyalty-spare` are loyalty's pods.

Auto Scaling requests pass through it. DescribeAutoScalingGroups shows the pods as the group's
instances, TerminateInstanceInAutoScalingGroup deletes the pod, and its Deployment replaces it as
the group would. Everything else, and all of it without Kubernetes, is the emulator's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import structlog
from prometheus_client import Counter

from localaws.messages import Reply, error_reply, protocol_of
from localaws.pods import Pod, Pods, PodsUnreachableError

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Request
    from localaws.world import World

log = structlog.get_logger(__name__)

OK = 200
IDLE_SECONDS = 1.0
GROUP, SERVICE = "cloudcafe-loyalty-spare", "loyalty"
ID_DIGITS = 17
ACTIONS = frozenset({"DescribeAutoScalingGroups", "TerminateInstanceInAutoScalingGroup"})
XML = ((b"content-type", b"text/xml"),)
NAMESPACE = "http://autoscaling.amazonaws.com/doc/2011-01-01/"
# from the group's name on, up to its own list of instances, which is the first after it
INSTANCES = re.compile(
    rb"(<AutoScalingGroupName>" + GROUP.encode() + rb"</AutoScalingGroupName>.*?)"
    rb"(?:<Instances\s*/>|<Instances>.*?</Instances>)",
    re.DOTALL,
)
CAPACITY = re.compile(
    rb"(<AutoScalingGroupName>" + GROUP.encode() + rb"</AutoScalingGroupName>.*?"
    rb"<DesiredCapacity>)\d+(</DesiredCapacity>)",
    re.DOTALL,
)


class AsgInstances:
    """Shows the pods as members of the group."""

    services = frozenset({"autoscaling"})

    def __init__(self, world: World, pods: Pods | None) -> None:
        self._pods = pods
        self._trouble = ""
        self._terminated = Counter(
            "localaws_asg_instances_terminated", "Members, thus pods", registry=world.registry
        )

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Answer from the pods what concerns our group's members."""
        if self._pods is None or request.action not in ACTIONS:
            return await forward(request)
        try:
            pods = await self._pods.of_service(SERVICE)
            self._trouble = ""
            if request.action == "DescribeAutoScalingGroups":
                wanted = await self._pods.wanted(SERVICE)
                return _with_members(await forward(request), pods, wanted, request.region)
            return await self._terminate(request, pods, forward)
        except PodsUnreachableError as error:
            self._trouble = str(error)
            log.warning("pods out of reach", error=str(error))
            protocol = protocol_of(request.service, request.headers)
            return error_reply(protocol, "InternalFailure", str(error), status=500)

    async def tick(self) -> float:
        """Nothing is due: the pods are Kubernetes'."""
        return IDLE_SECONDS

    def state(self) -> object:
        """Where the members come from, and what keeps them from us."""
        members = "pods" if self._pods else "the emulator's own"
        return {"members": members, "trouble": self._trouble}

    def memory(self) -> object:
        """Nothing."""
        return None

    def remember(self, memory: Any) -> None:
        """Nothing."""

    async def reset(self) -> None:
        """Nothing is held."""

    async def _terminate(self, request: Request, pods: list[Pod], forward: Forward) -> Reply:
        wanted = parse_qs(request.body.decode("latin-1")).get("InstanceId", [""])[0]
        found = next((pod for pod in pods if _id(pod) == wanted), None)
        if found is None or self._pods is None:
            return await forward(request)
        if not found.stopping:
            await self._pods.stop(found)
            self._terminated.inc()
            log.info("instance terminated", pod=found.name)
        return _activity(wanted)


def build(world: World) -> AsgInstances:
    """The consequence with its real surroundings."""
    return AsgInstances(world, Pods.of(world.settings))


def _with_members(reply: Reply, pods: list[Pod], wanted: int, region: str) -> Reply:
    """The emulator's answer, in which the group has our members and wants what they should be."""
    if reply.status != OK:
        return reply
    members = "".join(_member(pod, region) for pod in pods).encode()
    desired = str(wanted).encode()
    body = INSTANCES.sub(
        lambda hit: hit[1] + b"<Instances>" + members + b"</Instances>", reply.body
    )
    return reply.with_body(CAPACITY.sub(lambda hit: hit[1] + desired + hit[2], body))


def _member(pod: Pod, region: str) -> str:
    state = "Terminating" if pod.stopping else "InService" if pod.running else "Pending"
    return (
        f"<member><InstanceId>{_id(pod)}</InstanceId><InstanceType>t3.small</InstanceType>"
        f"<AvailabilityZone>{escape(region)}a</AvailabilityZone>"
        f"<LifecycleState>{state}</LifecycleState><HealthStatus>Healthy</HealthStatus>"
        "<ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>"
    )


def _id(pod: Pod) -> str:
    return f"i-{pod.hexadecimal[:ID_DIGITS]}"


def _activity(instance: str) -> Reply:
    text = (
        f'<TerminateInstanceInAutoScalingGroupResponse xmlns="{NAMESPACE}">'
        "<TerminateInstanceInAutoScalingGroupResult><Activity>"
        f"<ActivityId>{instance}</ActivityId><AutoScalingGroupName>{GROUP}</AutoScalingGroupName>"
        f"<Description>Terminating EC2 instance: {instance}</Description>"
        "<Cause>a user asked for it</Cause><StartTime>2026-01-01T00:00:00Z</StartTime>"
        "<StatusCode>InProgress</StatusCode><Progress>0</Progress>"
        "</Activity></TerminateInstanceInAutoScalingGroupResult>"
        "<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>"
        "</TerminateInstanceInAutoScalingGroupResponse>"
    )
    return Reply(OK, text.encode(), XML)
