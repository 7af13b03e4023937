"""An Auto Scaling group of four instances; a terminated one is replaced after a moment."""

from __future__ import annotations

from typing import Any

TAGS = [{"Key": "cloudcafe.dev/chaos", "Value": "allowed"}]
NAME = "cloudcafe-loyalty-spare"
PLACE = "arn:aws:autoscaling:eu-west-1:000000000000:autoScalingGroup:u:autoScalingGroupName"
FAULTS = {"asgInstanceTerminate": {"selector": {"names": [NAME]}}}
SECONDS = 2.0
INSTANCES = 4


class Group:
    """Its instances, with when each was told to go."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.instances: dict[str, float | None] = {}
        self.suspended: list[str] = []
        self.terminated = 0
        self.desired = INSTANCES
        self.gone = False
        for _ in range(INSTANCES):
            self._launch()

    def describe(self, AutoScalingGroupNames: tuple[str, ...] = (NAME,)) -> dict[str, Any]:
        """DescribeAutoScalingGroups."""
        self._replace()
        instances = [
            {"InstanceId": name, "LifecycleState": "InService" if left is None else "Terminating"}
            for name, left in self.instances.items()
        ]
        group = {
            "AutoScalingGroupName": NAME,
            "AutoScalingGroupARN": f"{PLACE}/{NAME}",
            "Tags": TAGS,
            "DesiredCapacity": self.desired,
            "Instances": instances,
            "SuspendedProcesses": [{"ProcessName": name} for name in self.suspended],
        }
        there = NAME in AutoScalingGroupNames and not self.gone
        return {"AutoScalingGroups": [group] if there else []}

    def terminate(self, InstanceId: str, ShouldDecrementDesiredCapacity: bool) -> dict[str, Any]:
        """TerminateInstanceInAutoScalingGroup."""
        assert not ShouldDecrementDesiredCapacity
        self.terminated += 1
        self.instances[InstanceId] = self._clock.monotonic()
        return {"Activity": {}}

    def state(self) -> dict[str, Any]:
        """What must be as before: how many it wants; one that goes is there until replaced."""
        self._replace()
        return {"instances": len(self.instances)}

    def injections(self) -> dict[str, int]:
        """How many instances were terminated."""
        return {"asgInstanceTerminate": self.terminated}

    def _launch(self) -> None:
        number = len(self.instances) + self.terminated
        self.instances[f"i-{number:017x}"] = None

    def _replace(self) -> None:
        now = self._clock.monotonic()
        for name, left in list(self.instances.items()):
            if left is not None and now >= left + SECONDS:
                self._launch()
                del self.instances[name]


def build(world: Any) -> Group:
    """Answer the calls of a world."""
    group = Group(world.clock)
    world.aws.on("autoscaling", "describe_auto_scaling_groups", group.describe)
    world.aws.on("autoscaling", "terminate_instance_in_auto_scaling_group", group.terminate)
    return group
