"""A target's way into service and out of it, which moto does not know: `initial` and `draining`.

`moto_additions` hooks the three functions into moto's load balancing, `moto_network` asks who is on
its way. A target that was deregistered gets no new connections and keeps those it has until the
group's deregistration delay is over; one that is registered is first looked at.

Source: "Target health status" in the user guide of Network Load Balancers.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from localaws.clock import monotonic

INITIAL_SECONDS = 1.0
"""On AWS healthy_threshold times the interval of checks, ten seconds at least."""
DELAY = "deregistration_delay.timeout_seconds"
DEFAULT_DELAY = "300"

Since = dict[str, tuple[dict[str, Any], float]]  # target by its id, and the moment
_arriving: WeakKeyDictionary[Any, Since] = WeakKeyDictionary()
_leaving: WeakKeyDictionary[Any, Since] = WeakKeyDictionary()


def arriving(group: Any) -> dict[str, Any]:
    """Return the targets of a group that were registered a moment ago, by id."""
    return _recent(_arriving.get(group, {}), INITIAL_SECONDS)


def leaving(group: Any) -> dict[str, Any]:
    """Return the targets of a group that drain, by id."""
    return _recent(_leaving.get(group, {}), float(group.attributes.get(DELAY, DEFAULT_DELAY)))


def settle(group: Any) -> None:
    """Let all targets of a group be in service, as if they had been there for long."""
    _arriving.pop(group, None)


def registered(original: Any) -> Any:
    """RegisterTargets, also of a target that drains."""

    def register_targets(self: Any, target_group_arn: str, instances: list[Any]) -> None:
        group = self.target_groups.get(target_group_arn)
        known = dict(group.targets) if group else {}
        original(self, target_group_arn, instances)
        for one in instances:
            _leaving.get(group, {}).pop(one["Id"], None)
            if one["Id"] not in known:
                _note(_arriving, group, group.targets[one["Id"]])

    return register_targets


def deregistered(original: Any) -> Any:
    """DeregisterTargets; one that is not registered is no error on AWS, but one in moto."""

    def deregister_targets(self: Any, target_group_arn: str, instances: list[Any]) -> None:
        group = self.target_groups.get(target_group_arn)
        there = dict(group.targets) if group else {}
        gone = [there[one["Id"]] for one in instances if one["Id"] in there]
        original(self, target_group_arn, gone)
        for one in gone:
            _arriving.get(group, {}).pop(one["Id"], None)
            _note(_leaving, group, one)

    return deregister_targets


def described(original: Any) -> Any:
    """DescribeTargetHealth; without `Targets` those that drain are shown as well."""

    def describe_target_health(self: Any, target_group_arn: str, targets: list[Any]) -> list[Any]:
        group = self.target_groups.get(target_group_arn)
        found: list[Any] = original(self, target_group_arn, targets)
        new, old = arriving(group), leaving(group)
        if not targets and old:
            found += original(self, target_group_arn, list(old.values()))
        for one in found:
            if one.instance_id in new:
                _tell(one, "initial", "Elb.RegistrationInProgress", "Target registration")
            elif one.instance_id in old:
                _tell(one, "draining", "Target.DeregistrationInProgress", "Target deregistration")
        return found

    return describe_target_health


def _note(where: WeakKeyDictionary[Any, Since], group: Any, target: dict[str, Any]) -> None:
    where.setdefault(group, {})[target["Id"]] = (target, monotonic())


def _recent(since: Since, seconds: float) -> dict[str, Any]:
    now = monotonic()
    return {key: target for key, (target, began) in since.items() if now < began + seconds}


def _tell(health: Any, state: str, reason: str, what: str) -> None:
    health.status, health.reason, health.description = state, reason, f"{what} is in progress"
