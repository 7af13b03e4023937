"""azNetworkPartition: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import NotFound, UserError
from cloudcafe_operator.faults.az_network_partition import AzNetworkPartition

from tests.crash.bench import Bench
from tests.fakes.zones import DEFAULT, OWN

EVERYTHING = {"selector": {"tags": {"cloudcafe.dev/chaos": "allowed"}}}


def bench(**changes):
    made = Bench(AzNetworkPartition(), **changes)
    return made, made.world.parts["network"].zones


def operator(made, *addresses):
    """Run the operator at these addresses."""
    for number, address in enumerate(addresses):
        made.world.kubernetes.seed(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": f"operator-{number}",
                    "namespace": "cloudcafe",
                    "labels": {"app.kubernetes.io/name": "cloudcafe-operator"},
                },
                "status": {"phase": "Running", "hostIP": address},
            }
        )


async def test_zones_are_chosen_and_share_their_vpc():
    made, _ = bench(zones=[])
    targets = await made.targets()
    assert [(one.id, one.group_size) for one in targets] == [
        ("vpc-1/eu-west-1a", 2),
        ("vpc-1/eu-west-1b", 2),
    ]


async def test_all_matching_subnets_of_the_zone_are_cut_and_each_gets_its_own_acl_back():
    made, zones = bench(**EVERYTHING)
    before = zones.state()
    entry = await made.entry()
    ours = (await made.inject(entry))["acl"]
    assert zones.guards == {
        "private-a": ours,
        "database-a": ours,
        "private-b": DEFAULT,
        "database-b": OWN,
    }
    assert (await made.revert(entry)).outcome == "Reverted"
    assert zones.state() == before


async def test_two_zones_of_a_run_have_an_acl_each():
    made, zones = bench(zones=[])
    entries = [await made.entry(target) for target in await made.targets()]
    for entry in entries:
        await made.inject(entry)
    await made.revert(entries[0])
    assert zones.guards["database-a"] == OWN
    assert await made.in_force(entries[1])


async def test_a_subnet_that_somebody_gave_another_acl_meanwhile_keeps_it():
    made, zones = bench()
    entry = await made.entry()
    await made.inject(entry)
    zones.guards["database-a"] = DEFAULT
    undone = await made.revert(entry)
    assert (undone.outcome, zones.guards["database-a"]) == ("Diverged", DEFAULT)
    assert await made.verify(entry)


async def test_a_subnet_whose_own_acl_is_gone_is_not_left_cut_off():
    made, zones = bench()
    entry = await made.entry()
    await made.inject(entry)
    zones.guards["database-b"] = DEFAULT
    del zones.acls[OWN]
    undone = await made.revert(entry)
    assert (undone.outcome, zones.guards["database-a"]) == ("Diverged", DEFAULT)
    assert "acl-database is gone" in undone.detail


async def test_a_lost_answer_to_the_removal_is_no_trouble():
    made, _ = bench()
    entry = await made.entry()
    await made.inject(entry)
    made.world.aws.fail_next("ec2", "delete_network_acl", NotFound("gone already"))
    assert (await made.revert(entry)).outcome == "Reverted"


async def test_refuses_to_inject_over_a_change_made_after_the_capture():
    made, zones = bench()
    entry = await made.entry()
    zones.guards["database-a"] = DEFAULT
    with pytest.raises(UserError, match="since it was captured"):
        await made.inject(entry)


async def test_refuses_subnets_by_whose_nat_gateway_others_leave():
    made, zones = bench()
    zones.gateways.append("database-a")
    with pytest.raises(UserError, match="choose subnets without NAT gateways"):
        await made.entry()


async def test_refuses_the_subnets_that_hold_all_of_an_endpoint():
    made, zones = bench(**EVERYTHING)
    zones.endpoints["vpce-ec2"] = ["private-a", "database-a"]
    with pytest.raises(UserError, match=r"vpce-ec2, the way to .*, would be cut off whole"):
        await made.entry()


async def test_refuses_the_subnets_that_hold_all_of_a_clusters_api_server():
    made, zones = bench(**EVERYTHING)
    zones.api_servers = ["private-a"]
    with pytest.raises(UserError, match="all interfaces of the API server of Amazon EKS cafe"):
        await made.entry()


@pytest.mark.parametrize("way", ["endpoint", "API server"])
async def test_refuses_the_last_zone_with_a_way_out_once_the_others_are_cut(way):
    made, zones = bench(zones=[], selector=EVERYTHING["selector"])
    if way == "endpoint":
        zones.api_servers = []
    else:
        zones.endpoints = {}
    first, second = [await made.entry(target) for target in await made.targets()]
    await made.inject(first)
    assert await made.inject(first)  # again after a crash
    for again in (made.inject(second), made.entry(second.target)):
        with pytest.raises(UserError, match={"endpoint": "vpce-sts"}.get(way, way)):
            await again
    assert zones.guards["private-b"] == DEFAULT


async def test_refuses_the_only_zone_in_which_the_operator_runs():
    made, _ = bench()
    operator(made, "10.20.2.7")
    with pytest.raises(UserError, match="give it a replica in another zone"):
        await made.entry()


async def test_an_operator_in_another_zone_is_enough():
    made, _ = bench()
    operator(made, "10.20.2.7", "10.20.9.7")
    assert (await made.entry()).captured["zone"] == "eu-west-1a"


async def test_refuses_a_zone_that_another_run_has_cut_off():
    made, zones = bench()
    zones.acls["acl-theirs"] = {"cloudcafe.dev/run": "another-run"}
    zones.guards["database-a"] = "acl-theirs"
    with pytest.raises(UserError, match="cut off by run another-run"):
        await made.entry()


async def test_refuses_where_aws_allows_no_further_acl():
    made, zones = bench()
    zones.acls |= {f"acl-x{number}": {} for number in range(200)}
    with pytest.raises(UserError, match="as many as AWS allows"):
        await made.entry()


async def test_the_command_by_hand_names_each_subnet_and_its_acl():
    made, _ = bench(**EVERYTHING)
    command = made.fault.by_hand(await made.entry())
    assert command.count("replace-network-acl-association") == 2
    assert "--network-acl-id acl-database" in command
