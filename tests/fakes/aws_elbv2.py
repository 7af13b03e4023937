"""Load balancers in memory: a rule that forwards, and a network load balancer's two targets."""

from __future__ import annotations

from typing import Any

from cloudcafe_operator.errors import NotFound, UserError

ARN = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:"
RULE = f"{ARN}listener-rule/app/cloudcafe-alb/1/2/3"
LISTENER = f"{ARN}listener/app/cloudcafe-alb/1/2"
ORDERS = f"{ARN}targetgroup/cloudcafe-order/4"
TILLS = f"{ARN}targetgroup/cloudcafe-order-tills/5"
CONSENT = {"cloudcafe.dev/chaos": "allowed"}
FAULTS = {
    "albRoutingFailure": {"selector": {"names": ["cloudcafe-order"]}},
    "nlbTargetLoss": {"selector": {"names": ["cloudcafe-order-tills"]}},
}
RARE_ACTIONS = {  # only where a listener was selected
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:ModifyListener",
    "get pods",  # only where a target was a pod
}
MOST_TAGGED = 20
REFUSAL = {"StatusCode": "404", "ContentType": "application/json", "MessageBody": "{}"}


def forward(arn: str = ORDERS) -> dict[str, Any]:
    """Return the action as AWS tells it: in both ways at once."""
    config = {
        "TargetGroups": [{"TargetGroupArn": arn, "Weight": 1}],
        "TargetGroupStickinessConfig": {"Enabled": False},
    }
    return {"Type": "forward", "Order": 1, "TargetGroupArn": arn, "ForwardConfig": config}


class Balancers:
    """Actions by ARN, targets by `address:port` with their states."""

    def __init__(self) -> None:
        self.actions = {
            RULE: [forward()],
            LISTENER: [{"Type": "fixed-response", "FixedResponseConfig": REFUSAL}],
        }
        self.targets = {"10.20.64.10:8080": "healthy", "10.20.80.10:8080": "healthy"}
        self.tags: dict[str, dict[str, str]] = {TILLS: dict(CONSENT), ORDERS: dict(CONSENT)}
        self.groups = {ORDERS: "HTTP", TILLS: "TCP"}
        self.zones: dict[str, str] = {}  # of the targets that were registered with one
        self.rerouted = 0
        self.lost = 0

    def tagged(self) -> dict[str, Any]:
        """What GetResources shows of rules and listeners."""
        tags = [{"Key": key, "Value": value} for key, value in CONSENT.items()]
        named = [*tags, {"Key": "Name", "Value": "cloudcafe-order"}]
        return {arn: named if arn == RULE else tags for arn in self.actions}

    def describe_rules(self, RuleArns: Any) -> dict[str, Any]:
        """DescribeRules by ARN."""
        self._known(RuleArns[0])
        return {"Rules": [{"RuleArn": RULE, "IsDefault": False, "Actions": self.actions[RULE]}]}

    def describe_listeners(self, ListenerArns: Any) -> dict[str, Any]:
        """DescribeListeners by ARN."""
        self._known(ListenerArns[0])
        return {"Listeners": [{"DefaultActions": self.actions[LISTENER]}]}

    def modify_rule(self, RuleArn: str, Actions: Any) -> dict[str, Any]:
        """ModifyRule; AWS fills in what a request left out."""
        self._known(RuleArn)
        for action in Actions:
            if action["Type"] == "forward" and action["TargetGroupArn"] not in self.groups:
                raise NotFound("TargetGroupNotFound")
        self.rerouted += Actions[-1]["Type"] == "fixed-response"
        self.actions[RuleArn] = Actions
        return {}

    def modify_listener(self, ListenerArn: str, DefaultActions: Any) -> dict[str, Any]:
        """ModifyListener, its default actions."""
        return self.modify_rule(ListenerArn, DefaultActions)

    def describe_groups(self) -> dict[str, Any]:
        """DescribeTargetGroups."""
        return {
            "TargetGroups": [
                {"TargetGroupArn": arn, "TargetGroupName": arn.split("/")[1], "Protocol": protocol}
                for arn, protocol in self.groups.items()
            ]
        }

    def describe_tags(self, ResourceArns: Any) -> dict[str, Any]:
        """DescribeTags; AWS takes twenty at once."""
        if len(ResourceArns) > MOST_TAGGED:
            raise UserError("ValidationError: at most 20 resources")
        if not all(arn in self.groups for arn in ResourceArns):
            raise NotFound("TargetGroupNotFound")
        return {
            "TagDescriptions": [
                {
                    "ResourceArn": arn,
                    "Tags": [{"Key": key, "Value": value} for key, value in self.tags[arn].items()],
                }
                for arn in ResourceArns
            ]
        }

    def add_tags(self, ResourceArns: Any, Tags: Any) -> dict[str, Any]:
        """AddTags."""
        self.tags[ResourceArns[0]] |= {tag["Key"]: tag["Value"] for tag in Tags}
        return {}

    def remove_tags(self, ResourceArns: Any, TagKeys: Any) -> dict[str, Any]:
        """RemoveTags."""
        for key in TagKeys:
            self.tags[ResourceArns[0]].pop(key, None)
        return {}

    def health(self, TargetGroupArn: str) -> dict[str, Any]:
        """DescribeTargetHealth of all that are registered."""
        if TargetGroupArn not in self.groups:
            raise NotFound("TargetGroupNotFound")
        split = [(key.rpartition(":"), state) for key, state in self.targets.items()]
        return {
            "TargetHealthDescriptions": [
                {
                    "Target": {"Id": at[0], "Port": int(at[2]), **self._zone("".join(at))},
                    "TargetHealth": {"State": state},
                }
                for at, state in split
            ]
        }

    def deregister(self, TargetGroupArn: str, Targets: Any) -> dict[str, Any]:
        """DeregisterTargets: they are drained at once here."""
        for target in Targets:
            self.lost += self.targets.pop(self._key(target), "") != ""
        return {}

    def register(self, TargetGroupArn: str, Targets: Any) -> dict[str, Any]:
        """RegisterTargets: they are healthy at once here."""
        for target in Targets:
            self.targets[self._key(target)] = "healthy"
        return {}

    def _key(self, target: Any) -> str:
        key = f"{target['Id']}:{target['Port']}"
        if self.zones.get(key, "") != target.get("AvailabilityZone", ""):
            raise UserError("ValidationError: an address outside of the VPC needs zone all")
        return key

    def _zone(self, key: str) -> dict[str, str]:
        return {"AvailabilityZone": self.zones[key]} if key in self.zones else {}

    def state(self) -> dict[str, Any]:
        """What must be as before."""
        tags = {arn: dict(tags) for arn, tags in self.tags.items()}
        return {"actions": dict(self.actions), "targets": dict(self.targets), "tags": tags}

    def injections(self) -> dict[str, int]:
        """How often each was broken."""
        return {"albRoutingFailure": self.rerouted, "nlbTargetLoss": self.lost}

    def _known(self, arn: str) -> None:
        if arn not in self.actions:
            raise NotFound("RuleNotFound")


def build(world: Any) -> Balancers:
    """Answer the calls of a world."""
    balancers = Balancers()
    for operation, answer in {
        "describe_rules": balancers.describe_rules,
        "describe_listeners": balancers.describe_listeners,
        "modify_rule": balancers.modify_rule,
        "modify_listener": balancers.modify_listener,
        "describe_target_groups": balancers.describe_groups,
        "describe_tags": balancers.describe_tags,
        "add_tags": balancers.add_tags,
        "remove_tags": balancers.remove_tags,
        "describe_target_health": balancers.health,
        "deregister_targets": balancers.deregister,
        "register_targets": balancers.register,
    }.items():
        world.aws.on("elbv2", operation, answer)
    return balancers
