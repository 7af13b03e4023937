"""Where a URL that a user gave may lead. Pure; used by `checks.py` and by the survey.

The operator stands where its users do not: next to the node's metadata, on its own ports, inside
the network of every namespace. A probe must not lend them that place. Names that only resolve to
such addresses are refused when they are resolved, by `effects/http.py`.

A name of the outside may lead to a private address, as an internal load balancer's does, so that is
not refused here: what the operator reaches within the network is what the chart's NetworkPolicies
let it (`global.networkPolicies.probesTo`), and without a peer there it is nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from cloudcafe_operator.resources.experiment import ExperimentSpec

METADATA = ipaddress.ip_address("fd00:ec2::254")
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address, as those without IPv4 reach it
INSIDE = ("svc", "pod")  # the label after the namespace, in a full name


def urls(spec: ExperimentSpec) -> Iterator[tuple[str, str]]:
    """Go through the URLs of all probes, each with its field."""
    for probe in spec.steady_state.probes:
        field = f"steadyState.probes[{probe.name}]"
        if probe.http:
            yield f"{field}.http.url", probe.http.url
        if probe.prometheus:
            yield f"{field}.prometheus.url", probe.prometheus.url


def host_of(url: str) -> str:
    """Return the host, in lower case and without a final dot; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def refused_host(host: str) -> str:
    """Say why nobody may probe a host; empty: it depends on its namespace."""
    if not host:
        return "which names no host"
    if host == "localhost" or host.endswith(".localhost"):
        return "which only the operator itself can reach"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if is_ours_alone(host):
        return "which only the operator itself can reach"
    return "" if address.is_global else "an address inside the network"


def is_ours_alone(address: str) -> bool:
    """Whether an address is loopback, link-local (where metadata lives) or none at all."""
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    if found in NAT64:
        found = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    return (
        found.is_loopback
        or found.is_link_local
        or found.is_unspecified
        or found.is_multicast
        or found == METADATA
    )


def namespace_of(host: str) -> str:
    """Return the namespace that a host may lie in, as the cluster's DNS reads names; empty: none.

    A last label may also be a domain's (`com`): whether there is such a namespace is for the API.
    """
    labels = host.split(".")
    for mark in INSIDE:
        if mark in labels[1:]:
            return labels[max(n for n, one in enumerate(labels) if one == mark) - 1]
    is_address = not refused_host(host) and _is_address(host)
    return "" if len(labels) == 1 or is_address else labels[-1]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
