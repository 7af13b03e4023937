"""What a reader's shell needs for the commands of README and QUICKSTART. Used by release and demo.

kubectl, helm and cafectl are made by this checkout, and need not be on the reader's PATH.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shlex import quote

from dev.system import LOCAL
from dev.tools import tool

#: The Makefile's PATH begins here too; dev/setup.sh links uv.
BIN = LOCAL / "bin"


def lines(kubeconfig: Path) -> tuple[str, str]:
    """Put the programs where the first line finds them; the second names the cluster."""
    scripts = Path(sys.executable).parent
    for program in (tool("kubectl"), tool("helm"), scripts / "cafectl", scripts / "kubectl-cafe"):
        _link(program)
    return f"export PATH={quote(str(BIN))}:$PATH", f"export KUBECONFIG={quote(str(kubeconfig))}"


def _link(program: Path) -> None:
    """Link it by its name; another make may do the same at the same time."""
    BIN.mkdir(parents=True, exist_ok=True)
    draft = BIN / f".{program.name}.{os.getpid()}"
    draft.symlink_to(program)
    draft.replace(BIN / program.name)
