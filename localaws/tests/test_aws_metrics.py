"""What is published as AWS/* metrics, when, and when no longer."""

from __future__ import annotations

import json

from localaws.consequences.aws_metrics import AwsMetrics, figures, hosts, waiting
from localaws.measures import Metric
from localaws.messages import Reply
from localaws.network import Listener, ListenerRule, Network, TargetGroup
from localaws.world import Backlog

from localaws.tests.fakes import ACCOUNT, REGION, FakeClock, world

THROTTLES = Metric("AWS/Lambda", "Throttles", (("FunctionName", "pay"),))
HOSTS = Metric("AWS/NetworkELB", "HealthyHostCount", (("LoadBalancer", "net/tills/1"),))


def test_what_has_ceased_is_followed_by_one_zero():
    assert figures({THROTTLES: 3}, {}) == {THROTTLES: 3}
    assert figures({}, {THROTTLES: 3}) == {THROTTLES: 0}
    assert figures({}, {THROTTLES: 0}) == {}


def test_a_level_of_zero_is_put_again_and_again():
    assert figures({HOSTS: 0}, {HOSTS: 0}) == {HOSTS: 0}


def test_queues_that_hold_nothing_are_not_told_of():
    busy = Backlog(ACCOUNT, REGION, "busy.fifo", 2, 7.5)
    taken = Backlog(ACCOUNT, REGION, "all-in-flight", 0, 3.0)
    idle = Backlog(ACCOUNT, REGION, "idle", 0, 0.0)
    told = {
        (m.name, m.dimensions[0][1]): value for m, value in waiting([busy, taken, idle]).items()
    }
    assert told == {
        ("ApproximateAgeOfOldestMessage", "busy.fifo"): 7.5,
        ("ApproximateNumberOfMessagesVisible", "busy.fifo"): 2.0,
        ("ApproximateAgeOfOldestMessage", "all-in-flight"): 3.0,
        ("ApproximateNumberOfMessagesVisible", "all-in-flight"): 0.0,
    }


def test_each_group_of_a_balancer_has_its_hosts():
    arn = "arn:aws:elasticloadbalancing:eu-west-1:0:targetgroup/order/9"
    action = {"Type": "forward", "TargetGroupArn": arn}
    rule = ListenerRule(1, (), (), (), action)
    listener = Listener("tills", (), (), (rule,), "net/tills/1", "network")
    group = TargetGroup(arn, "order", "order", ("10.0.0.1", "10.0.0.2"))
    (found,) = hosts(Network(listeners={"tills": listener}, target_groups={arn: group})).items()
    assert (found[0].namespace, found[0].name, found[1]) == (
        "AWS/NetworkELB",
        "HealthyHostCount",
        2.0,
    )
    assert dict(found[0].dimensions) == {
        "LoadBalancer": "net/tills/1",
        "TargetGroup": "targetgroup/order/9",
    }


class Stage:
    def __init__(self):
        self.clock = FakeClock()
        self.put = []
        self.world = world(self.clock, call=self._call)
        self.subject = AwsMetrics(self.world)

    async def _call(self, request):
        self.put.append(json.loads(request.body))
        return Reply(200, b"{}")


async def test_figures_come_every_five_seconds_and_a_namespace_at_a_time():
    stage = Stage()
    stage.world.measures.add(THROTTLES, 2)
    await stage.subject.tick()
    stage.world.measures.add(THROTTLES)
    stage.clock.now += 4
    assert await stage.subject.tick() == 1
    datum = {"MetricName": "Throttles", "Dimensions": [{"Name": "FunctionName", "Value": "pay"}]}
    assert stage.put == [{"Namespace": "AWS/Lambda", "MetricData": [{**datum, "Value": 2}]}]
    stage.clock.now += 1
    await stage.subject.tick()
    assert stage.put[1]["MetricData"] == [{**datum, "Value": 1}]
