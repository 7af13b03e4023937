"""What a load balancer does with a request, from the state of AWS. Pure.

Sources: "Listener rules" and "Troubleshoot your Application Load Balancers" (503 without targets,
504 where none can be reached) of the user guide.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localaws.network import Listener, ListenerRule, Network, Place, Subnet, TargetGroup, subnet_of

PREFIX = "cloudcafe"
PORT = 8080  # of every service


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of a request by which rules tell."""

    method: str
    host: str
    path: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the balancer says itself."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    location: str = ""


@dataclass(frozen=True, slots=True)
class Forward:
    """Where the request goes: a service, by one of its targets."""

    service: str
    target: str


def decide(network: Network, listener: Listener, asked: Asked) -> Answer | Forward:
    """Return what the listener does with a request."""
    rule = next((each for each in listener.rules if _fits(each, asked)), None)
    if rule is None:
        return Answer(404)
    action: Mapping[str, Any] = rule.action
    if action["Type"] == "fixed-response":
        fixed = action["FixedResponseConfig"]
        body = str(fixed.get("MessageBody") or "").encode()
        return Answer(int(fixed["StatusCode"]), body, fixed.get("ContentType") or "text/plain")
    if action["Type"] == "redirect":
        wanted = action["RedirectConfig"]
        path = str(wanted.get("Path") or "/#{path}").replace("#{path}", asked.path.lstrip("/"))
        return Answer(int(wanted["StatusCode"].removeprefix("HTTP_")), location=path)
    group = network.target_groups.get(_one_of(action))
    if group is None or not group.targets:
        return Answer(503, b"503 Service Temporarily Unavailable")
    target = usable(network, listener, group)
    if not target:
        return Answer(504, b"504 Gateway Time-out")
    return Forward(group.service, random.choice(target))  # noqa: S311 - balances, guards nothing


def usable(network: Network, listener: Listener, group: TargetGroup) -> list[str]:
    """Return the targets that get new connections: the balancer reaches them from one zone."""
    return [each for each in group.targets if _reached(network, listener, group, each)]


def kept(network: Network, listener: Listener, group: TargetGroup) -> list[str]:
    """Return the targets that keep the connections that they have."""
    draining = [each for each in group.draining if _reached(network, listener, group, each)]
    return usable(network, listener, group) + draining


def groups_of(network: Network, listener: Listener) -> list[TargetGroup]:
    """Return the groups to which a listener's rules forward."""
    arns = [arn for rule in listener.rules for arn, _ in _weights(rule.action)]
    return [network.target_groups[arn] for arn in arns if arn in network.target_groups]


def _reached(network: Network, listener: Listener, group: TargetGroup, target: str) -> bool:
    there = Place(f"{PREFIX}-{group.service}", subnet_of(network, target))
    # a balancer has a node in each zone; where nothing may come in, no guest does
    open_nodes = [each for each in listener.subnets if any(entry.allows for entry in each.acl)]
    nodes: Sequence[Subnet | None] = open_nodes if listener.subnets else [None]
    return any(
        network.reaches(Place(name, node), there, PORT)
        for name in listener.groups or ("",)
        for node in nodes
    )


def _fits(rule: ListenerRule, asked: Asked) -> bool:
    return (
        (not rule.methods or asked.method in rule.methods)
        and _one_matches(rule.paths, asked.path)
        and _one_matches(rule.hosts, asked.host)
    )


def _one_matches(patterns: Sequence[str], text: str) -> bool:
    return not patterns or any(_pattern(each).fullmatch(text) for each in patterns)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    """AWS's wildcards: * is any text, ? any character."""
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _weights(action: Mapping[str, Any]) -> list[tuple[str, int]]:
    if action.get("Type") != "forward":
        return []
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or [
        {"TargetGroupArn": action.get("TargetGroupArn", "")}
    ]
    return [(each["TargetGroupArn"], int(each.get("Weight", 1))) for each in groups]


def _one_of(action: Mapping[str, Any]) -> str:
    weights = [(arn, weight) for arn, weight in _weights(action) if weight > 0]
    if not weights:
        return ""
    arns, shares = zip(*weights, strict=True)
    return str(random.choices(arns, shares)[0])  # noqa: S311 - balances, guards nothing
