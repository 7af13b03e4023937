"""The network that the cafe finds, and what localaws adds to moto's EC2 and load balancing."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from localaws import seeds_network
from localaws.tests.traffic import until

CHAOS = "cloudcafe.dev/chaos"
TAGGED = [{"Name": "tag:cloudcafe.dev/part-of", "Values": ["cloudcafe"]}]


def tags(found):
    return {tag["Key"]: tag["Value"] for tag in found["Tags"]}


def group(ec2, name):
    named = [{"Name": "group-name", "Values": [f"cloudcafe-{name}"]}]
    (found,) = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    return found


def test_the_subnets_of_three_zones_consent_where_nothing_holds_the_cluster(client):
    subnets = client("ec2").describe_subnets(Filters=TAGGED)["Subnets"]
    zones = {each["AvailabilityZone"] for each in subnets}
    assert zones == {"eu-west-1a", "eu-west-1b", "eu-west-1c"}
    allowed = {tags(one)["Name"].split("-")[1] for one in subnets if CHAOS in tags(one)}
    assert (len(subnets), allowed) == (9, {"private", "database"})


@pytest.mark.parametrize("name", ["nodes", "control-plane", "endpoints", "operator"])
def test_what_holds_the_cluster_is_protected_and_does_not_consent(client, name):
    found = tags(group(client("ec2"), name))
    assert "cloudcafe.dev/protected" in found
    assert CHAOS not in found


def test_every_way_is_a_rule_at_each_end_that_is_a_group(client):
    ec2 = client("ec2")
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    names = {
        one["GroupId"]: one["GroupName"] for one in ec2.describe_security_groups()["SecurityGroups"]
    }
    ours = {
        (names[r["GroupId"]].removeprefix("cloudcafe-"), r["IsEgress"], r["FromPort"])
        for r in rules
    }
    known = seeds_network.groups()
    for way in seeds_network.ways():
        assert way.source not in known or (way.source, True, way.port) in ours
        assert way.target not in known or (way.target, False, way.port) in ours


def test_a_group_may_be_locked_down_where_that_is_felt(client):
    groups = client("ec2").describe_security_groups()["SecurityGroups"]
    opted_in = {
        tags(one)["Name"].removeprefix("cloudcafe-") for one in groups if CHAOS in tags(one)
    }
    # AWS is called, and pods call each other, past every group: these would feel nothing
    deaf = {"inventory", "payment-processor"}
    assert opted_in == {*seeds_network.ACCESS, *seeds_network.STORES} - deaf


def test_ids_are_the_same_after_a_new_start(aws, client):
    def ids():
        ec2 = client("ec2")
        ours = {
            each["GroupId"]
            for each in ec2.describe_security_groups(Filters=TAGGED)["SecurityGroups"]
        }
        rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
        return {each["SecurityGroupRuleId"] for each in rules if each["GroupId"] in ours}

    before = ids()
    aws.reset()
    assert ids() == before


def test_what_is_made_after_the_seeds_gets_ids_of_its_own(aws, client):
    made = []
    for _ in range(2):
        aws.reset()
        vpc = group(client("ec2"), "aurora")["VpcId"]
        made.append(client("ec2").create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"])
    assert made[0] != made[1]


def test_listener_rules_are_found_by_their_tags(client):
    tagging = client("resourcegroupstaggingapi")
    found = tagging.get_resources(
        ResourceTypeFilters=["elasticloadbalancing:listener-rule"],
        TagFilters=[{"Key": "Name", "Values": ["cloudcafe-order"]}],
    )["ResourceTagMappingList"]
    assert [":listener-rule/app/cloudcafe-alb/" in each["ResourceARN"] for each in found] == [True]


def test_deregistering_a_target_twice_is_no_error(client):
    elb = client("elbv2")
    (tills,) = elb.describe_target_groups(Names=["cloudcafe-order-tills"])["TargetGroups"]
    target = {"Id": "10.20.64.10", "Port": 8080}
    for _ in range(2):
        elb.deregister_targets(TargetGroupArn=tills["TargetGroupArn"], Targets=[target])
    assert states(elb, tills["TargetGroupArn"])[target["Id"]] == "draining"


def states(elb, arn):
    found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in found}


def test_a_target_drains_before_it_is_gone_and_is_looked_at_before_it_serves(client):
    elb = client("elbv2")
    (tills,) = elb.describe_target_groups(Names=["cloudcafe-order-tills"])["TargetGroups"]
    arn, target = tills["TargetGroupArn"], {"Id": "10.20.64.10", "Port": 8080}
    before = states(elb, arn)
    assert set(before.values()) == {"healthy"}
    elb.deregister_targets(TargetGroupArn=arn, Targets=[target])
    assert states(elb, arn) == {**before, target["Id"]: "draining"}
    until(lambda: target["Id"] not in states(elb, arn))
    asked = elb.describe_target_health(TargetGroupArn=arn, Targets=[target])
    (told,) = asked["TargetHealthDescriptions"]
    assert told["TargetHealth"]["State"] == "unused"
    elb.register_targets(TargetGroupArn=arn, Targets=[target])
    assert states(elb, arn) == {**before, target["Id"]: "initial"}
    until(lambda: states(elb, arn) == before)


def test_a_target_that_drains_can_be_registered_again(client):
    elb = client("elbv2")
    (tills,) = elb.describe_target_groups(Names=["cloudcafe-order-tills"])["TargetGroups"]
    arn, target = tills["TargetGroupArn"], {"Id": "10.20.64.10", "Port": 8080}
    elb.deregister_targets(TargetGroupArn=arn, Targets=[target])
    elb.register_targets(TargetGroupArn=arn, Targets=[target])
    assert states(elb, arn)[target["Id"]] == "initial"


def test_an_association_that_was_replaced_is_not_found(client):
    ec2 = client("ec2")
    acl = ec2.create_network_acl(VpcId=group(ec2, "aurora")["VpcId"])["NetworkAcl"]["NetworkAclId"]
    arguments = {"AssociationId": "aclassoc-0123456789abcdef0", "NetworkAclId": acl}
    with pytest.raises(ClientError, match=r"InvalidAssociationID\.NotFound"):
        ec2.replace_network_acl_association(**arguments)


def test_a_rule_that_names_a_group_keeps_its_description(client):
    ec2 = client("ec2")
    aurora, menu = group(ec2, "aurora")["GroupId"], group(ec2, "menu")["GroupId"]
    peer = {"GroupId": menu, "Description": "menu to aurora"}
    asked = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [peer]}
    ec2.authorize_security_group_ingress(GroupId=aurora, IpPermissions=[asked])
    owned = [{"Name": "group-id", "Values": [aurora]}]
    rules = ec2.describe_security_group_rules(Filters=owned)["SecurityGroupRules"]
    assert "menu to aurora" in {each.get("Description") for each in rules}


def test_where_an_endpoint_has_its_interfaces_is_answered(client):
    ec2 = client("ec2")
    subnet = ec2.describe_subnets(Filters=TAGGED)["Subnets"][0]
    vpc = {"Name": "vpc-id", "Values": [subnet["VpcId"]]}
    known = ec2.describe_vpc_endpoints(Filters=[vpc])["VpcEndpoints"]
    ec2.create_vpc_endpoint(
        VpcId=subnet["VpcId"],
        ServiceName="com.amazonaws.eu-west-1.sts",
        VpcEndpointType="Interface",
        SubnetIds=[subnet["SubnetId"]],
    )
    (made,) = ec2.describe_vpc_endpoints(Filters=[vpc])["VpcEndpoints"][len(known) :]
    assert made["SubnetIds"] == [subnet["SubnetId"]]
    here = {"Name": "subnet-id", "Values": [subnet["SubnetId"]]}
    for asked in (vpc, here):
        interfaces = ec2.describe_network_interfaces(Filters=[asked])["NetworkInterfaces"]
        assert subnet["SubnetId"] in {one["SubnetId"] for one in interfaces}
