"""Compiling Go programs into the cache.

Called by `dev.kube` and `dev.tools`. Versions are pinned by each module's go.mod and go.sum;
programs are static, so they also run inside images.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from dev.cache import built, digest
from dev.steps import step
from dev.system import ProblemError, run

_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}


def program(module: Path, package: str, stamps: Mapping[str, str] | None = None) -> Path:
    """Return the compiled program of a package; `stamps` are string variables set by the linker."""
    name = package.rsplit("/", 1)[-1]
    flags = " ".join(["-s -w", *(f"-X {key}={value}" for key, value in (stamps or {}).items())])
    sources = [path for path in sorted(module.iterdir()) if path.suffix not in {".py", ".md"}]
    key = digest([path for path in sources if path.name != "__pycache__"], package, flags)

    def build(draft: Path) -> None:
        with step(f"compile {name} ({module.name})"):
            go(module, "build", "-trimpath", "-ldflags", flags, "-o", str(draft / name), package)

    return built(f"go/{module.name}-{name}", key, build) / name


def go(module: Path, *arguments: str) -> str:
    """Run the go command in a module."""
    if shutil.which("go") is None:
        wanted = re.search(r"^go (\S+)", (module / "go.mod").read_text(), re.MULTILINE)
        version = wanted[1] if wanted else "a current version"
        raise ProblemError(f"Go is not installed: {version} or newer, see go.dev/dl")
    return run("nice", "go", *arguments, cwd=module, env=_ENVIRONMENT)


def pinned(module: Path, dependency: str) -> str:
    """Return the version of a dependency that a module's go.mod names."""
    pattern = rf"^\s*(?:require )?{re.escape(dependency)} (v\S+)"
    found = re.search(pattern, (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ProblemError(f"{module / 'go.mod'} does not name {dependency}")
    return found[1]
