"""ecsTaskKill: stop tasks of ECS services, and see whether ECS replaces them.

A stopped task does not come back: its service starts another one. So there is nothing to restore,
and a task that belongs to no service is never chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.aws_tags import AwsSelector, service_of, tagged, tags_of_all
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.planning.shares import Capacity, Member
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

DESCRIBED_AT_ONCE = 100
PARTS_OF_A_SERVICE = 3  # service/<cluster>/<name>: ARNs without the cluster are from before 2018


class EcsTaskKillSpec(FaultSpec):
    """Stops tasks of ECS services; the services have to replace them."""

    selector: AwsSelector = Field(description="Which services; the run's mode says how many tasks.")


class EcsTaskKill(Fault[EcsTaskKillSpec]):
    """See the module's docstring."""

    name = "ecsTaskKill"
    summary = "Stops tasks of ECS services, as lost capacity would; the services replace them."
    spec_type = EcsTaskKillSpec
    momentary = True
    iam_actions = (
        "tag:GetResources",
        "ecs:ListTasks",
        "ecs:DescribeTasks",
        "ecs:DescribeServices",
        "ecs:StopTask",
    )

    async def select(self, spec: EcsTaskKillSpec, world: World) -> Sequence[Target]:
        """Return the running tasks of the services that match; a service is a group."""
        targets = []
        for service in await tagged(spec.selector, "ecs:service", world):
            parts = service.id.split(":", 5)[5].split("/")
            if len(parts) != PARTS_OF_A_SERVICE:
                raise UserError(
                    f"{service.id} does not name its cluster: migrate the service to the long ARN"
                )
            tasks = await _running_tasks(parts[1], parts[2], world)
            targets += [
                Target(
                    id=task["taskArn"],
                    name=task["taskArn"].rpartition("/")[2],
                    opted_in=service.opted_in,
                    group=f"ECS service {parts[1]}/{parts[2]}",
                    group_size=len(tasks),
                )
                for task in tasks
            ]
        return targets

    async def capacity(
        self, spec: EcsTaskKillSpec, targets: Sequence[Target], world: World
    ) -> Capacity:
        """Return the running tasks of the targets' services."""
        hit = {target.group for target in targets}
        members: list[Member] = []
        for arn, tags in (await tags_of_all(spec.selector, "ecs:service", world)).items():
            cluster, name = arn.split(":", 5)[5].split("/")[1:]
            if (group := f"ECS service {cluster}/{name}") in hit:
                service = service_of(tags, group)
                members += [
                    Member(task["taskArn"], service, task.get("availabilityZone", ""))
                    for task in await _running_tasks(cluster, name, world)
                ]
        return Capacity(frozenset(members), frozenset(target.id for target in targets))

    async def capture(self, spec: EcsTaskKillSpec, target: Target, world: World) -> Json:
        """Note how many tasks of its service run."""
        task = await _task(target, world)
        if not _runs(task):
            raise UserError(f"task {target.name} does not run (any more): apply it again")
        service = await _service(target, world)
        return {"running": service["runningCount"] if service else 0}

    async def inject(self, spec: EcsTaskKillSpec, entry: Entry, world: World) -> Json:
        """Stop the captured task; ECS never uses its id for another one."""
        if _is_over(await _task(entry.target, world)):
            return {"already": True}
        try:
            await world.aws.call(
                "ecs",
                "stop_task",
                cluster=_cluster(entry.target),
                task=entry.target.id,
                reason=f"chaos run {entry.run_namespace}/{entry.run_name}",
            )
        except UserError:  # AWS has no "not found" for tasks: it may have ended meanwhile
            if not _is_over(await _task(entry.target, world)):
                raise
            return {"already": True}
        return {}

    def calls(self, spec: EcsTaskKillSpec, target: Target) -> Sequence[str]:
        """Name the one call."""
        return (f"ecs:StopTask {target.name} of {target.group}",)

    async def in_force(self, spec: EcsTaskKillSpec, entry: Entry, world: World) -> bool:
        """The task is gone, or told to stop."""
        return _is_over(await _task(entry.target, world))

    async def healthy(self, entry: Entry, world: World) -> bool:
        """As many others run as before, or as the service wants meanwhile."""
        task = await _task(entry.target, world)
        if task is not None and task["lastStatus"] == "RUNNING":
            return not _is_over(task)
        service = await _service(entry.target, world)
        if service is None:
            return False
        wanted = min(entry.captured["running"], service["desiredCount"])
        return bool(service["runningCount"] >= wanted)

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Do nothing: the service replaces what was stopped."""
        return Undone("Reverted", f"{entry.target.group} replaces it")

    async def verify(self, entry: Entry, world: World) -> bool:
        """A stop leaves nothing of ours behind; recovery is what `healthy` and the probes see."""
        return True

    def by_hand(self, entry: Entry) -> str:
        """Show the service."""
        service = entry.target.group.rpartition("/")[2]
        return (
            f"aws ecs describe-services --cluster {_cluster(entry.target)} --services {service} "
            "--query 'services[].[desiredCount,runningCount]'"
        )


def _cluster(target: Target) -> str:
    return target.id.split("/")[1]


def _is_over(task: Json | None) -> bool:
    """Whether it is gone (ECS forgets a stopped task within an hour) or is to stop."""
    return task is None or task["desiredStatus"] == "STOPPED"


def _runs(task: Json | None) -> bool:
    """Whether it serves, and is meant to: ListTasks shows those that are only starting, too."""
    return task is not None and task["lastStatus"] == "RUNNING" and not _is_over(task)


async def _running_tasks(cluster: str, service: str, world: World) -> list[Json]:
    """Return the tasks of an ECS service that run; ECS describes a hundred at once."""
    arns = await world.aws.pages(
        "ecs", "list_tasks", "taskArns", cluster=cluster, serviceName=service
    )
    tasks: list[Json] = []
    for first in range(0, len(arns), DESCRIBED_AT_ONCE):
        some = arns[first : first + DESCRIBED_AT_ONCE]
        found = await world.aws.call("ecs", "describe_tasks", cluster=cluster, tasks=some)
        tasks += [one for one in found["tasks"] if _runs(one)]
    return tasks


async def _task(target: Target, world: World) -> dict[str, Any] | None:
    answer = await world.aws.call(
        "ecs", "describe_tasks", cluster=_cluster(target), tasks=[target.id]
    )
    found: list[dict[str, Any]] = answer["tasks"]
    return found[0] if found else None


async def _service(target: Target, world: World) -> dict[str, Any] | None:
    """Return the target's service; None where it is gone: ECS shows it for a while as INACTIVE."""
    service = target.group.rpartition("/")[2]
    answer = await world.aws.call(
        "ecs", "describe_services", cluster=_cluster(target), services=[service]
    )
    return next((one for one in answer["services"] if one["status"] == "ACTIVE"), None)
