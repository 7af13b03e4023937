"""albRoutingFailure: let a listener rule of an ALB answer 503 instead of forwarding.

The rule's last action is replaced by a fixed answer whose body names the run; actions before it
(authentication) stay. Undo puts the captured last action back where our answer still stands, and
leaves those before it as they are now: whoever changed them meanwhile meant it. A listener is a
target too: its default action is meant then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, UserError
from cloudcafe_operator.faults.aws_tags import AwsSelector, matches, opted_in, tags_of
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

RULE, LISTENER = ":listener-rule/app/", ":listener/app/"
SECRETIVE = "authenticate-oidc"
Actions = list[dict[str, Any]]


class AlbRoutingFailureSpec(FaultSpec):
    """Lets listener rules of an ALB answer with an error instead of forwarding."""

    selector: AwsSelector = Field(
        description="Which listener rules, or listeners by their ARN; names are tags called Name."
    )
    status: int = Field(default=503, ge=500, le=599, description="The status that is answered.")


class AlbRoutingFailure(Fault[AlbRoutingFailureSpec]):
    """See the module's docstring."""

    name = "albRoutingFailure"
    summary = "Lets a listener rule of an ALB answer 503 instead of forwarding to its targets."
    spec_type = AlbRoutingFailureSpec
    iam_actions = (
        "tag:GetResources",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:ModifyListener",
    )

    async def select(self, spec: AlbRoutingFailureSpec, world: World) -> Sequence[Target]:
        """Return the rules that match, and the listeners that are named; one listing."""
        asked: dict[str, Any] = {"ResourceARNList": list(spec.selector.arns)}
        if not spec.selector.arns:
            wanted = dict(spec.selector.tags)
            filters = [{"Key": key, "Values": [value]} for key, value in sorted(wanted.items())]
            kind = ["elasticloadbalancing:listener-rule"]
            asked = {"ResourceTypeFilters": kind, "TagFilters": filters}
        found = await world.aws.pages(
            "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", **asked
        )
        targets = []
        for item in found:
            arn, tags = item["ResourceARN"], tags_of(item.get("Tags") or ())
            name = tags.get("Name", "")
            ours = RULE in arn or (LISTENER in arn and arn in spec.selector.arns)
            if ours and matches(spec.selector, arn, tags, name):
                name = name or arn.rpartition("/")[2]
                targets.append(Target(id=arn, name=name, opted_in=opted_in(tags)))
        return targets

    async def capture(self, spec: AlbRoutingFailureSpec, target: Target, world: World) -> Json:
        """Note the actions; refuse what answers by itself already."""
        actions = await _actions(target, world)
        last = actions[-1]
        if last["Type"] == "fixed-response":
            status = last["FixedResponseConfig"]["StatusCode"]
            raise UserError(
                f"{target.name} answers {status} by itself and routes nothing: choose another rule"
            )
        return {"was": actions, "status": spec.status}

    async def inject(self, spec: AlbRoutingFailureSpec, entry: Entry, world: World) -> Json:
        """Replace the last action, unless that is done."""
        actions = await _actions(entry.target, world)
        if _same(actions, _wanted(entry)):
            return {"already": True}
        if not _same(actions, entry.captured["was"]):
            raise UserError(
                f"{entry.target.name} was changed since it was captured: apply it again"
            )
        await _modify(entry.target, _wanted(entry), world)
        return {}

    def calls(self, spec: AlbRoutingFailureSpec, target: Target) -> Sequence[str]:
        """Name the change and its undo."""
        call = "ModifyListener" if LISTENER in target.id else "ModifyRule"
        return (
            f"elasticloadbalancing:{call} {target.name} answers {spec.status}",
            f"elasticloadbalancing:{call} back to its actions",
        )

    async def in_force(self, spec: AlbRoutingFailureSpec, entry: Entry, world: World) -> bool:
        """Our answer is what the rule does."""
        return _same(await _actions(entry.target, world), _wanted(entry))

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Restore the last action, where our answer still stands."""
        was = entry.captured["was"]
        try:
            actions = await _actions(entry.target, world)
            ours = _answers(actions, entry)
            if ours:
                actions = _restored(actions, was)
                await _modify(entry.target, actions, world)
        except NotFound as gone:
            return await _without(entry, world, gone)
        if _same(actions, was):
            return Undone("Reverted")
        changed = "what comes before its last action was changed: " if ours else ""
        return Undone("Diverged", f"{changed}it does {_words(actions)} now, it did {_words(was)}")

    async def verify(self, entry: Entry, world: World) -> bool:
        """The rule does not give our answer."""
        try:
            return not _answers(await _actions(entry.target, world), entry)
        except NotFound:
            return True

    def by_hand(self, entry: Entry) -> str:
        """Set the captured actions."""
        actions = json.dumps(_askable(entry.captured["was"])).replace("'", "'\\''")
        if LISTENER in entry.target.id:
            where, what = f"modify-listener --listener-arn {entry.target.id}", "--default-actions"
        else:
            where, what = f"modify-rule --rule-arn {entry.target.id}", "--actions"
        return f"aws elbv2 {where} {what} '{actions}'"


async def _actions(target: Target, world: World) -> Actions:
    """Return what the rule does, in order."""
    if LISTENER in target.id:
        answer = await world.aws.call("elbv2", "describe_listeners", ListenerArns=[target.id])
        found, key = answer["Listeners"], "DefaultActions"
    else:
        answer = await world.aws.call("elbv2", "describe_rules", RuleArns=[target.id])
        found, key = answer["Rules"], "Actions"
    if not found:
        raise NotFound(f"{target.id} does not exist")
    if key == "Actions" and found[0].get("IsDefault"):
        raise UserError("AWS changes a default rule by its listener: select the listener's ARN")
    actions = [dict(action) for action in found[0][key]]
    return sorted(actions, key=lambda action: int(action.get("Order", 0)))


async def _modify(target: Target, actions: Actions, world: World) -> None:
    if LISTENER in target.id:
        await world.aws.call(
            "elbv2", "modify_listener", ListenerArn=target.id, DefaultActions=_askable(actions)
        )
        return
    await world.aws.call("elbv2", "modify_rule", RuleArn=target.id, Actions=_askable(actions))


async def _without(entry: Entry, world: World, gone: NotFound) -> Undone:
    """Tell apart what is gone: the rule, or a target group that it would forward to."""
    try:
        await _actions(entry.target, world)
    except NotFound:
        return Undone("Reverted", "the rule is gone")
    raise UserError(
        f"what {entry.target.name} forwarded to is gone ({gone}): give the rule another action"
    ) from gone


def _wanted(entry: Entry) -> Actions:
    """Return the actions while the fault is in force; the body is the run's mark."""
    was = entry.captured["was"]
    status = entry.captured["status"]
    body = {"status": status, "title": "Service Unavailable", "run": entry.run_uid}
    answer = {
        "Type": "fixed-response",
        "FixedResponseConfig": {
            "StatusCode": str(status),
            "ContentType": "application/json",
            "MessageBody": json.dumps(body),
        },
    }
    order = {"Order": was[-1]["Order"]} if "Order" in was[-1] else {}
    return [*was[:-1], {**answer, **order}]


def _answers(actions: Sequence[Json], entry: Entry) -> bool:
    """Whether the last action is our answer, whatever comes before it."""
    return _same(actions[-1:], _wanted(entry)[-1:])


def _restored(actions: Sequence[Json], was: Sequence[Json]) -> Actions:
    """Return the captured last action after what comes before it now, at the place of ours."""
    order = {"Order": actions[-1]["Order"]} if "Order" in actions[-1] else {}
    return [*map(dict, actions[:-1]), {**was[-1], **order}]


def _askable(actions: Sequence[Json]) -> Actions:
    """Return actions as a request may have them.

    AWS never tells a client secret: the one that it has is kept, as long as the action stays.
    """
    asked = []
    for action in actions:
        config = action.get("AuthenticateOidcConfig")
        if action["Type"] == SECRETIVE and config:
            config = {**config, "UseExistingClientSecret": True}
            asked.append({**action, "AuthenticateOidcConfig": config})
        else:
            asked.append(dict(action))
    return asked


def _same(one: Sequence[Json], other: Sequence[Json]) -> bool:
    return [_meaning(each) for each in one] == [_meaning(each) for each in other]


def _meaning(action: Json) -> str:
    """Return what an action does; AWS writes a plain forward in two ways at once."""
    if action["Type"] != "forward":
        said = {key: value for key, value in action.items() if key != "Order"}
        return json.dumps(said, sort_keys=True, default=str)
    config: Mapping[str, Any] = action.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or [{"TargetGroupArn": action.get("TargetGroupArn")}]
    weights = sorted((str(one["TargetGroupArn"]), one.get("Weight", 1)) for one in groups)
    if len(weights) == 1:
        weights = [(weights[0][0], 1)]  # of one, any weight is all
    sticky = config.get("TargetGroupStickinessConfig") or {}
    kept = sticky.get("DurationSeconds", 0) if sticky.get("Enabled") else None
    return json.dumps(["forward", weights, kept])


def _words(actions: Sequence[Json]) -> str:
    return " then ".join(str(action["Type"]) for action in actions)
