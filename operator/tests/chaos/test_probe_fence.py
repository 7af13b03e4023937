"""Where a probe's URL may lead."""

from ipaddress import ip_network

import pytest
from cloudcafe_operator.planning.fence import (
    cluster_domain,
    cluster_name,
    is_ours_alone,
    is_outside,
    namespace_of,
    refused_url,
)

from tests.crash.engines import all_finished, drive
from tests.crash.worlds import World, experiment

NEVER = (
    "http://localhost:9090/metrics",
    "http://api.localhost",
    "http://LOCALHOST./",
    "http://127.0.0.1",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/latest",
    "http://[64:ff9b::a9fe:a9fe]/latest",
    "http://0.0.0.0:9090",
    "http://169.254.169.254/latest/meta-data",
    "http://169.254.170.23/v1/credentials",
    "http://[fd00:ec2::254]/latest",
    "http://[fe80::1%25eth0]/",
    "http://10.0.0.7:8080",
    "http://user:pass@10.0.0.7",
    "http://:8080",
    "http://[broken",
    # the same addresses as others write them
    "http://2130706433:9090",
    "http://127.1",
    "http://0x7f000001",
    "http://0x7f.1",
    "http://0177.0.0.1",
    "http://127.0.0.1./",
    "http://2852039166/latest",
    "http://\uff11\uff12\uff17.0.0.1",
    "http://\uff11\uff16\uff19.254.169.254/latest/meta-data",
    "http://127\u30020.0.1",
    "http://\u2460\u2461\u2466.0.0.1",
    "http://%31%32%37.0.0.1",
    "http://[::ffff:10.0.0.7]/",
    "http://[2002:a00:7::]/",
    "http://[2002:7f00:1::]/",
    "http://[fd00:ec2::23]/v1/credentials",
    "http://[fd12::1]/",
    "http://100.64.0.7",
    # who reads them differently goes elsewhere
    "http://cafe.example.com\\@127.0.0.1/",
    "http://cafe.example.com\t/",
    "http://cafe .example.com/",
    "http://caf\xe9.example.com/",
    "http://-menu.shop/",
    "http://menu..shop/",
)


@pytest.mark.parametrize("url", NEVER)
def test_never_to_ourselves_the_node_or_a_bare_address_inside(url):
    assert refused_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://menu:8080",
        "https://cafe.example.com/a?b=%20",
        "http://1.1.1.1",
        "http://[2606:4700::1111]:80/",
        "http://xn--caf-dma.example.com",
        "http://menu_v2.shop",
        "http://3scale.example.com",
    ],
)
def test_services_and_the_internet_are_judged_by_their_namespace(url):
    assert not refused_url(url)


@pytest.mark.parametrize(
    ("host", "namespace"),
    [
        ("menu", ""),
        ("1.1.1.1", ""),
        ("menu.shop", "shop"),
        ("menu.shop.svc", "shop"),
        ("menu.shop.svc.cluster.local", "shop"),
        ("menu-0.menu.shop", "shop"),
        ("menu-0.menu.shop.svc.cluster.local", "shop"),
        ("svc.svc.shop.svc", "shop"),
        ("10-0-0-7.shop.pod.cluster.local", "shop"),
        ("cafe.example.com", "com"),
    ],
)
def test_the_namespace_is_read_as_the_clusters_dns_reads_it(host, namespace):
    assert namespace_of(host) == namespace


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("menu", "menu.cafe.svc.cluster.local"),
        ("menu.shop", "menu.shop.svc.cluster.local"),
        ("menu.shop.svc", "menu.shop.svc.cluster.local"),
        ("menu.shop.svc.cluster.local", "menu.shop.svc.cluster.local"),
        ("menu-0.menu.shop", "menu-0.menu.shop.svc.cluster.local"),
        ("menu-0.menu.shop.svc", "menu-0.menu.shop.svc.cluster.local"),
        ("menu.svc", "menu.svc.svc.cluster.local"),
        ("menu.pod", "menu.pod.svc.cluster.local"),
        ("svc.svc.shop.svc", "svc.svc.shop.svc.cluster.local"),
        ("cafe.example.com", "cafe.example.com.svc.cluster.local"),
        # outside: a domain of somebody, and an address in disguise
        ("menu.shop.svc.example.com", ""),
        ("menu.svc.example.com", ""),
        ("10-0-0-7.shop.pod", ""),
        ("10-0-0-7.shop.pod.cluster.local", ""),
        ("menu.shop.cluster.local", ""),
        ("a.b.c.d", ""),
        ("a.b.c.d.svc", ""),
    ],
)
def test_a_host_means_one_name_of_the_cluster_and_lies_in_the_namespace_that_was_judged(host, name):
    assert cluster_name(host, "cafe") == name
    if name:
        assert name.split(".")[-4] == (namespace_of(host) or "cafe")


def test_the_clusters_domain_is_read_from_where_kubelet_wrote_it():
    lines = "search cafe.svc.k8s.corp. svc.k8s.corp k8s.corp ec2.internal\nnameserver 10.96.0.10\n"
    assert cluster_domain(lines) == "k8s.corp"
    assert cluster_domain("search ec2.internal\n") == cluster_domain("") == "cluster.local"


@pytest.mark.parametrize("address", ["::ffff:169.254.169.254", "2002:a9fe:a9fe::", "fe80::1%eth0"])
def test_an_ipv4_address_in_an_ipv6_address_is_judged_as_such(address):
    assert is_ours_alone(address)
    assert not is_outside(address, [ip_network("::/0"), ip_network("0.0.0.0/0")])


async def run(url, **labels):
    world = World()
    item = experiment("podKill")
    item["spec"]["steadyState"]["probes"][0]["http"]["url"] = url
    world.kubernetes.seed(
        item,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bank", "labels": labels}},
    )
    for host in ("vault.bank", "menu.cloudcafe", "cafe.example.com"):
        world.http.mount(host, lambda *_: (200, {}))
    await drive(world, until=all_finished)
    return world.runs()[0]["status"]


async def test_another_namespace_must_have_opened_itself_to_probes():
    status = await run("http://vault.bank/")
    assert status["verdict"] == "Inconclusive"
    assert "kubectl label namespace bank cloudcafe.dev/probes=allowed" in status["message"]
    status = await run("http://vault.bank/", **{"cloudcafe.dev/probes": "allowed"})
    assert status["verdict"] == "Passed"


@pytest.mark.parametrize("url", ["http://menu.cloudcafe/", "https://cafe.example.com/"])
async def test_the_cafe_and_the_internet_may_be_probed(url):
    assert (await run(url))["verdict"] == "Passed"
