"""What guests see when a task, an instance or a pod is lost, or busy: its process is a real one.

Drains and partitions of pods need nodes and their network: tests/cluster has them.
"""

import uuid

import pytest

from tests.consequences.guests import Watch, within

# the first of them starts the whole cafe
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


async def test_a_stopped_task_of_analytics_delays_sales_and_loses_none(guest, stage, broken):
    sold, kills = await within(guest.sold, "a report"), stage.processes["analytics-worker"].kills
    async with broken("06-ecs-task-kill") as fault:
        order = await guest.ordered()
        await within(lambda: guest.is_("completed", order), "the order of the outage")
        await within(lambda: has_sold(guest, sold + 1), "the sale")
        await within(fault.is_healthy, "the service to be whole")
    assert stage.processes["analytics-worker"].kills == kills + 1


async def has_sold(guest, orders):
    return (await guest.sold() or 0) >= orders


async def test_a_terminated_instance_of_loyalty_delays_points_and_loses_none(guest, stage, broken):
    customer, kills = f"guest-{uuid.uuid4()}", stage.processes["loyalty"].kills
    async with broken("16-asg-instance-terminate") as fault:
        order = await guest.ordered(customer)
        await within(lambda: guest.is_("completed", order), "the order of the outage")
        await within(lambda: guest.points(customer), "its points")
        await within(fault.is_healthy, "the group to be whole")
    assert stage.processes["loyalty"].kills == kills + 1


async def test_the_only_pod_of_orders_is_killed_and_takes_orders_again_with_all_it_had(
    guest, stage, world, broken
):
    def dies(change, item):
        if change == "DELETED":
            stage.replaced(item["metadata"]["labels"]["app.kubernetes.io/name"])

    world.kubernetes.watchers.append(dies)
    placed = await guest.ordered()
    async with Watch(guest.order) as orders, broken("13-pod-kill"):
        await within(guest.is_served, "coffee from the pod that took its place")
    assert None in orders.seen
    await within(lambda: guest.is_("completed", placed), "the order from before")


async def test_a_busy_hour_burns_in_the_service_that_goes_on_serving(guest, world, broken):
    async def burning():
        answer = await world.admin.call("order", "GET", "/admin/stress", namespace="cafe")
        return answer["active"]

    async with broken("15-cpu-stress"):
        assert await burning()
        await within(guest.is_served, "coffee in the rush")
    assert not await burning()
