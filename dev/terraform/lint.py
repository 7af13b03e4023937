"""tflint and checkov over terraform/: what a reviewer would say, each exception with its reason.

Called by `python -m dev.terraform` and by `dev.gate`. checkov brings boto3, numpy and much else in
versions of its own, so it runs as a uv tool outside of the workspace's environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

from dev.steps import say
from dev.system import LOCAL, ROOT, ProblemError, show
from dev.terraform.workspace import TREE
from dev.tools import tool

TFLINT = TREE / ".tflint.hcl"
CHECKOV = TREE / ".checkov.yaml"
CHECKOV_VERSION = "3.3.30"
FIGURES = LOCAL / "reports" / "checkov.json"


def lint() -> bool:
    """Run both over the whole tree; nothing there is well."""
    if not list(TREE.glob("*/*/*.tf")):
        say("terraform: nothing in the tree yet")
        return True
    verdicts = [tflint(), checkov()]
    return all(verdicts)


def tflint() -> bool:
    """Run tflint's own ruleset in every folder with sources."""
    return (
        show(
            "nice",
            tool("tflint"),
            "--recursive",
            f"--config={TFLINT}",
            "--format=compact",
            "--minimum-failure-severity=notice",
            cwd=TREE,
        )
        == 0
    )


def checkov() -> bool:
    """Run checkov; print what failed and how many there were of each verdict."""
    report = _checkov("--output=json", "--quiet")
    found = json.loads(report)
    summary = found["summary"]
    for failure in found.get("results", {}).get("failed_checks", []):
        print(_failure(failure))
    verdicts = {key: int(summary[key]) for key in ("passed", "failed", "skipped")}
    verdicts["left out"] = len(_left_out())
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(verdicts))
    print("  checkov: " + ", ".join(f"{count} {name}" for name, count in verdicts.items()))
    return verdicts["failed"] == 0 and int(summary["parsing_errors"]) == 0


def _failure(failure: dict[str, Any]) -> str:
    first, last = failure["file_line_range"]
    where = f"terraform{failure['file_path']}:{first}-{last}"
    return f"{where}: {failure['check_id']} {failure['resource']}: {failure['check_name']}"


def _left_out() -> list[str]:
    """Return the checks that the configuration leaves out, each on a line of its own."""
    lines = [line.strip() for line in CHECKOV.read_text().splitlines()]
    return [line.split()[1] for line in lines if line.startswith("- CKV")]


def _checkov(*arguments: str) -> str:
    uv = shutil.which("uv") or ROOT / ".cache" / "bin" / "uv"
    tool = f"checkov=={CHECKOV_VERSION}"
    command = [str(uv), "tool", "run", "--python=3.11", "--from", tool, "checkov"]
    done = subprocess.run(
        ["nice", *command, "--directory", str(TREE), f"--config-file={CHECKOV}", *arguments],
        cwd=ROOT,
        env={**os.environ, "LOG_LEVEL": "ERROR", "BC_SKIP_MAPPING": "TRUE"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.lstrip().startswith("{"):
        raise ProblemError(f"{tool} said: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout
