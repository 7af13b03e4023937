"""What `make up` prints is all that a shell needs."""

import subprocess
import sys
from pathlib import Path

from dev import shell


def test_its_lines_are_all_that_a_shell_needs(monkeypatch, tmp_path):
    monkeypatch.setattr(shell, "BIN", tmp_path / "a bin")
    programs = {name: tmp_path / f"made-{name}" / name for name in ("kubectl", "helm")}
    for name, program in programs.items():
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho our {name}, {Path('$KUBECONFIG')}\n")
        program.chmod(0o755)
    monkeypatch.setattr(shell, "tool", programs.__getitem__)
    for _ in range(2):  # a second `make up` finds its links there
        said = shell.lines(tmp_path / "mine")
    script = "\n".join(
        [*said, "kubectl get", "helm list", "command -v cafectl", "command -v kubectl-cafe"]
    )
    done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"our kubectl, {tmp_path}/mine",
        f"our helm, {tmp_path}/mine",
        f"{tmp_path}/a bin/cafectl",
        f"{tmp_path}/a bin/kubectl-cafe",
    ]
    scripts = Path(sys.executable).parent
    assert (tmp_path / "a bin/cafectl").readlink() == scripts / "cafectl"
