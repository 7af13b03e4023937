"""Who reaches whom, as plain values."""

from __future__ import annotations

import dataclasses

import pytest
from localaws.network import AclEntry, Group, Network, Place, Rule, Subnet, lets

OUT = Rule("egress", "tcp", 5432, 5432, group="sg-aurora")
IN = Rule("ingress", "tcp", 5432, 5432, group="sg-order")
OPEN = tuple(
    AclEntry(100, direction, True, "-1", "0.0.0.0/0", 0, 65535)
    for direction in ("ingress", "egress")
)
HERE = Subnet("s-1", "private-a", "a", "10.20.64.0/20", OPEN)
THERE = Subnet("s-2", "database-a", "a", "10.20.21.0/24", OPEN)


def network(out=(OUT,), into=(IN,)):
    order, aurora = Group("sg-order", "order", out), Group("sg-aurora", "aurora", into)
    return Network({"order": order, "aurora": aurora})


def reaches(net, port=5432, *, here=HERE, there=THERE):
    return net.reaches(Place("order", here), Place("aurora", there), port)


def test_a_way_needs_both_its_rules():
    assert reaches(network())
    assert not reaches(network(out=()))
    assert not reaches(network(into=()))


def test_a_rule_is_for_its_ports_its_protocol_and_its_peer():
    assert not reaches(network(), 5433)
    assert not reaches(network(into=(dataclasses.replace(IN, protocol="udp"),)))
    assert not reaches(network(into=(dataclasses.replace(IN, group="sg-menu"),)))


@pytest.mark.parametrize(
    ("cidr", "reached"),
    [("0.0.0.0/0", True), ("10.20.64.0/20", True), ("10.20.80.0/20", False), ("nonsense", False)],
)
def test_a_rule_may_name_addresses(cidr, reached):
    into = dataclasses.replace(IN, group="", cidr=cidr)
    assert reaches(network(into=(into,))) is reached


def test_a_rule_for_all_protocols_is_for_all_ports():
    assert reaches(network(into=(Rule("ingress", "-1", -1, -1, group="sg-order"),)), 5432)


def test_a_group_that_nobody_made_fences_nothing():
    assert Network().reaches(Place("order"), Place("aurora"), 5432)


def test_an_acl_without_entries_denies_at_either_end():
    closed = dataclasses.replace(THERE, acl=())
    assert not reaches(network(), there=closed)
    assert not reaches(network(), here=dataclasses.replace(HERE, acl=()))


def test_an_acl_must_let_the_answers_back_to_ephemeral_ports():
    into = AclEntry(100, "ingress", True, "6", "10.20.64.0/20", 5432, 5432)
    mute = dataclasses.replace(THERE, acl=(into,))
    assert not reaches(network(), there=mute)
    answers = AclEntry(100, "egress", True, "6", "10.20.64.0/20", 1024, 65535)
    assert reaches(network(), there=dataclasses.replace(THERE, acl=(into, answers)))


def test_the_lowest_entry_that_fits_decides():
    deny = AclEntry(50, "ingress", False, "-1", "10.20.64.0/20", 0, 65535)
    assert not lets((*OPEN, deny), "ingress", "10.20.64.10", 5432)
    assert lets((*OPEN, deny), "ingress", "10.20.80.10", 5432)


def test_inside_one_subnet_no_acl_is_passed():
    closed = dataclasses.replace(HERE, acl=())
    assert reaches(network(), here=closed, there=closed)
