"""Where a URL that a user gave may lead. Pure; used by `checks.py`, the survey and `probe_http.py`.

The operator stands where its users do not: next to the node's metadata, on its own ports, inside
the network of every namespace. A probe must not lend them that place. So a host is judged twice:
by name before a run, and by address each time it is resolved, where a probe then connects to.

- A name of the cluster (`menu`, `menu.shop`, `menu.shop.svc.cluster.local`) may lead inside the
  network: the owner of its namespace agreed. It is looked up as exactly the name it was judged as.
- Any other name leads to the internet, or to what the chart opened to probes
  (`global.networkPolicies.probesTo`), such as an internal load balancer.
- Nothing leads to loopback, link-local or metadata, whatever it is called.

What remains: who may write EndpointSlices can let a service's name lead to any other address of the
network. Kubernetes gives that right to administrators only.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from cloudcafe_operator.resources.experiment import ExperimentSpec

METADATA = ipaddress.ip_network("fd00:ec2::/32")  # of AWS: metadata, pods' credentials, DNS
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address, as those without IPv4 reach it
INSIDE = ("svc", "pod")  # the label after the namespace, in a full name
DOMAIN = "cluster.local"
MOST_LABELS = 3  # of a pod with a name, its service and its namespace
PLAIN_URL = re.compile(r"[!-\[\]-~]+")  # printable ASCII but for the backslash
NAME = re.compile(r"[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def refused_url(url: str) -> str:
    """Say why nobody may probe a URL; empty: it depends on its namespace."""
    if not PLAIN_URL.fullmatch(url):
        # full-width digits are digits to some readers of URLs, and none to others
        return "which has other characters than plain letters: write names as xn--…"
    return refused_host(host_of(url))


def refused_host(host: str) -> str:
    """Say why nobody may probe a host; empty: it depends on its namespace."""
    if not host:
        return "which names no host"
    if host == "localhost" or host.endswith(".localhost"):
        return "which only the operator itself can reach"
    address = _address(host)
    if address is None:
        if NUMBER.fullmatch(host.rpartition(".")[2]):  # 127.1, 0x7f.1, 2130706433
            return "an address that is not written as one"
        return "" if NAME.fullmatch(host) else "which is no name of a host"
    if is_ours_alone(host):
        return "which only the operator itself can reach"
    return "" if is_outside(host) else "an address inside the network"


def is_ours_alone(address: str) -> bool:
    """Whether an address is loopback, link-local (where metadata lives) or none at all."""
    found = _plain(ipaddress.ip_address(address.partition("%")[0]))
    return (
        found.is_loopback
        or found.is_link_local
        or found.is_unspecified
        or found.is_multicast
        or found in METADATA
    )


def is_outside(address: str, opened: Sequence[Network] = ()) -> bool:
    """Whether an address is the internet's, or one that was opened to probes."""
    found = _plain(ipaddress.ip_address(address.partition("%")[0]))
    return not is_ours_alone(address) and (
        found.is_global or any(found in network for network in opened)
    )


def namespace_of(host: str) -> str:
    """Return the namespace that a host may lie in, as the cluster's DNS reads names; empty: none.

    A last label may also be a domain's (`com`): whether there is such a namespace is for the API.
    """
    labels = host.split(".")
    marked = [n for n, one in enumerate(labels) if one in INSIDE and n > 1]
    if marked:
        return labels[marked[-1] - 1]
    return "" if len(labels) == 1 or _address(host) else labels[-1]


def cluster_name(host: str, home: str, domain: str = DOMAIN) -> str:
    """Return the one name of the cluster that a host can mean, in full; empty: it is outside.

    `home` is the namespace of names without one. It lies in `namespace_of(host)`.
    """
    name = host.removesuffix(f".{domain}")
    labels = name.split(".")
    if labels[-1] == "svc" and len(labels) > 2:  # noqa: PLR2004 - a service and its namespace
        labels = labels[:-1]
    elif name != host or (labels[-1] == "pod" and len(labels) > 2):  # noqa: PLR2004 - a pod's
        return ""
    elif len(labels) == 1:
        labels = [host, home]
    return ".".join([*labels, "svc", domain]) if len(labels) <= MOST_LABELS else ""


def cluster_domain(resolv_conf: str) -> str:
    """Return what names of the cluster end with: kubelet has it in a pod's search list."""
    for line in resolv_conf.splitlines():
        for searched in line.split()[1:] if line.startswith("search") else ():
            _, mark, domain = searched.rstrip(".").partition(".svc.")
            if mark and domain:
                return domain
    return DOMAIN


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
