"""docs/recipes/change-a-version.md as a test follows it: its lines of code, and its commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs/recipes/change-a-version.md"
SOURCE = Path("operator/src/cloudcafe_operator")
SERVE_BOTH, STORE_THE_NEW, REWRITE = "Serve both", "Store the new one", "Rewrite what is stored"
VERSIONS = re.compile(r"^VERSIONS = \(.*?\)\n(?=API_VERSION)", re.DOTALL | re.MULTILINE)
GENERATE = """
import sys
from cloudcafe_operator import generate, kinds
for kind in (kinds.CAFE_STORES, kinds.CHAOS_EXPERIMENTS, kinds.CHAOS_RUNS):
    print(kind.kind, kind.version)
sys.exit(generate.main())
"""


@dataclass(frozen=True)
class Moved:
    """What comes of one kind's move."""

    root: Path
    watched: dict[str, str]  # by kind, the version that the operator watches and writes

    def definitions(self) -> dict[str, dict[str, Any]]:
        """Return all our definitions by plural, as `make generate` wrote them."""
        files = sorted((self.root / "crds").glob("*.yaml"))
        return {path.stem: yaml.safe_load(path.read_text()) for path in files}


def move(module: str, heading: str, root: Path) -> Moved:
    """Do to a copy of the sources what a section says about one kind's module; and generate."""
    for folder in (SOURCE, Path("chaos/experiments")):
        shutil.copytree(ROOT / folder, root / folder)
    path = root / SOURCE / "resources" / f"{module}.py"
    text, times = VERSIONS.subn(lambda _: f"{_versions(heading)}\n", path.read_text())
    assert times == 1, path
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", GENERATE, "--root", str(root)],
        env=os.environ | {"PYTHONPATH": str(root / SOURCE.parent)},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return Moved(root, dict(line.split() for line in done.stdout.splitlines()[:-1]))


def commands(heading: str) -> list[str]:
    """Return the commands below a heading."""
    lines = [line.strip() for line in _section(heading).splitlines() if line.startswith("    ")]
    return [line for line in lines if line.startswith("kubectl ")]


def _versions(heading: str) -> str:
    found = re.search(r"^    VERSIONS = .*?\n(?=\n)", _section(heading), re.DOTALL | re.MULTILINE)
    assert found, heading
    return dedent(found[0]).rstrip()


def _section(heading: str) -> str:
    return RECIPE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
