"""Command-line tools pinned as Go modules, one folder each, compiled on demand.

Called by the Makefile, by tests and by the other rooms: `tool("helm")` is a path. A folder's
go.mod has one `tool` line; one module each, because together their dependencies do not resolve.
"""

from __future__ import annotations

import re
from pathlib import Path

from dev.golang import program
from dev.system import ProblemError

_HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the tools that there are, and kubectl, which is part of `dev.kube`."""
    return sorted(["kubectl", *(file.parent.name for file in _HERE.glob("*/go.mod"))])


def tool(name: str) -> Path:
    """Return the program of that name, compiled if need be."""
    if name == "kubectl":
        from dev.kube import binaries  # noqa: PLC0415 - the big one, only where it is asked for

        return binaries() / "kubectl"
    module = _HERE / name
    if not (module / "go.mod").exists():
        raise ProblemError(f"no tool is called {name}: {', '.join(names())}")
    return program(module, package(module))


def package(module: Path) -> str:
    """Return the package that a module's `tool` line names."""
    found = re.search(r"^tool (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ProblemError(f"{module / 'go.mod'} has no tool line")
    return found[1]
