"""Where a probe connects to: only to addresses that were judged, whatever a name says later."""

import socket
from ipaddress import ip_network

import pytest
from aiohttp import web
from cloudcafe_operator.effects.probe_http import FencedResolver, ProbeClient, look_up

HOME = "cafe"
LOCAL = "cluster.local"
MENU = f"menu.{HOME}.svc.{LOCAL}."
TILL = f"till.shop.svc.{LOCAL}."
OURS_ALONE = [
    "169.254.169.254", "127.0.0.1", "0.0.0.0", "::1", "fe80::1%eth0", "fd00:ec2::254",
    "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
]  # fmt: skip
PRIVATE = ["10.0.0.7", "172.20.0.1", "192.168.1.1", "100.64.0.7", "fd12::1", "::ffff:10.0.0.7"]


class Dns:
    """Answers by full names; a name may be an alias, and say something else later."""

    def __init__(self):
        self.names, self.aliases, self.asked = {}, {}, []

    def add(self, name, *addresses, alias=""):
        self.names[name] = list(addresses)
        self.aliases[name] = alias
        return self

    async def __call__(self, name, port, family):
        self.asked.append(name)
        if name not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        real = self.aliases.get(name) or name.rstrip(".")
        return [
            (family, socket.SOCK_STREAM, 6, real if not number else "", (address, port))
            for number, address in enumerate(self.names[name])
        ]

    async def resolved(self, host, **options):
        resolver = FencedResolver(HOME, domain=LOCAL, lookup=self, **options)
        return [one["host"] for one in await resolver.resolve(host, 80)]


@pytest.mark.parametrize("host", ["menu", "menu.cafe", "menu.cafe.svc", MENU, "MENU"])
async def test_a_service_of_the_cluster_is_reached_by_each_of_its_names(host):
    dns = Dns().add(MENU, "10.96.0.7")
    assert await dns.resolved(host) == ["10.96.0.7"]
    assert dns.asked == [MENU]


async def test_a_pod_of_a_headless_service_is_reached():
    dns = Dns().add(f"till-0.till.shop.svc.{LOCAL}.", "10.1.0.7", "fd12::7")
    assert await dns.resolved("till-0.till.shop") == ["10.1.0.7", "fd12::7"]


@pytest.mark.parametrize("address", OURS_ALONE)
@pytest.mark.parametrize("name", [MENU, TILL, "rebound.example.com."])
async def test_no_name_leads_to_ourselves_or_the_node(name, address):
    dns = Dns().add(name, address)
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    with pytest.raises(OSError, match="leads to no address that a probe may reach"):
        await dns.resolved(name, opened=everything)
    dns.add(name, address, "1.1.1.1")
    assert await dns.resolved(name) == ["1.1.1.1"]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_of_the_outside_leads_inside_only_where_the_chart_opened_it(address):
    dns = Dns().add("cafe.example.com.", address)
    with pytest.raises(OSError, match="open its CIDR in global"):
        await dns.resolved("cafe.example.com")
    opened = [ip_network(one) for one in ("10.0.0.0/24", "172.20.0.0/16", "192.168.1.1/32",
                                          "100.64.0.0/10", "fd12::/48")]  # fmt: skip
    assert await dns.resolved("cafe.example.com", opened=opened) == [address]


@pytest.mark.parametrize(
    "host",
    [
        "10-96-0-1.nip.io",
        "till.shop.svc.example.com",
        "10-0-0-7.shop.pod.cluster.local",
        "ip-10-0-0-7.ec2.internal",
    ],
)
async def test_names_that_only_look_like_the_clusters_are_outside(host):
    with pytest.raises(OSError, match="leads to no address"):
        await Dns().add(f"{host}.", "10.0.0.7").resolved(host)


async def test_a_name_without_a_namespace_is_looked_for_at_home_and_nowhere_else():
    dns = Dns().add("ip-10-0-0-7.", "1.1.1.1")
    with pytest.raises(socket.gaierror):
        await dns.resolved("ip-10-0-0-7")
    assert dns.asked == [f"ip-10-0-0-7.{HOME}.svc.{LOCAL}."]


async def test_a_cluster_whose_dns_is_silent_does_not_send_its_names_to_the_internet():
    async def silent(name, *_):
        asked.append(name)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    asked = []
    with pytest.raises(socket.gaierror, match="Temporary"):
        await FencedResolver(HOME, domain=LOCAL, lookup=silent).resolve("till.shop")
    assert asked == [TILL]


@pytest.mark.parametrize("alias", [f"vault.bank.svc.{LOCAL}", f"{TILL}example.com"])
async def test_an_alias_in_another_namespace_leads_where_nobody_judged_and_is_outside(alias):
    dns = Dns().add(TILL, "10.0.0.7", alias=alias)
    with pytest.raises(OSError, match="leads to no address"):
        await dns.resolved("till.shop")
    dns.add(TILL, "1.1.1.1", alias=alias)
    assert await dns.resolved("till.shop") == ["1.1.1.1"]


async def test_an_alias_of_the_cafes_own_namespace_is_the_charts():
    dns = Dns().add(MENU, "10.0.0.7", alias="internal-menu.eu-west-1.elb.amazonaws.com")
    assert await dns.resolved("menu") == ["10.0.0.7"]


async def test_the_system_says_whose_addresses_they_are():
    found = await look_up("localhost", 80, socket.AF_INET)
    assert found[0][3].startswith("localhost")
    assert found[0][4] == ("127.0.0.1", 80)


class Opened(FencedResolver):
    """Lets this test's server be reached: it stands for any address that was judged well."""

    asked = 0

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked += 1
        found = await super().resolve(host, port, family)
        return [{**one, "host": "127.0.0.1"} for one in found]


@pytest.fixture
async def server(unused_tcp_port):
    async def hosts(request):
        return web.json_response({"host": request.host})

    async def caller(request):
        return web.json_response(request.transport.get_extra_info("peername"))

    async def away(_request):
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data")

    app = web.Application()
    app.router.add_get("/", hosts)
    app.router.add_get("/caller", caller)
    app.router.add_get("/away", away)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield unused_tcp_port
    await runner.cleanup()


async def asked(url, resolver):
    client = ProbeClient(resolver)
    try:
        return await client.request("GET", url)
    finally:
        await client.close()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "2130706433", "127.1", "0x7f000001", "\uff11\uff12\uff17.0.0.1",
     "127\u30020.0.1", "\u2460\u2461\u2466.0.0.1", "[::ffff:7f00:1]", "localhost", "localhost.",
     "%31%32%37.0.0.1", "a\\@127.0.0.1"],
)  # fmt: skip
async def test_no_spelling_of_an_address_reaches_ourselves(server, host):
    answer = await asked(f"http://{host}:{server}/", FencedResolver(HOME))
    assert answer.status == 0
    assert " was not asked, " in answer.error


async def test_what_was_judged_is_connected_to_and_asked_once_for_each_connection(server):
    dns = Dns().add("cafe.example.com.", "1.1.1.1")
    resolver = Opened(HOME, domain=LOCAL, lookup=dns)
    answer = await asked(f"http://cafe.example.com:{server}/", resolver)
    assert (answer.status, answer.body) == (200, b'{"host": "cafe.example.com:%d"}' % server)
    assert dns.asked.count("cafe.example.com.") == resolver.asked == 1


async def test_a_name_that_was_judged_well_once_is_judged_again(server):
    dns = Dns().add("cafe.example.com.", "1.1.1.1")
    url = f"http://cafe.example.com:{server}/"
    assert (await asked(url, Opened(HOME, domain=LOCAL, lookup=dns))).status == 200
    dns.add("cafe.example.com.", "127.0.0.1")
    answer = await asked(url, FencedResolver(HOME, domain=LOCAL, lookup=dns))
    assert answer.status == 0
    assert "leads to no address that a probe may reach" in answer.error


async def test_a_probe_makes_a_connection_for_each_sample(server):
    dns = Dns().add("cafe.example.com.", "1.1.1.1")
    client = ProbeClient(Opened(HOME, domain=LOCAL, lookup=dns))
    url = f"http://cafe.example.com:{server}/caller"
    callers = [(await client.request("GET", url)).body for _ in range(3)]
    await client.close()
    assert len(set(callers)) == 3


async def test_a_redirect_is_an_answer_and_is_not_followed(server):
    resolver = Opened(HOME, domain=LOCAL, lookup=Dns().add("cafe.example.com.", "1.1.1.1"))
    answer = await asked(f"http://cafe.example.com:{server}/away", resolver)
    assert answer.status == 302
    assert resolver.asked == 1


async def test_nonsense_is_no_url():
    answer = await asked("nonsense", FencedResolver(HOME))
    assert (answer.status, answer.error) == (0, "nonsense was not asked, which names no host")
