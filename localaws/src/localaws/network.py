"""The network as security groups and network ACLs make it, as plain values. Pure.

`emulators/moto_network.py` reads it from the emulator, `consequences/network_reachability.py`
and the edge ask it who reaches whom. Only what the cafe's rules need: TCP, IPv4.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["ingress", "egress"]
ANY = "-1"
TCP = ("tcp", "6", ANY)
EPHEMERAL = 32768  # one of the ports to which answers go


@dataclass(frozen=True, slots=True)
class Rule:
    """A security group's rule: lets traffic with one peer through, a group or addresses."""

    direction: Direction
    protocol: str
    from_port: int
    to_port: int
    group: str = ""
    cidr: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A security group."""

    id: str
    name: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class AclEntry:
    """A numbered rule of a network ACL; the lowest that fits decides."""

    number: int
    direction: Direction
    allows: bool
    protocol: str
    cidr: str
    from_port: int
    to_port: int


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet with the entries of the ACL that guards it."""

    id: str
    name: str
    zone: str
    cidr: str
    acl: tuple[AclEntry, ...] = ()

    @property
    def address(self) -> str:
        """An address in it, which stands for all of them."""
        return str(ipaddress.ip_network(self.cidr)[10])


@dataclass(frozen=True, slots=True)
class Place:
    """Where one end of a connection is; without a subnet no ACL stands before it."""

    group: str  # name of the security group
    subnet: Subnet | None = None


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Where a load balancer forwards to; `service` is the Kubernetes Service behind it."""

    arn: str
    name: str
    service: str
    targets: tuple[str, ...] = ()  # the addresses that are registered and healthy
    arriving: tuple[str, ...] = ()  # registered, not yet looked at
    draining: tuple[str, ...] = ()  # get nothing new, and keep what they have for a while


@dataclass(frozen=True, slots=True)
class ListenerRule:
    """What a listener does with requests of these paths and methods; empty: any."""

    priority: int
    paths: tuple[str, ...]
    methods: tuple[str, ...]
    hosts: tuple[str, ...]
    action: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listener:
    """A load balancer's port with its rules, the first that fits first; the default is last."""

    balancer: str
    groups: tuple[str, ...]  # names of the balancer's security groups
    subnets: tuple[Subnet, ...]  # where the balancer stands
    rules: tuple[ListenerRule, ...]
    suffix: str = ""  # the end of the balancer's ARN, by which its metrics go
    kind: str = "application"  # or network


@dataclass(frozen=True, slots=True)
class Network:
    """All of it, by names as Terraform gives them."""

    groups: Mapping[str, Group] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    listeners: Mapping[str, Listener] = field(default_factory=dict)  # by the balancer's name
    target_groups: Mapping[str, TargetGroup] = field(default_factory=dict)  # by ARN

    @property
    def moves(self) -> bool:
        """Whether it will change by itself: targets are on their way in or out."""
        return any(group.arriving or group.draining for group in self.target_groups.values())

    def reaches(self, client: Place, server: Place, port: int) -> bool:
        """Whether the client may open a TCP connection to the server's port and hear answers.

        A group that does not exist fences nothing: its place has been seeded by nobody.
        """
        return (
            self._group_lets(client, "egress", server, port)
            and self._group_lets(server, "ingress", client, port)
            and _acls_let(client.subnet, server.subnet, port)
        )

    def _group_lets(self, at: Place, direction: Direction, other: Place, port: int) -> bool:
        group = self.groups.get(at.group)
        if group is None:
            return True
        peer = self.groups.get(other.group)
        address = other.subnet.address if other.subnet else ""
        return any(
            rule.direction == direction
            and rule.protocol in TCP
            and (rule.protocol == ANY or rule.from_port <= port <= rule.to_port)
            and _is_peer(rule, peer, address)
            for rule in group.rules
        )


def subnet_of(network: Network, address: str) -> Subnet | None:
    """Return the subnet in which an address lies."""
    return next((each for each in network.subnets.values() if _holds(each.cidr, address)), None)


def _is_peer(rule: Rule, peer: Group | None, address: str) -> bool:
    if rule.group:
        return peer is not None and rule.group == peer.id
    if rule.cidr == "0.0.0.0/0":
        return True
    return bool(rule.cidr and address and _holds(rule.cidr, address))


def _acls_let(client: Subnet | None, server: Subnet | None, port: int) -> bool:
    """ACLs keep no state: the way there and the way back are both asked, at both ends.

    Inside one subnet no ACL is passed.
    """
    if client is None or server is None or client.id == server.id:
        return True
    there, back = client.address, server.address
    return (
        lets(client.acl, "egress", back, port)
        and lets(server.acl, "ingress", there, port)
        and lets(server.acl, "egress", there, EPHEMERAL)
        and lets(client.acl, "ingress", back, EPHEMERAL)
    )


def lets(acl: Sequence[AclEntry], direction: Direction, address: str, port: int) -> bool:
    """Whether an ACL lets TCP with an address through; where no entry fits, it does not."""
    for entry in sorted(acl, key=lambda each: each.number):
        fits = (
            entry.direction == direction
            and entry.protocol in TCP
            and (entry.protocol == ANY or entry.from_port <= port <= entry.to_port)
            and _holds(entry.cidr, address)
        )
        if fits:
            return entry.allows
    return False


def _holds(cidr: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
