"""`python -m tests.bench.chaos`: how the chaos engine behaves among many pods and many runs.

`make bench-chaos` runs it, and `make bench` before it measures on the kind cluster. A bare control
plane, pods that nobody runs, a coffee that is always confirmed; the operator is a process of its
own, measured from outside. It asserts nothing about time; the table and the JSON say what was.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

from cloudcafe_operator.effects.cluster_access import ClusterAccess
from cloudcafe_operator.effects.kubernetes import KubernetesApi
from cloudcafe_operator.kinds import CHAOS_EXPERIMENTS
from rich.console import Console
from rich.table import Table

from dev.controlplane import ControlPlane
from dev.steps import say, step
from dev.system import LOCAL
from tests.bench import coffee
from tests.bench.crowd import Kubelets, fill
from tests.bench.gauges import Cost, Sightings, memory_mib, spread
from tests.integration.cluster import Cluster, eventually
from tests.integration.operator_process import OperatorProcess

ROOT = Path(__file__).parents[2]
MASS, MANY = "mass", "many"


def experiment(namespace, name, fault, labels, **entry):
    """Return an experiment: three seconds of baseline, three of hold."""
    probe = {"name": "coffee", "order": {"store": "soho", "sku": "espresso"}}
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosExperiment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "hypothesis": "A coffee can be bought.",
            "steadyState": {"baseline": "3s", "probes": [probe]},
            "steps": [
                {
                    "name": "break",
                    "faults": [{fault: {"selector": {"labels": labels}}, "mode": "one", **entry}],
                    "hold": "3s",
                    "recovery": {"within": "60s"},
                }
            ],
            "limits": {"maxTargets": 100, "maxPercent": 100, "maxDuration": "10m"},
        },
    }


class Bench:
    """Everything that runs meanwhile."""

    def __init__(self, kubernetes, operator, sightings):
        self.kubernetes = kubernetes
        self.operator = operator
        self.sightings = sightings

    async def run(self, prefix, experiments):
        """Apply experiments, wait until all their runs are finished; return what it took."""
        before = Cost.read(self.operator)
        late = self.operator.late_samples()
        for item in experiments:
            await self.kubernetes.create(CHAOS_EXPERIMENTS, item)
        deadline = time.monotonic() + 240
        while len(self.done(prefix)) < len(experiments):
            assert time.monotonic() < deadline, f"{len(self.done(prefix))} of {len(experiments)}"
            await asyncio.sleep(0.1)
        cost = Cost.read(self.operator).since(before)
        runs = {name for name in self.sightings.bytes if name.startswith(prefix)}
        stored = sum(self.sightings.writes[name] for name in runs)
        verdicts = [self.sightings.finished[name] for name in runs]
        return cost | {
            "runs": len(runs),
            "verdicts": {one: verdicts.count(one) for one in sorted(set(verdicts))},
            "targets": sum(name.startswith(prefix) for name, _ in self.sightings.entries),
            "inject": spread(self.sightings.injections(prefix)),
            "undo": spread(self.sightings.undos(prefix)),
            "writes_per_run": round(stored / len(runs), 1),
            "largest_run_bytes": max(self.sightings.bytes[name] for name in runs),
            "memory_mib": memory_mib(self.operator),
            "loop_late_samples": round(self.operator.late_samples() - late),
        }

    def done(self, prefix):
        """Return the finished runs."""
        return [name for name in self.sightings.finished if name.startswith(prefix)]


async def measure(kubernetes, operator, *, pods, runs):
    """Return the figures of each scenario."""
    figures = {}
    async with Kubelets(kubernetes, (MASS, MANY)).running():
        with step(f"{pods} pods, and {3 * runs} in another namespace"):
            began = time.monotonic()
            await fill(kubernetes, MASS, deployments=pods // 100, replicas=100)
            await fill(kubernetes, MANY, deployments=runs, replicas=3)
            figures["pods"] = {"seconds": round(time.monotonic() - began, 1), "count": pods}
        operator.start()
        sightings = Sightings(kubernetes)
        watching = asyncio.create_task(sightings.watch())
        bench = Bench(kubernetes, operator, sightings)
        figures["start"] = {"memory_mib": memory_mib(operator)}
        web = {"tier": "web"}
        scenarios = {
            f"podKill, 1% of {pods} pods": [
                experiment(MASS, "kill", "podKill", web, mode="fixedPercent", value=1)
            ],
            f"podPartition, 100 of {pods} pods": [
                experiment(MASS, "cut", "podPartition", web, mode="fixed", value=100)
            ],
            f"{runs} runs at once": [
                experiment(
                    MANY,
                    f"try-{number:03}",
                    "podKill" if number % 2 else "podPartition",
                    {"app": f"web-{number:03}"},
                )
                for number in range(runs)
            ],
        }
        for what, experiments in scenarios.items():
            with step(what):
                item = experiments[0]["metadata"]
                prefix = f"{item['namespace']}/{item['name'].partition('-')[0]}"
                figures[what] = await bench.run(prefix, experiments)
                say(json.dumps(figures[what]))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    await kubernetes.close()
    return figures


def table(figures):
    """Return the figures for people."""
    rows = Table("Figure", *figures)
    names = {name: None for found in figures.values() for name in found if name != "calls"}
    for name in names:
        rows.add_row(name, *(str(found.get(name, "")) for found in figures.values()))
    return rows


def main():
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.chaos", description=__doc__)
    parser.add_argument("--pods", type=int, default=6000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", type=Path, default=LOCAL / "bench-chaos.json")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-chaos-") as folder,
        ControlPlane.start(Path(folder) / "plane") as plane,
        coffee.serve() as url,
    ):
        cluster = Cluster(plane.kubeconfig)
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        eventually(lambda: "cafestores" in cluster.kubectl("api-resources", "-o", "name"))
        cluster.kubectl("create", "namespace", "home")
        os.environ["KUBECONFIG"] = str(plane.kubeconfig)
        kubernetes = KubernetesApi(ClusterAccess().access())
        settings = {
            "KUBECONFIG": str(plane.kubeconfig),
            "POD_NAMESPACE": "home",
            "POD_NAME": "operator-under-test",
            "CAFE_ORDER_URL": url,
            "CAFE_MENU_URL": url,
            "CAFE_INVENTORY_URL": url,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        }
        log = Path(os.environ.get("BENCH_LOG", f"{folder}/operator.log"))
        operator = OperatorProcess(settings, log)
        try:
            figures = asyncio.run(
                measure(kubernetes, operator, pods=arguments.pods, runs=arguments.runs)
            )
        finally:
            if operator.process is not None:
                operator.stop()
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(figures, indent=2))
    Console(width=160).print(table(figures))


if __name__ == "__main__":
    main()
