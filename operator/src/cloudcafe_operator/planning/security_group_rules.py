"""Rules of security groups, from AWS's descriptions to its requests. Pure.

Used by `faults/security_group_lockdown.py`; its journal keeps rules as `as_captured` returns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def as_captured(rule: Json) -> Json:
    """Return all that authorising needs, in the words of a request."""
    peer = rule.get("ReferencedGroupInfo") or {}
    kept = ("GroupId", "UserId", "VpcId", "VpcPeeringConnectionId")
    return {
        "id": rule["SecurityGroupRuleId"],
        "egress": rule["IsEgress"],
        "protocol": rule["IpProtocol"],
        "from": rule.get("FromPort", -1),
        "to": rule.get("ToPort", -1),
        "cidr": rule.get("CidrIpv4", ""),
        "cidr6": rule.get("CidrIpv6", ""),
        "prefixList": rule.get("PrefixListId", ""),
        "group": {key: peer[key] for key in kept if peer.get(key)},
        "description": rule.get("Description", ""),
        "tags": [dict(tag) for tag in rule.get("Tags") or ()],
    }


def meaning(rule: Json) -> tuple[object, ...]:
    """Return what a rule lets through: two with the same are duplicates to AWS."""
    whole = ("egress", "protocol", "from", "to", "cidr", "cidr6", "prefixList")
    return (*(rule[key] for key in whole), rule["group"].get("GroupId", ""))


def permission(rule: Json) -> Mapping[str, Any]:
    """Return what authorises a captured rule again."""
    said = {"Description": rule["description"]} if rule["description"] else {}
    ports = {} if rule["protocol"] == "-1" else {"FromPort": rule["from"], "ToPort": rule["to"]}
    if rule["group"]:
        peer: Mapping[str, Any] = {"UserIdGroupPairs": [{**rule["group"], **said}]}
    elif rule["prefixList"]:
        peer = {"PrefixListIds": [{"PrefixListId": rule["prefixList"], **said}]}
    elif rule["cidr6"]:
        peer = {"Ipv6Ranges": [{"CidrIpv6": rule["cidr6"], **said}]}
    else:
        peer = {"IpRanges": [{"CidrIp": rule["cidr"], **said}]}
    return {"IpProtocol": rule["protocol"], **ports, **peer}


def in_words(rule: Json) -> str:
    """Return a captured rule as a person reads it."""
    way = "to" if rule["egress"] else "from"
    peer = rule["group"].get("GroupId") or rule["prefixList"] or rule["cidr6"] or rule["cidr"]
    return f"{rule['protocol']} {rule['from']}-{rule['to']} {way} {peer}"
