"""The cafe's network and load balancers, as data: what Terraform's modules make on AWS.

Names and ways are those of terraform/modules/{networking,loadbalancing}; a test compares the ways.
`emulators/moto_network.py` plants it. Each service has a group of its own here, as with
`pods_in_node_group = false`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "cloudcafe"
VPC_CIDR = "10.20.0.0/16"
PART = {"cloudcafe.dev/part-of": "cloudcafe"}
BREAKABLE = {**PART, "cloudcafe.dev/chaos": "allowed"}
PROTECTED = {**PART, "cloudcafe.dev/protected": "true"}

SUBNETS = {
    ("public", "a"): "10.20.1.0/24",
    ("public", "b"): "10.20.2.0/24",
    ("public", "c"): "10.20.3.0/24",
    ("database", "a"): "10.20.21.0/24",
    ("database", "b"): "10.20.22.0/24",
    ("database", "c"): "10.20.23.0/24",
    ("private", "a"): "10.20.64.0/20",
    ("private", "b"): "10.20.80.0/20",
    ("private", "c"): "10.20.96.0/20",
}

STORES = {
    "aurora": 5432,
    "redshift": 5439,
    "documentdb": 27017,
    "elasticache": 6379,
    "memorydb": 6379,
}
ACCESS = {
    "order": ("aurora", "aws", "menu", "inventory"),
    "menu": ("documentdb", "elasticache", "aws"),
    "inventory": ("aws",),
    "loyalty": ("memorydb", "aws"),
    "payment-processor": ("aws",),  # and the card provider, by the same rule: both are the world
    "analytics-worker": ("redshift", "aws"),
    "storefront": ("aws", "menu", "order"),
}
OUTSIDE = {"aws": 443}
INTERNAL = ("operator", "nodes", "control-plane", "endpoints")
DOORS = ("alb", "alb-lattice", "nlb")
SERVED = ("alb", "nlb")  # by the edge: what Lattice would carry goes from pod to pod


class Way(NamedTuple):
    """Who opens connections to whom; an end that is no group is the world."""

    source: str
    target: str
    port: int


def ways() -> Iterator[Way]:
    """Each becomes two rules: out of the one group, into the other."""
    ports = {**dict.fromkeys(ACCESS, 8080), **STORES, **OUTSIDE}
    for service, targets in ACCESS.items():
        yield from (Way(service, target, ports[target]) for target in targets)
        yield Way(service, "endpoints", 443)
        yield Way("operator", service, 8080)
        yield Way("operator", service, 9090)
    for source, port in (("operator", 443), ("nodes", 443)):
        yield from (Way(source, target, port) for target in ("control-plane", "endpoints", "aws"))
    yield from (Way("cloudfront", "alb", 443), Way("lattice", "alb-lattice", 8443))
    yield from (Way("alb", service, 8080) for service in ("order", "menu", "loyalty", "storefront"))
    yield Way("alb-lattice", "inventory", 8080)
    yield from (Way("tills", "nlb", 443), Way("nlb", "order", 8080))
    yield from (Way("tills", "nlb", 8443), Way("nlb", "storefront", 8080))


def groups() -> dict[str, dict[str, str]]:
    """Names of the security groups and their tags; what holds the cluster is protected.

    A service's group may be broken where a lockdown of it is felt here: stores and the edge follow
    groups, calls of AWS and between pods do not. Else a run would touch nothing and seem to pass.
    """
    felt = {
        end for way in ways() for end in (way.source, way.target)
        if way.target in STORES or way.source in SERVED
    }  # fmt: skip
    return {
        **dict.fromkeys((*ACCESS, *DOORS), PART),
        **dict.fromkeys(sorted(felt - {*DOORS}), BREAKABLE),
        **dict.fromkeys(INTERNAL, PROTECTED),
    }


class Route(NamedTuple):
    """A rule of the customers' listener."""

    service: str
    priority: int
    methods: tuple[str, ...]
    paths: tuple[str, ...]


ROUTES = (
    Route("order", 10, ("GET", "POST"), ("/orders", "/orders/*")),
    Route("menu", 20, ("GET",), ("/stores/*/menu",)),
    Route("loyalty", 30, ("GET", "POST"), ("/customers/*", "/promotions", "/promotions/*")),
    Route("storefront", 40, ("GET", "POST"), ("/shop/*",)),
)
