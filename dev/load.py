"""`python -m dev.load SCENARIO [--profile smoke|full]`: customers by the hundred, then the books.

Runs a k6 scenario of load/ as a Job on the cluster of `make up`: a port-forward would be the
bottleneck, not the cafe. Shows k6's table, keeps its figures in .cache/load/, and asks `cafectl
audit` whether every order of that time has its charge, stock, points and row. Fails if a
threshold is broken or the books differ. On a cluster of your own $K6_IMAGE names the image.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from dev.cafectl import audit
from dev.images.build import build
from dev.kind.cluster import Cluster
from dev.kubectl import command, kubectl
from dev.release import own_cluster
from dev.steps import say, step
from dev.system import LOCAL, ROOT, ProblemError, main, wait_until

SCENARIOS = ROOT / "load"
PROFILES = ("smoke", "full")
SHARED = "lib"
#: The last orders of a rush may take a while to end; until then nothing is judged.
PATIENCE = "10m"
#: How the line of figures begins that `summaryOf` of load/lib.js prints last.
FIGURES = '{"scenario"'
_START_S = 120
_END_S = 30


def names() -> list[str]:
    """Return the scenarios that there are."""
    return sorted(file.stem for file in SCENARIOS.glob("*.js") if file.stem != SHARED)


def load(scenario: str, profile: str) -> bool:
    """Run a scenario, then the audit; return whether both are content."""
    image = image_of_k6()
    began = datetime.now(UTC)
    try:
        with step(f"{scenario} ({profile})"):
            start(scenario, profile, image)
            kept = watched(scenario)
    finally:
        kubectl("delete", "job", "load", "--ignore-not-found", "--wait=false")
    with step("the books of that time"):
        balanced = audit("--since", began.isoformat(timespec="seconds"), "--wait", PATIENCE)
    for what, good in (("thresholds", kept), ("books", balanced)):
        say(f"{what}: {'ok' if good else 'BROKEN'}")
    return kept and balanced


def image_of_k6() -> str:
    """Return k6's image, on the nodes already where the cluster is ours."""
    named = os.environ.get("K6_IMAGE")
    if named:
        return named
    if own_cluster():
        raise ProblemError("set K6_IMAGE to a k6 image that your cluster can pull")
    tag = build(["k6"])["k6"]
    Cluster().load([tag])
    return tag


def start(scenario: str, profile: str, image: str) -> None:
    """Make the Job and wait until it runs; what an earlier one left is replaced."""
    kubectl("delete", "job", "load", "--ignore-not-found", "--wait")
    kubectl("apply", "-f", "-", text=json.dumps(scripts()))
    kubectl("apply", "-f", "-", text=json.dumps(job(scenario, profile, image)))
    wait_until(lambda: _phase() in {"Running", "Succeeded", "Failed"}, "k6 to start", _START_S)


def scripts() -> dict[str, Any]:
    """Return the scenarios as a ConfigMap."""
    data = {file.name: file.read_text() for file in sorted(SCENARIOS.glob("*.js"))}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "load"}, "data": data}


def job(scenario: str, profile: str, image: str) -> dict[str, Any]:
    """Return the Job of a scenario."""
    manifest: dict[str, Any] = yaml.safe_load((ROOT / "dev/load.yaml").read_text())
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["image"] = image
    container["args"].append(f"/load/{scenario}.js")
    container["env"].append({"name": "PROFILE", "value": profile})
    return manifest


def watched(scenario: str) -> bool:
    """Show what k6 says, keep its figures; return whether all thresholds were kept."""
    with subprocess.Popen(
        command("logs", "--follow", "job/load"), stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        for line in following.stdout:
            if line.startswith(FIGURES):
                say(f"figures: {keep(scenario, line)}")
            else:
                print(line, end="", flush=True)
    wait_until(lambda: _phase() in {"Succeeded", "Failed"}, "k6 to end", _END_S)
    return _phase() == "Succeeded"


def keep(scenario: str, figures: str) -> Path:
    """Write k6's figures where a person finds them."""
    file = LOCAL / "load" / f"{scenario}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(json.loads(figures), indent=2) + "\n")
    return file


def _phase() -> str:
    pods = json.loads(kubectl("get", "pods", "-l", "job-name=load", "-o", "json"))["items"]
    return str(pods[0]["status"].get("phase", "")) if pods else ""


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.load", description=__doc__)
    parser.add_argument("scenario", choices=names())
    parser.add_argument("--profile", choices=PROFILES, default="smoke")
    chosen = parser.parse_args()
    if not load(chosen.scenario, chosen.profile):
        sys.exit(1)


if __name__ == "__main__":
    main(_command)
