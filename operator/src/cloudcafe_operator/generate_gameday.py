"""The master game day, from the scenarios of the same faults. Called by `generate.py`.

Scenarios 01 to 10 in their order, so that a day can never try something else than they do. Before
each but the first a human agrees, and the engine begins it only while users are served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cloudcafe_operator.resources.experiment import API_VERSION

SCENARIOS = Path("chaos/experiments")
FILE = Path("chaos/gamedays/master-chaos.yaml")
LAST = 10
STORE = "espresso-soho"
HEAD = """# {generated}
# Scenarios 01 to 10 in order, an hour at most. Before each a human agrees to the next:
#   kubectl annotate --overwrite chaosexperiment master-chaos \\
#     cloudcafe.dev/approved=<run>/<step>        (the event ApprovalNeeded says it in full)
# A step that does not recover within its objective ends the day; the books are compared at its end.
"""
Scenario = Mapping[str, Any]


def gameday(root: Path, generated: str) -> str:
    """Return the file's content."""
    paths = sorted((root / SCENARIOS).glob("*.yaml"))
    chosen = [path for path in paths if int(path.stem.partition("-")[0]) <= LAST]
    day = build([yaml.safe_load(path.read_text()) for path in chosen])
    return HEAD.format(generated=generated) + yaml.dump(day, sort_keys=False, width=100)


def build(scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """Return the experiment that does them one after the other."""
    specs = [one["spec"] for one in scenarios]
    limits = [spec.get("limits", {}) for spec in specs]
    consent = sorted({name for spec in specs for name in spec.get("consent", ())})
    spec: dict[str, Any] = {
        "hypothesis": "Whatever of its platform fails, the cafe serves its guests again within the "
        "objective of each failure, and its books balance at the end of the day.",
        "steadyState": {"baseline": "10s", "probes": _probes(scenarios)},
        "steps": [step for one in scenarios for step in _steps(one)],
        "limits": {
            "maxTargets": max(one.get("maxTargets", 10) for one in limits),
            "maxPercent": max(one.get("maxPercent", 50) for one in limits),
            "maxServicePercent": max(_service_percent(one) for one in limits),
            "maxZones": max(one.get("maxZones", 1) for one in limits),
            "maxDuration": "1h",  # a longer one is sampled less often
        },
    }
    if consent:
        spec["consent"] = consent
    spec["steps"][0].pop("approval")  # applying it is the yes to the first
    return {
        "apiVersion": API_VERSION,
        "kind": "ChaosExperiment",
        "metadata": {"name": "master-chaos"},
        "spec": spec,
    }


def _service_percent(limits: Mapping[str, Any]) -> int:
    return int(limits.get("maxServicePercent", limits.get("maxPercent", 50)))


def _probes(scenarios: Sequence[Scenario]) -> list[Any]:
    """Return the probes of all, each once.

    Where a scenario means something else by a name that is taken, its probe is called after it too.
    """
    found: dict[str, Any] = {}
    seen: list[Any] = []
    for scenario in scenarios:
        for probe in scenario["spec"]["steadyState"]["probes"]:
            if probe in seen:
                continue
            seen.append(probe)
            taken = probe["name"] in found
            name = f"{probe['name']}-{scenario['metadata']['name']}" if taken else probe["name"]
            found[name] = {**probe, "name": name}
    found.setdefault("books", {"name": "books", "ledger": {"store": STORE}})
    return list(found.values())


def _steps(scenario: Scenario) -> list[dict[str, Any]]:
    """Return its steps, named after it; its first asks for a yes."""
    name, steps = scenario["metadata"]["name"], scenario["spec"]["steps"]
    asked = {"message": f"Next is {name}. {scenario['spec']['hypothesis']}", "within": "10m"}
    made = []
    for number, step in enumerate(steps):
        called = name if len(steps) == 1 else f"{name}-{number + 1}"
        approval = {} if number else {"approval": asked}
        made.append({"name": called, **approval, **{k: v for k, v in step.items() if k != "name"}})
    return made
