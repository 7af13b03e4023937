"""Where terraform runs: a folder of links that looks like the checkout.

Called by `check.py` and tests/terraform. Terraform writes a lock file beside the sources (with the
stand-in's hashes, which must never be committed) and data sources write archives there; here all of
that lands in a temporary folder, and two runs at a time do not meet.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.system import ROOT, ProblemError
from dev.terraform.programs import environment, terraform, wants_registry

TREE = ROOT / "terraform"
_LEFT_OUT = {".terraform", ".git", ".cache", ".venv", "__pycache__"}
_LOCK = ".terraform.lock.hcl"
_WORD = re.compile(r"\b[a-z][a-z0-9_]+\b")
_CALLED = re.compile(r'source\s*=\s*"(\.\.?/[^"]+)"')
#: One module is done in a minute on an idle machine.
_PATIENCE_S = 900


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    status: int
    output: str


@dataclass(frozen=True)
class Workspace:
    """One module or environment, initialised or not."""

    folder: Path
    settings: Mapping[str, str]

    def run(self, *arguments: str) -> Done:
        """Run terraform here; both streams are the output, in order."""
        done = subprocess.run(
            ["nice", str(terraform()), *arguments],
            cwd=self.folder,
            env={**os.environ, **self.settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    def must(self, *arguments: str) -> str:
        """Run terraform here and return what it said; a failure is a problem."""
        done = self.run(*arguments, "-no-color")
        if done.status:
            said = done.output.strip()[-3000:]
            raise ProblemError(f"terraform {' '.join(arguments)} in {self.folder.name}: {said}")
        return done.output


@contextmanager
def workspace(source: Path) -> Iterator[Workspace]:
    """Lend a workspace for a folder of the tree; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cloudcafe-terraform-") as scratch:
        root = Path(scratch) / "checkout"
        _link(root)
        settings = {
            **environment(),
            "TF_DATA_DIR": str(Path(scratch) / "data"),
            "CLOUDCAFE_TERRAFORM_NAMES": " ".join(names(source)),
        }
        yield Workspace(root / source.relative_to(ROOT), settings)


def names(source: Path) -> list[str]:
    """Return the words of a module and of those that it calls: its types and blocks among them.

    The stand-in hands over these alone: its whole schema takes seconds, and so does each look at
    a web ACL with all its statements. A type or block that the real provider lacks stays unknown.
    """
    pending, seen, files = [source.resolve()], set[Path](), list(source.rglob("*.hcl"))
    while pending:
        folder = pending.pop()
        if folder in seen:
            continue
        seen.add(folder)
        files += folder.glob("*.tf")
        called = (_CALLED.findall(file.read_text()) for file in folder.glob("*.tf"))
        pending += [(folder / path).resolve() for paths in called for path in paths]
    return sorted({name for file in files for name in _WORD.findall(file.read_text())})


def _link(root: Path) -> None:
    """Make folders for terraform/ with a link for each file, and links for all the rest."""
    root.mkdir()
    for entry in ROOT.iterdir():
        if entry != TREE and entry.name not in _LEFT_OUT:
            (root / entry.name).symlink_to(entry)
    for folder, folders, names in os.walk(TREE):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        copy = root / Path(folder).relative_to(ROOT)
        copy.mkdir(parents=True)
        for name in names:
            if name != _LOCK or wants_registry():
                (copy / name).symlink_to(Path(folder, name))
