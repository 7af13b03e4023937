"""What a load balancer does with a request, as plain values."""

from __future__ import annotations

import dataclasses

import pytest
from localaws.edge.routing import Answer, Asked, Forward, decide
from localaws.network import AclEntry, Group, Listener, ListenerRule, Network, Rule, Subnet
from localaws.network import TargetGroup as Targets

OPEN = tuple(
    AclEntry(100, direction, True, "-1", "0.0.0.0/0", 0, 65535)
    for direction in ("ingress", "egress")
)
A = Subnet("s-a", "private-a", "a", "10.20.64.0/20", OPEN)
B = Subnet("s-b", "private-b", "b", "10.20.80.0/20", OPEN)
TO_ORDER = {"Type": "forward", "TargetGroupArn": "orders"}
GROUPS = {
    "alb": Group("sg-alb", "alb", (Rule("egress", "tcp", 8080, 8080, group="sg-order"),)),
    "cloudcafe-order": Group(
        "sg-order", "cloudcafe-order", (Rule("ingress", "tcp", 8080, 8080, group="sg-alb"),)
    ),
}


def rule(priority, action, *, paths=(), methods=(), hosts=()):
    return ListenerRule(priority, paths, methods, hosts, action)


def fixed(status, body=""):
    config = {"StatusCode": str(status), "ContentType": "application/json", "MessageBody": body}
    return {"Type": "fixed-response", "FixedResponseConfig": config}


def listener(*rules):
    return Listener("alb", ("alb",), (A, B), rules)


def network(targets=("10.20.64.10", "10.20.80.10"), groups=None, subnets=(A, B)):
    orders = Targets("orders", "cloudcafe-order", "order", targets)
    return Network(
        GROUPS if groups is None else groups,
        {each.name: each for each in subnets},
        target_groups={"orders": orders},
    )


def ask(*rules, path="/orders", method="GET", host="edge", net=None):
    return decide(net or network(), listener(*rules), Asked(method, host, path))


ORDERS = rule(10, TO_ORDER, paths=("/orders", "/orders/*"), methods=("GET", "POST"))
DEFAULT = rule(1_000_000, fixed(404))


@pytest.mark.parametrize(
    ("method", "path", "forwarded"),
    [
        ("GET", "/orders", True),
        ("POST", "/orders/7", True),
        ("DELETE", "/orders/7", False),
        ("GET", "/ordersX", False),
        ("GET", "/ledger", False),
    ],
)
def test_the_first_rule_that_fits_decides(method, path, forwarded):
    decision = ask(ORDERS, DEFAULT, method=method, path=path)
    assert isinstance(decision, Forward) is forwarded
    assert forwarded or decision.status == 404


def test_a_question_mark_is_one_character_and_a_dot_is_a_dot():
    assert isinstance(ask(rule(1, TO_ORDER, paths=("/a?.b",)), path="/axxb"), Answer)
    assert isinstance(ask(rule(1, TO_ORDER, paths=("/a?.b",)), path="/ax.b"), Forward)


def test_a_host_is_a_condition_too():
    picky = rule(1, TO_ORDER, hosts=("cafe.example",))
    assert isinstance(ask(picky, host="cafe.example"), Forward)
    assert ask(picky, host="edge") == Answer(404)


def test_a_fixed_answer_is_given_as_it_is_written():
    assert ask(rule(1, fixed(503, "{}"))) == Answer(503, b"{}", "application/json")


def test_a_redirect_keeps_the_path_where_it_says_so():
    action = {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302", "Path": "/x#{path}"}}
    answer = ask(rule(1, action), path="/orders")
    assert (answer.status, answer.location) == (302, "/xorders")


def test_without_targets_it_is_503_and_without_one_that_can_be_reached_504():
    assert ask(ORDERS, net=network(targets=())).status == 503
    locked = {**GROUPS, "cloudcafe-order": Group("sg-order", "cloudcafe-order")}
    assert ask(ORDERS, net=network(groups=locked)).status == 504


def test_a_group_with_weight_nought_gets_nothing():
    config = {"TargetGroups": [{"TargetGroupArn": "orders", "Weight": 0}]}
    assert ask(rule(1, {"Type": "forward", "ForwardConfig": config})).status == 503


def test_targets_of_a_zone_whose_acl_denies_everything_are_left_out():
    net = network(subnets=(dataclasses.replace(A, acl=()), B))
    balancer = Listener("alb", ("alb",), tuple(net.subnets.values()), (ORDERS,))
    chosen = {decide(net, balancer, Asked("GET", "edge", "/orders")).target for _ in range(20)}
    assert chosen == {"10.20.80.10"}
