"""A failover from the API to the sockets: a real Toxiproxy before an echo server."""

from __future__ import annotations

import time

import httpx
import pytest
from botocore.exceptions import ClientError

from localaws.tests.traffic import OUTAGE_SECONDS, echoes, until


@pytest.fixture
def cafe(client_of_stage):
    return client_of_stage("rds")


def test_a_failover_cuts_open_connections_refuses_new_ones_and_lets_them_back(toxiproxy, cafe):
    connection = toxiproxy.connect()
    with connection:
        started = time.monotonic()
        cafe.failover_db_cluster(DBClusterIdentifier="cloudcafe")
        assert not echoes(connection)
        assert not toxiproxy.serves()
        until(toxiproxy.serves)
        assert time.monotonic() - started == pytest.approx(OUTAGE_SECONDS, abs=0.7)
    writer = [
        member["DBInstanceIdentifier"]
        for member in cafe.describe_db_clusters()["DBClusters"][0]["DBClusterMembers"]
        if member["IsClusterWriter"]
    ]
    assert writer == ["cloudcafe-2"]


def test_a_toxiproxy_restarted_during_the_failover_is_cut_again(toxiproxy, cafe):
    cafe.failover_db_cluster(DBClusterIdentifier="cloudcafe")
    toxiproxy.stop()
    toxiproxy.start()
    until(lambda: not toxiproxy.serves(), seconds=1.2)
    until(toxiproxy.serves)


def test_a_proxy_that_vanished_is_made_again(toxiproxy, cafe):
    httpx.delete(f"{toxiproxy.url}/proxies/aurora-writer", trust_env=False)

    def back():
        return "aurora-writer" in httpx.get(f"{toxiproxy.url}/proxies", trust_env=False).json()

    until(back)
    # where localaws made it, nobody else looks for it
    toxiproxy.stop()
    toxiproxy.start()


def test_refusals_leave_connections_alone(toxiproxy, cafe):
    with toxiproxy.connect() as connection:
        for arguments in ({"DBClusterIdentifier": "nobody"}, {"TargetDBInstanceIdentifier": "x"}):
            with pytest.raises(ClientError):
                cafe.failover_db_cluster(**{"DBClusterIdentifier": "cloudcafe", **arguments})
        assert echoes(connection)
