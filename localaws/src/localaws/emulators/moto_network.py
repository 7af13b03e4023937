"""The network inside moto: planted at start, and read as `network.Network`.

Runs in moto's one thread (see `moto.Moto.run`), with its own methods instead of requests: ids are
needed from one call to the next, and hundreds of XML documents would double the start. What is
planted has the same ids after every start, since moto's dice are seeded for it: a run's journal
still names the groups of a localaws that was restarted meanwhile.
"""

from __future__ import annotations

import os
from typing import Any

from localaws import seeds_network as seeds
from localaws.emulators import target_states
from localaws.network import (
    AclEntry,
    Direction,
    Group,
    Listener,
    ListenerRule,
    Network,
    Rule,
    Subnet,
    TargetGroup,
)
from localaws.settings import ACCOUNT

DICE = "cloudcafe"
HIGHEST_PORT = 65535
DEFAULT_PRIORITY = 1_000_000
DRAINING_SECONDS = "2"  # of the cafe's target groups; a fault of seconds has to be seen


def plant(region: str) -> None:
    """Make VPC, subnets, groups, ways and load balancers, unless they are there."""
    from moto.moto_api._internal import mock_random  # noqa: PLC0415 - 180 MB, see moto.py

    ec2, elb = _backends(region)
    if seeds.NAME in (_name(ec2, vpc) for vpc in ec2.vpcs):
        return
    mock_random.seed(DICE)
    try:
        vpc = ec2.create_vpc(seeds.VPC_CIDR)
        vpc.add_tags({"Name": seeds.NAME, **seeds.PART})
        subnets = _plant_subnets(ec2, vpc, region)
        groups = _plant_groups(ec2, vpc)
        _plant_balancers(elb, vpc, subnets, groups)
    finally:
        mock_random.seed(os.urandom(16))


def read(region: str) -> Network:
    """The network as it is now."""
    ec2, elb = _backends(region)
    names: dict[str, str] = {}
    groups = {}
    for found in ec2.groups.values():
        for group in found.values():
            names[group.id] = group.name
            groups[group.name] = Group(group.id, group.name, tuple(_rules(group)))
    acls = {
        association.subnet_id: tuple(_entry(each) for each in acl.network_acl_entries)
        for acl in ec2.network_acls.values()
        for association in acl.associations
    }
    subnets = {}
    for zoned in ec2.subnets.values():
        for subnet in zoned.values():
            name = _name(ec2, subnet.id)
            zone = subnet.availability_zone
            acl = acls.get(subnet.id, ())
            subnets[name] = Subnet(subnet.id, name, zone, subnet.cidr_block, acl)
    return Network(groups, subnets, _listeners(elb, names, subnets), _target_groups(elb))


def _backends(region: str) -> tuple[Any, Any]:
    from moto.ec2.models import ec2_backends  # noqa: PLC0415 - 180 MB, see moto.py
    from moto.elbv2.models import elbv2_backends  # noqa: PLC0415 - the same

    return ec2_backends[ACCOUNT][region], elbv2_backends[ACCOUNT][region]


def _name(ec2: Any, resource_id: str) -> str:
    """The tag Name; without one, the id."""
    return str(ec2.tags.get(resource_id, {}).get("Name", resource_id))


def _plant_subnets(ec2: Any, vpc: Any, region: str) -> dict[tuple[str, str], Any]:
    made = {}
    for (kind, zone), cidr in seeds.SUBNETS.items():
        subnet = ec2.create_subnet(vpc.id, cidr, availability_zone=f"{region}{zone}")
        tags = seeds.PART if kind == "public" else seeds.BREAKABLE
        subnet.add_tags({"Name": f"{seeds.NAME}-{kind}-{region}{zone}", **tags})
        made[kind, zone] = subnet
    return made


def _plant_groups(ec2: Any, vpc: Any) -> dict[str, Any]:
    made = {}
    for name, tags in seeds.groups().items():
        full = f"{seeds.NAME}-{name}"
        group = ec2.create_security_group(full, f"CloudCafe: {name}", vpc_id=vpc.id)
        group.add_tags({"Name": full, **tags})
        group.egress_rules.clear()  # AWS opens all ways out of a new group, Terraform closes them
        made[name] = group
    for way in seeds.ways():
        for here, there, authorize in (
            (way.source, way.target, ec2.authorize_security_group_egress),
            (way.target, way.source, ec2.authorize_security_group_ingress),
        ):
            if here in made:
                peers = [{"GroupId": made[there].id}] if there in made else []
                world = [] if peers else [{"CidrIp": "0.0.0.0/0"}]
                port = str(way.port)
                authorize(made[here].id, "tcp", port, port, world, source_groups=peers)
    return made


def _plant_balancers(elb: Any, vpc: Any, subnets: Any, groups: dict[str, Any]) -> None:
    zones = ("a", "b", "c")
    alb = _balancer(elb, "alb", [subnets["private", z].id for z in zones], groups, "application")
    refusal = {
        "Type": "fixed-response",
        "FixedResponseConfig": {
            "StatusCode": "404",
            "ContentType": "application/json",
            "MessageBody": '{"status": 404, "title": "Not Found"}',
        },
    }
    listener = elb.create_listener(alb.arn, "HTTP", "80", "", None, [refusal], tags=_tags("alb"))
    addresses = [f"{subnets['private', zone].cidr_block.rpartition('.')[0]}.10" for zone in zones]
    for route in seeds.ROUTES:
        target = _target_group(elb, vpc, route.service, route.service, addresses)
        conditions = [
            {"Field": "path-pattern", "PathPatternConfig": {"Values": list(route.paths)}},
            {
                "Field": "http-request-method",
                "HttpRequestMethodConfig": {"Values": list(route.methods)},
            },
        ]
        action = {"Type": "forward", "TargetGroupArn": target.arn}
        elb.create_rule(
            listener.arn, conditions, route.priority, [action], tags=_tags(route.service)
        )
    tills = _balancer(elb, "tills", [subnets["public", z].id for z in zones], groups, "network")
    target = _target_group(elb, vpc, "order-tills", "order", addresses)
    elb.create_listener(
        tills.arn, "TCP", "443", "", None, [{"Type": "forward", "TargetGroupArn": target.arn}]
    )


def _balancer(elb: Any, name: str, subnets: Any, groups: dict[str, Any], kind: str) -> Any:
    doors = ("alb", "alb-lattice") if kind == "application" else ("nlb",)
    return elb.create_load_balancer(
        f"{seeds.NAME}-{name}",
        [groups[door].id for door in doors],
        subnets,
        loadbalancer_type=kind,
        scheme="internal" if kind == "application" else "internet-facing",
        tags=_tags(name),
    )


def _target_group(elb: Any, vpc: Any, name: str, service: str, addresses: list[str]) -> Any:
    group = elb.create_target_group(
        f"{seeds.NAME}-{name}",
        vpc_id=vpc.id,
        protocol="TCP" if name != service else "HTTP",
        port="8080",
        target_type="ip",
        healthcheck_protocol="HTTP",
        healthcheck_path="/livez",
        tags=[*_tags(name), {"Key": "cloudcafe.dev/service", "Value": service}],
    )
    group.attributes[target_states.DELAY] = DRAINING_SECONDS
    elb.register_targets(group.arn, [{"Id": address, "Port": "8080"} for address in addresses])
    target_states.settle(group)
    return group


def _tags(name: str) -> list[dict[str, str]]:
    tags = {"Name": f"{seeds.NAME}-{name}", **seeds.BREAKABLE}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _rules(group: Any) -> list[Rule]:
    into = [_rule("ingress", rule) for rule in group.ingress_rules]
    return into + [_rule("egress", rule) for rule in group.egress_rules]


def _rule(direction: Direction, rule: Any) -> Rule:
    return Rule(
        direction,
        rule.ip_protocol,
        -1 if rule.from_port is None else int(rule.from_port),
        -1 if rule.to_port is None else int(rule.to_port),
        rule.source_group.get("GroupId", ""),
        rule.ip_range.get("CidrIp", ""),
    )


def _entry(entry: Any) -> AclEntry:
    first, last = entry.port_range_from, entry.port_range_to
    return AclEntry(
        int(entry.rule_number),
        "egress" if str(entry.egress).lower() == "true" else "ingress",
        entry.rule_action == "allow",
        str(entry.protocol),
        entry.cidr_block or "",
        0 if first is None else int(first),
        HIGHEST_PORT if last is None else int(last),
    )


def _listeners(elb: Any, names: dict[str, str], subnets: dict[str, Subnet]) -> dict[str, Listener]:
    found = {}
    for balancer in elb.load_balancers.values():
        for listener in balancer.listeners.values():
            rules = sorted(map(_listener_rule, listener.rules.values()), key=lambda r: r.priority)
            groups = tuple(names.get(each, "") for each in balancer.security_groups or ())
            ids = {each.id for each in balancer.subnets}
            places = tuple(each for each in subnets.values() if each.id in ids)
            suffix = balancer.arn.partition(":loadbalancer/")[2]
            found[balancer.name] = Listener(
                balancer.name, groups, places, tuple(rules), suffix, balancer.type
            )
    return found


def _listener_rule(rule: Any) -> ListenerRule:
    values: dict[str, tuple[str, ...]] = {}
    for condition in rule.conditions:
        settings: dict[str, Any] = next(
            (v for k, v in condition.items() if k.endswith("Config")), {}
        )
        values[condition["Field"]] = tuple(settings.get("Values") or condition.get("Values") or ())
    priority = DEFAULT_PRIORITY if rule.priority == "default" else int(rule.priority)
    return ListenerRule(
        priority,
        values.get("path-pattern", ()),
        values.get("http-request-method", ()),
        values.get("host-header", ()),
        rule.actions[-1].data,
    )


def _target_groups(elb: Any) -> dict[str, TargetGroup]:
    found = {}
    for group in elb.target_groups.values():
        tags = elb.tagging_service.get_tag_dict_for_resource(group.arn)
        service = tags.get("cloudcafe.dev/service", "")
        new, old = tuple(target_states.arriving(group)), tuple(target_states.leaving(group))
        serving = tuple(each for each in group.targets if each not in new)
        found[group.arn] = TargetGroup(group.arn, group.name, service, serving, new, old)
    return found
