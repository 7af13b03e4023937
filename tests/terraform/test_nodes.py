"""Each environment's pods fit its nodes: at rest, without a zone, and with as many as there may be.

CPU alone is summed, in thousandths: of memory not half is asked for. What runs beside the cafe is
not in this repository; its requests are what EKS's add-ons and GuardDuty ask for unasked.
"""

import json
from pathlib import Path

import pytest
import yaml
from cafectl.values import values

from tests.charts.rendered import render
from tests.terraform.environments import NAMES, chosen

OUTPUTS = json.loads((Path(__file__).parent / "outputs.json").read_text())
#: What EKS's image leaves: 6 % of the first core are the kubelet's, 1 % of the second, ½ % of two.
ALLOCATABLE = {"t3.large": 1930, "t3a.large": 1930, "m7i.large": 1930, "m7i.xlarge": 3920}
#: On every node …
DAEMONS = {"kube-proxy": 100, "aws-node": 50, "aws-guardduty-agent": 200}
LOGGING_DAEMONS = {"cloudwatch-agent": 250, "fluent-bit": 50}
#: … and once in the cluster.
ONCE = {"coredns": 2 * 100, "metrics-server": 2 * 100, "cluster-autoscaler": 100}
LOGGING_ONCE = {"amazon-cloudwatch-observability-controller-manager": 100}


class Sums:
    """What an environment asks for, and what a number of its nodes has."""

    def __init__(self, environment, folder):
        self.nodes, logging = chosen(environment, "nodes"), chosen(environment, "pod_logs")
        self.size = chosen(environment, "pods")
        self.daemons = sum((DAEMONS | (LOGGING_DAEMONS if logging else {})).values())
        self.once = sum((ONCE | (LOGGING_ONCE if logging else {})).values())
        made = OUTPUTS["chart_values"]["value"] | {"size": self.size}
        file = folder / f"values-{environment}.yaml"
        file.write_text(yaml.safe_dump(values({"chart_values": {"value": made}})))
        self.chart = render("-f", file)

    def room(self, nodes):
        """Return what pods find; the last free piece of a node may be smaller than any pod."""
        whole = min(ALLOCATABLE[kind] for kind in self.nodes["instance_types"]) - self.daemons
        return nodes * (whole - self._largest())

    def asked(self, bound):
        """Return what all pods ask for; `bound` is minReplicas or maxReplicas."""
        scaled = {
            one["spec"]["scaleTargetRef"]["name"]: one["spec"][bound]
            for one in self.chart.of("HorizontalPodAutoscaler")
        }
        return self.once + sum(
            cpu * scaled.get(name, self.chart.get("Deployment", name)["spec"].get("replicas"))
            for name, cpu in self._pods().items()
        )

    def _pods(self):
        names = self.chart.names("Deployment")
        return {n: cpu_of(pod) for n, pod in self.chart.pods().items() if n in names}

    def _largest(self):
        return max(self._pods().values())


def cpu_of(pod):
    """Return the CPU that a pod asks for, in thousandths."""
    every = [one["resources"]["requests"]["cpu"] for one in pod["spec"]["containers"]]
    return sum(int(cpu[:-1]) if cpu.endswith("m") else 1000 * int(cpu) for cpu in every)


@pytest.fixture(scope="module", params=NAMES)
def sums(request, tmp_path_factory):
    return Sums(request.param, tmp_path_factory.mktemp("values"))


def test_what_runs_at_rest_fits_the_nodes_that_are_always_there(sums):
    assert sums.asked("minReplicas") <= sums.room(sums.nodes["min"])


def test_the_autoscaler_may_add_the_nodes_that_a_rush_needs(sums):
    assert sums.asked("maxReplicas") <= sums.room(sums.nodes["max"])


def test_prod_goes_on_without_a_zone(tmp_path):
    prod = Sums("prod", tmp_path)
    assert prod.nodes["min"] % 3 == 0
    assert prod.asked("minReplicas") <= prod.room(prod.nodes["min"] * 2 // 3)


def test_the_sum_is_what_it_was_counted_to_be(tmp_path):
    prod = Sums("prod", tmp_path)
    # six services of three pods, two operators, and what runs once
    assert prod.asked("minReplicas") == 6 * 3 * 250 + 2 * 50 + 600
    assert prod.room(3) == 3 * (3920 - 650 - 250)
