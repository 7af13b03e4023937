"""Several reasons to cut one endpoint."""

from __future__ import annotations

from localaws.switchboard import Switchboard
from localaws.toxiproxy import Proxy

from localaws.tests.fakes import FakeToxiproxy

WRITER = Proxy("aurora-writer", "0.0.0.0:5432", "postgresql:5432")


async def test_an_endpoint_serves_only_while_nobody_wants_it_away():
    toxiproxy = FakeToxiproxy()
    board = Switchboard(toxiproxy)
    failover, network = board.of("failover"), board.of("network")
    await failover.ensure(WRITER, enabled=False)
    await network.ensure(WRITER, enabled=True)
    assert not toxiproxy.enabled
    await network.ensure(WRITER, enabled=False)
    await failover.ensure(WRITER, enabled=True)
    assert not toxiproxy.enabled
    assert board.why_away("aurora-writer") == ["network"]
    await network.ensure(WRITER, enabled=True)
    assert toxiproxy.enabled


async def test_asking_again_changes_nothing():
    toxiproxy = FakeToxiproxy()
    switch = Switchboard(toxiproxy).of("failover")
    for _ in range(2):
        await switch.ensure(WRITER, enabled=False)
    assert toxiproxy.switched == [False]


def test_without_toxiproxy_there_is_no_switch():
    assert Switchboard().of("failover") is None
