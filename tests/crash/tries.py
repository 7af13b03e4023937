"""The experiments of the sweep over real processes: the shortest useful one of each fault."""

from pathlib import Path

import yaml
from cloudcafe_operator.faults.registry import faults

ROOT = Path(__file__).parents[2]
DRINKERS = "espresso-soho"  # whose coffee the probes buy; it is no object here
POD_FAULTS = {"podKill": "order", "podPartition": "menu", "cpuStress": "inventory"}
AUTHOR = {  # said by an admission policy on a whole cluster; draining needs it
    "cloudcafe.dev/created-by": "ada",
    "cloudcafe.dev/created-by-groups": "system:masters",
}


def experiment(fault, name, namespace):
    """Return the shortest useful experiment on what the scenario of the fault breaks."""
    step = _scenarios()[fault]
    arguments = dict(step[fault])
    if fault in POD_FAULTS:
        labels = {"app.kubernetes.io/name": POD_FAULTS[fault]}
        arguments["selector"] = {"labels": labels}
    if fault == "azNetworkPartition":  # where Aurora is not: it would fail over by itself
        arguments["zones"] = ["eu-west-1c"]
    if fault == "eksNodeDrain":
        arguments["selector"] = {"labels": {"pool": "spare"}}
    # patient, since on a busy machine a slow coffee would end the run before anything is injected
    probe = {"name": "coffee", "timeout": "10s", "order": {"store": DRINKERS}}
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosExperiment",
        "metadata": {"name": name, "namespace": namespace, "annotations": AUTHOR},
        "spec": {
            "hypothesis": "Whatever dies, it is undone.",
            "steadyState": {"baseline": "2s", "probes": [probe]},
            "steps": [
                {"name": "break", "faults": [{fault: arguments, "mode": "one"}], "hold": "2s"}
            ],
            "consent": [fault] if faults()[fault].irreversible else [],
            "limits": {"maxTargets": 5, "maxPercent": 100, "maxDuration": "20m"},
        },
    }


def _scenarios():
    """The fault of each file in chaos/experiments, by name."""
    found = {}
    for path in sorted((ROOT / "chaos/experiments").glob("*.yaml")):
        (one,) = yaml.safe_load(path.read_text())["spec"]["steps"][0]["faults"]
        found[next(key for key in one if key in faults())] = one
    return found
