"""An ECS service of four tasks; a stopped one is replaced after a moment."""

from __future__ import annotations

from typing import Any

from cloudcafe_operator.errors import UserError

TAGS = [{"Key": "cloudcafe.dev/chaos", "Value": "allowed"}]
CLUSTER, SERVICE = "cloudcafe", "analytics-worker"
PLACE = "arn:aws:ecs:eu-west-1:000000000000"
ARN = f"{PLACE}:service/{CLUSTER}/{SERVICE}"
FAULTS = {"ecsTaskKill": {"selector": {"names": [SERVICE]}}}
SECONDS = 2.0
TASKS = 4


class Service:
    """Its tasks by ARN, with when each was stopped."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.arns = {ARN: TAGS}
        self.tasks: dict[str, float | None] = {}
        self.stopped = 0
        self.desired, self.status = TASKS, "ACTIVE"
        self.starting: set[str] = set()
        for _ in range(TASKS):
            self._start()

    def tagged(self) -> dict[str, Any]:
        """What GetResources shows of it."""
        return dict(self.arns)

    def list(self, cluster: str, serviceName: str) -> dict[str, Any]:
        """ListTasks."""
        return {"taskArns": self.running()}

    def describe(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        """DescribeTasks."""
        self._replace()
        found = [
            {
                "taskArn": arn,
                "lastStatus": self._status(arn),
                "desiredStatus": "RUNNING" if self.tasks[arn] is None else "STOPPED",
            }
            for arn in tasks
            if arn in self.tasks
        ]
        return {"tasks": found, "failures": []}

    def services(self, cluster: str, services: list[str]) -> dict[str, Any]:
        """DescribeServices."""
        counts = {"desiredCount": self.desired, "runningCount": len(self.running())}
        return {"services": [{"serviceName": SERVICE, "status": self.status, **counts}]}

    def stop(self, cluster: str, task: str, reason: str) -> dict[str, Any]:
        """StopTask."""
        if task not in self.tasks:
            raise UserError("InvalidParameterException: The referenced task was not found.")
        if self.tasks[task] is None:
            self.stopped += 1
            self.tasks[task] = self._clock.monotonic()
        return {"task": {}}

    def running(self) -> list[str]:
        """The ARNs of the tasks that run."""
        self._replace()
        return [arn for arn, stopped in self.tasks.items() if stopped is None]

    def state(self) -> dict[str, Any]:
        """What must be as before: how many ECS wants; a stopped one is there until replaced."""
        self._replace()
        return {"tasks": len(self.tasks)}

    def injections(self) -> dict[str, int]:
        """How many tasks were stopped."""
        return {"ecsTaskKill": self.stopped}

    def _status(self, arn: str) -> str:
        if self.tasks[arn] is not None:
            return "DEACTIVATING"
        return "PENDING" if arn in self.starting else "RUNNING"

    def _start(self) -> None:
        number = len(self.tasks) + self.stopped
        self.tasks[f"{PLACE}:task/{CLUSTER}/{number:032x}"] = None

    def _replace(self) -> None:
        now = self._clock.monotonic()
        for arn, stopped in list(self.tasks.items()):
            if stopped is not None and now >= stopped + SECONDS:
                self._start()
                del self.tasks[arn]


def build(world: Any) -> Service:
    """Answer the calls of a world."""
    service = Service(world.clock)
    world.aws.on("ecs", "list_tasks", service.list)
    world.aws.on("ecs", "describe_tasks", service.describe)
    world.aws.on("ecs", "describe_services", service.services)
    world.aws.on("ecs", "stop_task", service.stop)
    return service
