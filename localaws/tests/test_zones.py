"""A zone that network ACLs cut off, from the API to the sockets."""

from __future__ import annotations

import pytest

from localaws.tests.traffic import ENDPOINTS, WRITER, until


@pytest.fixture
def client(client_of_stage):
    return client_of_stage


@pytest.fixture
def ec2(client):
    return client("ec2")


def subnets(ec2, zone, kind="database"):
    named = [{"Name": "tag:Name", "Values": [f"cloudcafe-{kind}-eu-west-1{zone}"]}]
    (found,) = ec2.describe_subnets(Filters=named)["Subnets"]
    return found


def guard(ec2, subnet, acl=None):
    """Put a subnet behind an ACL (or one that denies everything); return the one that it had."""
    acl = acl or ec2.create_network_acl(VpcId=subnet["VpcId"])["NetworkAcl"]["NetworkAclId"]
    asked = [{"Name": "association.subnet-id", "Values": [subnet["SubnetId"]]}]
    (had,) = ec2.describe_network_acls(Filters=asked)["NetworkAcls"]
    association = next(
        each["NetworkAclAssociationId"]
        for each in had["Associations"]
        if each["SubnetId"] == subnet["SubnetId"]
    )
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
    return had["NetworkAclId"]


def writer(client):
    (cluster,) = client("rds").describe_db_clusters()["DBClusters"]
    members = cluster["DBClusterMembers"]
    return next(m["DBInstanceIdentifier"] for m in members if m["IsClusterWriter"])


def test_the_primaries_of_a_zone_are_cut_at_once_and_replicas_elsewhere_take_over(
    toxiproxy, client, ec2
):
    own = guard(ec2, subnets(ec2, "a"))
    assert not toxiproxy.serves()
    until(lambda: toxiproxy.serves() and writer(client) == "cloudcafe-2")
    until(lambda: all(map(toxiproxy.serves, ("elasticache", "memorydb", "documentdb"))))
    assert not toxiproxy.serves("redshift")  # it has no replica
    guard(ec2, subnets(ec2, "a"), own)
    assert toxiproxy.serves("redshift")
    assert writer(client) == "cloudcafe-2"


def test_a_zone_without_primaries_may_go(toxiproxy, ec2):
    guard(ec2, subnets(ec2, "c"))
    assert all(map(toxiproxy.serves, ENDPOINTS))


def test_the_pods_of_one_zone_leave_those_of_the_others(toxiproxy, ec2):
    guard(ec2, subnets(ec2, "a", "private"))
    assert all(map(toxiproxy.serves, ENDPOINTS))


def test_without_any_zone_nothing_serves_until_one_is_back(toxiproxy, ec2):
    own = [guard(ec2, subnets(ec2, zone)) for zone in "abc"]
    assert not any(map(toxiproxy.serves, ENDPOINTS))
    for zone, acl in zip("abc", own, strict=True):
        guard(ec2, subnets(ec2, zone), acl)
    until(lambda: toxiproxy.serves(WRITER))
