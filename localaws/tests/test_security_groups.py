"""A security group's rules, from the API to the sockets."""

from __future__ import annotations

import pytest

from localaws.tests.traffic import ENDPOINTS, WRITER, echoes, until


@pytest.fixture
def client(client_of_stage):
    return client_of_stage


@pytest.fixture
def ec2(client):
    return client("ec2")


def rules(ec2, name, *, egress=False):
    """Return the group's id and its rules of one direction."""
    named = [{"Name": "group-name", "Values": [f"cloudcafe-{name}"]}]
    group = ec2.describe_security_groups(Filters=named)["SecurityGroups"][0]["GroupId"]
    owned = [{"Name": "group-id", "Values": [group]}]
    found = ec2.describe_security_group_rules(Filters=owned)["SecurityGroupRules"]
    return group, [each for each in found if each["IsEgress"] is egress]


def test_revoking_the_way_in_cuts_that_store_and_no_other_and_authorising_gives_it_back(
    toxiproxy, ec2
):
    group, (rule,) = rules(ec2, "aurora")
    with toxiproxy.connect() as connection:
        ec2.revoke_security_group_ingress(
            GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
        )
        assert not echoes(connection)
    assert [name for name in ENDPOINTS if not toxiproxy.serves(name)] == [WRITER]
    peer = {"GroupId": rule["ReferencedGroupInfo"]["GroupId"]}
    permission = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [peer]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    assert toxiproxy.serves()


def test_revoking_the_ways_out_of_a_service_cuts_its_store(toxiproxy, ec2):
    group, found = rules(ec2, "loyalty", egress=True)
    ids = [each["SecurityGroupRuleId"] for each in found]
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=ids)
    assert [name for name in ENDPOINTS if not toxiproxy.serves(name)] == ["memorydb"]


def test_a_toxiproxy_that_restarts_is_cut_again(toxiproxy, ec2):
    group, (rule,) = rules(ec2, "redshift")
    ec2.revoke_security_group_ingress(
        GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
    )
    toxiproxy.stop()
    toxiproxy.start()
    until(lambda: not toxiproxy.serves("redshift"))


def test_a_failover_that_is_over_does_not_open_what_a_missing_rule_keeps_closed(
    stage, toxiproxy, client, ec2
):
    group, (rule,) = rules(ec2, "aurora")
    ec2.revoke_security_group_ingress(
        GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
    )
    client("rds").failover_db_cluster(DBClusterIdentifier="cloudcafe")
    until(lambda: stage[1].state()["consequences"]["aurora_failover"]["failingOver"] == {})
    assert not toxiproxy.serves()
