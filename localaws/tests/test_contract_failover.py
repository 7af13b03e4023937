"""FailoverDBCluster over the wire: its course and its refusals, in AWS's words."""

from __future__ import annotations

import threading
import time

import pytest
from botocore.exceptions import ClientError


def _status_and_writer(rds):
    cluster = rds.describe_db_clusters(DBClusterIdentifier="cloudcafe")["DBClusters"][0]
    return cluster["Status"], next(
        member["DBInstanceIdentifier"]
        for member in cluster["DBClusterMembers"]
        if member["IsClusterWriter"]
    )


def _until_available(rds):
    deadline = time.monotonic() + 10
    seen = [_status_and_writer(rds)]
    while seen[-1][0] != "available":
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
        now = _status_and_writer(rds)
        if now != seen[-1]:
            seen.append(now)
    return seen


def _refusal(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"]


def test_status_and_writer_change_in_the_order_of_aws(client):
    rds = client("rds")
    assert _status_and_writer(rds) == ("available", "cloudcafe-1")
    cluster = rds.failover_db_cluster(
        DBClusterIdentifier="cloudcafe", TargetDBInstanceIdentifier="cloudcafe-2"
    )["DBCluster"]
    assert cluster["Status"] == "failing-over"
    assert _until_available(rds) == [
        ("failing-over", "cloudcafe-1"),
        ("failing-over", "cloudcafe-2"),
        ("available", "cloudcafe-2"),
    ]


def test_instances_reboot_while_the_cluster_fails_over(client):
    rds = client("rds")
    rds.failover_db_cluster(DBClusterIdentifier="cloudcafe")
    states = {each["DBInstanceStatus"] for each in rds.describe_db_instances()["DBInstances"]}
    assert states == {"rebooting"}
    _until_available(rds)
    states = {each["DBInstanceStatus"] for each in rds.describe_db_instances()["DBInstances"]}
    assert states == {"available"}


def test_events_name_the_failover(client):
    rds = client("rds")
    rds.failover_db_cluster(DBClusterIdentifier="cloudcafe")
    _until_available(rds)
    events = rds.describe_events(SourceIdentifier="cloudcafe", SourceType="db-cluster")["Events"]
    assert {event["Message"] for event in events} == {
        "Started failover to DB instance: cloudcafe-2",
        "Completed failover to DB instance: cloudcafe-2",
    }


def test_a_second_failover_at_once_is_refused(client):
    rds = client("rds")
    rds.failover_db_cluster(DBClusterIdentifier="cloudcafe")
    refusal = _refusal(rds.failover_db_cluster, DBClusterIdentifier="cloudcafe")
    assert refusal == "InvalidDBClusterStateFault"


def test_an_unknown_cluster_or_target_is_refused(client):
    rds = client("rds")
    assert _refusal(rds.failover_db_cluster, DBClusterIdentifier="no") == "DBClusterNotFoundFault"
    unknown = {"DBClusterIdentifier": "cloudcafe", "TargetDBInstanceIdentifier": "no"}
    assert _refusal(rds.failover_db_cluster, **unknown) == "DBInstanceNotFound"
    writer = {"DBClusterIdentifier": "cloudcafe", "TargetDBInstanceIdentifier": "cloudcafe-1"}
    assert _refusal(rds.failover_db_cluster, **writer) == "InvalidDBInstanceState"


def test_a_cluster_of_one_cannot_fail_over(client):
    rds = client("rds")
    rds.delete_db_instance(DBInstanceIdentifier="cloudcafe-2", SkipFinalSnapshot=True)
    refusal = _refusal(rds.failover_db_cluster, DBClusterIdentifier="cloudcafe")
    assert refusal == "InvalidDBClusterStateFault"


def test_a_reset_ends_a_failover(client, aws):
    rds = client("rds")
    rds.failover_db_cluster(DBClusterIdentifier="cloudcafe")
    assert "cloudcafe" in aws.state()["consequences"]["aurora_failover"]["failingOver"]
    aws.reset()
    assert _status_and_writer(rds) == ("available", "cloudcafe-1")
