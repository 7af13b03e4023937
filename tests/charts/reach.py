"""Who reaches whom under a set of NetworkPolicies: the specification in a page.

Policies only add up. A pod that some policy selects for a direction may do in that direction what
any of these policies allows, and nothing else; a connection needs both ends.
"""

from __future__ import annotations

import ipaddress


def connects(policies: list[dict], client: dict, server: dict, port: int) -> bool:
    """Whether pods with `client`'s labels may open a connection to `server`'s at a TCP port."""
    return _may(policies, client, "Egress", server, port) and _may(
        policies, server, "Ingress", client, port
    )


def leaves(policies: list[dict], client: dict, address: str, port: int) -> bool:
    """Whether pods with these labels may open a connection to an address that is no pod."""
    return _may(policies, client, "Egress", address, port)


def _may(policies: list[dict], own: dict, direction: str, other: dict | str, port: int) -> bool:
    chosen = [
        policy["spec"]
        for policy in policies
        if direction in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], own)
    ]
    if not chosen:
        return True
    peers = "to" if direction == "Egress" else "from"
    return any(
        _allows(rule.get(peers), other) and port in {each["port"] for each in rule["ports"]}
        for spec in chosen
        for rule in spec.get(direction.lower(), [])
    )


def _allows(peers: list[dict] | None, other: dict | str) -> bool:
    assert peers, "a rule without peers allows the world"
    if isinstance(other, str):
        blocks = [peer["ipBlock"]["cidr"] for peer in peers if "ipBlock" in peer]
        return any(ipaddress.ip_address(other) in ipaddress.ip_network(block) for block in blocks)
    # a namespaceSelector chooses among other namespaces, and these pods are of ours
    return any(
        "podSelector" in peer
        and "namespaceSelector" not in peer
        and _selects(peer["podSelector"], other)
        for peer in peers
    )


def _selects(selector: dict, labels: dict) -> bool:
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "DoesNotExist", expression
        if expression["key"] in labels:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()
