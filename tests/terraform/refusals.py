"""What AWS refuses of an environment and the stand-in does not, found in an applied state.

Used by test_stack.py on the state of dev, so that a module that is added later is looked at too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: EC2's reference of CreateSecurityGroup and of a rule's description.
DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
DESCRIBED = (
    "aws_security_group",
    "aws_vpc_security_group_egress_rule",
    "aws_vpc_security_group_ingress_rule",
)
ALIAS = {"kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"}

Resources = Mapping[str, list[Mapping[str, Any]]]


def resources(state: Mapping[str, Any]) -> Resources:
    """Return a state's resources (`terraform show -json`) by their type."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in _walk(state["values"]["root_module"]):
        found.setdefault(one["type"], []).append(one)
    return found


def descriptions(found: Resources) -> list[str]:
    """Return the security groups and rules whose description EC2 refuses."""
    described = [one for kind in DESCRIBED for one in found.get(kind, ())]
    assert described, "a network without security groups"
    return [
        one["address"]
        for one in described
        if not DESCRIPTION.fullmatch(one["values"]["description"])
    ]


def aliases(found: Resources) -> list[str]:
    """Return the aliases that nobody may make or delete: IAM asks the key's policy as well."""
    named = found.get("aws_kms_alias", [])
    assert named, "keys without aliases"
    policies = {
        one["values"]["key_id"]: json.loads(one["values"]["policy"]) for one in found["aws_kms_key"]
    }
    return [
        one["address"]
        for one in named
        if not _allowed(policies[one["values"]["target_key_id"]]) >= ALIAS
    ]


def _allowed(policy: Mapping[str, Any]) -> set[str]:
    given = [one["Action"] for one in policy["Statement"] if one["Effect"] == "Allow"]
    return {action for one in given for action in ([one] if isinstance(one, str) else one)}


def _walk(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in module.get("resources", ()) if one["mode"] == "managed")
    for child in module.get("child_modules", ()):
        yield from _walk(child)
