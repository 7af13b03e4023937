"""The tasks of the ECS service `analytics-worker` are the pods of that name; stopping one is real.

ECS requests pass through it. ListTasks, DescribeTasks and StopTask of the service's tasks are
answered from the namespace's pods, DescribeServices counts them; its Deployment replaces a pod as
ECS replaces a task. Everything else, and all of it without Kubernetes, is the emulator's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter

from localaws.messages import Reply, error_reply, json_object, json_reply, protocol_of
from localaws.pods import Pod, Pods, PodsUnreachableError

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Request
    from localaws.world import World

log = structlog.get_logger(__name__)

OK = 200
IDLE_SECONDS = 1.0
CLUSTER, SERVICE = "cloudcafe", "analytics-worker"
TASKS = frozenset({"ListTasks", "DescribeTasks", "StopTask"})


class EcsTasks:
    """Shows the pods as tasks."""

    services = frozenset({"ecs"})

    def __init__(self, world: World, pods: Pods | None) -> None:
        self._pods = pods
        self._trouble = ""
        self._stopped = Counter(
            "localaws_ecs_tasks_stopped", "Tasks stopped, thus pods", registry=world.registry
        )

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Answer from the pods what concerns our service's tasks."""
        data = json_object(request.body) or {}
        ours = _name(data.get("cluster")) == CLUSTER
        counted = request.action == "DescribeServices"
        if self._pods is None or not ours or not (counted or request.action in TASKS):
            return await forward(request)
        try:
            pods = await self._pods.of_service(SERVICE)
            self._trouble = ""
            if counted:
                return _counted(await forward(request), pods, await self._pods.wanted(SERVICE))
            if request.action == "ListTasks":
                return _listed(request, data, pods) or await forward(request)
            if request.action == "DescribeTasks":
                return _described(request, data, pods)
            return await self._stop(request, data, pods)
        except PodsUnreachableError as error:
            self._trouble = str(error)
            log.warning("pods out of reach", error=str(error))
            protocol = protocol_of(request.service, request.headers)
            return error_reply(protocol, "ServerException", str(error), status=500)

    async def tick(self) -> float:
        """Nothing is due: the pods are Kubernetes'."""
        return IDLE_SECONDS

    def state(self) -> object:
        """Where the tasks come from, and what keeps them from us."""
        return {"tasks": "pods" if self._pods else "the emulator's own", "trouble": self._trouble}

    def memory(self) -> object:
        """Nothing."""
        return None

    def remember(self, memory: Any) -> None:
        """Nothing."""

    async def reset(self) -> None:
        """Nothing is held."""

    async def _stop(self, request: Request, data: dict[str, Any], pods: list[Pod]) -> Reply:
        wanted = _name(data.get("task"))
        found = next((pod for pod in pods if pod.hexadecimal == wanted), None)
        if found is None or self._pods is None:
            protocol = protocol_of(request.service, request.headers)
            message = "The referenced task was not found."
            return error_reply(protocol, "InvalidParameterException", message)
        if not found.stopping:
            await self._pods.stop(found)
            self._stopped.inc()
            log.info("task stopped", pod=found.name, reason=data.get("reason", ""))
        task = {**_task(request, found), "desiredStatus": "STOPPED"}
        return json_reply({"task": task}, version="1.1")


def build(world: World) -> EcsTasks:
    """The consequence with its real surroundings."""
    return EcsTasks(world, Pods.of(world.settings))


def _listed(request: Request, data: dict[str, Any], pods: list[Pod]) -> Reply | None:
    """The ARNs of the service's tasks; None where another service's are asked for."""
    if _name(data.get("serviceName")) not in ("", SERVICE):
        return None
    stopped = data.get("desiredStatus", "RUNNING") == "STOPPED"
    arns = [_arn(request, pod) for pod in pods if pod.stopping == stopped]
    return json_reply({"taskArns": arns}, version="1.1")


def _described(request: Request, data: dict[str, Any], pods: list[Pod]) -> Reply:
    by_id = {pod.hexadecimal: pod for pod in pods}
    tasks, failures = [], []
    for one in data.get("tasks", ()):
        found = by_id.get(_name(one))
        if found:
            tasks.append(_task(request, found))
        else:
            failures.append({"arn": one, "reason": "MISSING"})
    return json_reply({"tasks": tasks, "failures": failures}, version="1.1")


def _counted(reply: Reply, pods: list[Pod], wanted: int) -> Reply:
    """The emulator's answer with the numbers of pods: a lost one is wanted all the same."""
    if reply.status != OK:
        return reply
    document = json.loads(reply.body)
    running = sum(pod.running for pod in pods)
    pending = sum(not pod.running and not pod.stopping for pod in pods)
    for service in document.get("services", ()):
        if service["serviceName"] == SERVICE:
            counts = {"runningCount": running, "pendingCount": pending}
            service.update(counts, desiredCount=wanted)
    return reply.with_body(json.dumps(document).encode())


def _task(request: Request, pod: Pod) -> dict[str, Any]:
    place = f"arn:aws:ecs:{request.region}:{request.account}"
    last = "DEACTIVATING" if pod.stopping else "RUNNING" if pod.running else "PENDING"
    return {
        "taskArn": _arn(request, pod),
        "clusterArn": f"{place}:cluster/{CLUSTER}",
        "group": f"service:{SERVICE}",
        "launchType": "FARGATE",
        "lastStatus": last,
        "desiredStatus": "STOPPED" if pod.stopping else "RUNNING",
        "containers": [{"name": SERVICE, "lastStatus": last, "runtimeId": pod.name}],
    }


def _arn(request: Request, pod: Pod) -> str:
    return f"arn:aws:ecs:{request.region}:{request.account}:task/{CLUSTER}/{pod.hexadecimal}"


def _name(reference: object) -> str:
    """The last part of an ARN, or the name itself."""
    return str(reference or "").rpartition("/")[2]
