"""One environment of `dev.deploy`, and how its commands are run, shown or only rehearsed."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev.system import LOCAL, ROOT, ProblemError, show
from dev.system import run as run_program


@dataclass
class Deployment:
    """One environment, and how its commands are run."""

    environment: str
    bucket: str
    region: str = "eu-west-1"
    rehearse: bool = False
    yes: bool = False
    commands: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where its Terraform is."""
        return ROOT / "terraform" / "envs" / self.environment

    @property
    def kubeconfig(self) -> Path:
        """Of its cluster."""
        return LOCAL / "deploy" / f"{self.environment}.kubeconfig"

    def call(self, *words: str | Path, text: str | None = None, cwd: Path = ROOT) -> str:
        """Run a program, or only say how it would be called."""
        line = shlex.join([str(word) for word in words])
        self.commands.append(line)
        if self.rehearse:
            print(line)
            return ""
        return run_program(*words, cwd=cwd, text=text)

    def terraform(self, *words: str) -> None:
        """Run Terraform in sight of the reader."""
        self.commands.append(shlex.join(["terraform", *words]))
        if self.rehearse:
            print(self.commands[-1])
        elif show("terraform", *words, cwd=self.folder, env={"TF_VAR_region": self.region}) != 0:
            raise ProblemError(f"terraform {words[0]} failed; what it said is above")

    def confirmed(self, question: str) -> None:
        """Go on only if somebody says so."""
        if self.yes or self.rehearse:
            return
        if not sys.stdin.isatty():
            raise ProblemError(f"{question} Nobody can answer here: use --yes if you mean it")
        if input(f"{question} [yes/no] ") != "yes":
            raise ProblemError("stopped, nothing was changed by this step")

    def outputs(self) -> dict[str, Any]:
        """Return what Terraform says of the environment."""
        answer = self.call("terraform", "output", "-json", cwd=self.folder)
        if self.rehearse:
            return dict(json.loads((ROOT / "tests/terraform/deploy.json").read_text()))
        return dict(json.loads(answer))
