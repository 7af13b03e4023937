"""Where a probe's URL may lead."""

import pytest
from cloudcafe_operator.effects.http import FencedResolver
from cloudcafe_operator.planning.fence import host_of, namespace_of, refused_host

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
)


@pytest.mark.parametrize("url", NEVER)
def test_never_to_ourselves_the_node_or_a_bare_address_inside(url):
    assert refused_host(host_of(url))


@pytest.mark.parametrize("url", ["http://menu:8080", "https://cafe.example.com", "http://1.1.1.1"])
def test_services_and_the_internet_are_judged_by_their_namespace(url):
    assert not refused_host(host_of(url))


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


class Answers:
    def __init__(self, *addresses):
        self._addresses = addresses

    async def resolve(self, _host, _port, _family):
        return [{"host": address} for address in self._addresses]


@pytest.mark.parametrize(
    "number", ["169.254.169.254", "127.0.0.1", "::1", "fe80::1%eth0", "64:ff9b::a9fe:a9fe"]
)
async def test_a_name_that_resolves_to_ourselves_or_the_node_is_not_connected_to(number):
    resolver = FencedResolver()
    resolver._inner = Answers(number)
    with pytest.raises(OSError, match="no address that a probe may reach"):
        await resolver.resolve("rebound.example.com")
    resolver._inner = Answers(number, "10.96.0.7")
    assert await resolver.resolve("mixed.example.com") == [{"host": "10.96.0.7"}]


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
