"""Which terraform runs, and with which providers.

Called by the other modules of this room. A fitting terraform on PATH is taken, else it is compiled
(`dev/tools/terraform`). Providers come from a filesystem mirror that holds only the stand-in, so
nothing can reach a registry by accident; $CLOUDCAFE_TERRAFORM_REGISTRY=1 asks for the real ones.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import shutil
import socket
from functools import cache
from pathlib import Path

from dev.cache import built, digest, root
from dev.golang import program
from dev.steps import say
from dev.system import ProblemError, run
from dev.tools import tool

#: `mock_provider`, `override_during` and write-only arguments want it.
OLDEST = (1, 11)
PROVIDER = Path(__file__).parent / "provider"
_PACKAGE = "cloudcafe.dev/terraform/provider"
_REGISTRY = "registry.terraform.io"
_CONFIGURATION = """\
provider_installation {{
  filesystem_mirror {{
    path = "{mirror}"
  }}
}}
disable_checkpoint = true
"""
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@cache
def terraform() -> Path:
    """Return the program, and say which it is."""
    found = shutil.which("terraform")
    if found and fits(version(Path(found))):
        say(f"terraform: {found} {version(Path(found))}")
        return Path(found)
    compiled = tool("terraform")
    say(f"terraform: compiled from dev/tools/terraform, {version(compiled)}")
    return compiled


def version(program: Path) -> str:
    """Return what the program says its version is, as in 1.11.4."""
    said = run(program, "version", "-json", env={"CHECKPOINT_DISABLE": "1"})
    return str(json.loads(said)["terraform_version"])


def fits(version: str) -> bool:
    """Return whether a version is new enough."""
    major, minor = version.split(".")[:2]
    return (int(major), int(minor)) >= OLDEST


def wants_registry() -> bool:
    """Return whether the real providers were asked for."""
    return os.environ.get("CLOUDCAFE_TERRAFORM_REGISTRY") == "1"


def environment() -> dict[str, str]:
    """Return the environment that decides where providers come from."""
    settled = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    if not wants_registry():
        return {**settled, "TF_CLI_CONFIG_FILE": str(mirror() / "terraformrc")}
    try:
        socket.create_connection((_REGISTRY, 443), timeout=5).close()
    except OSError as error:
        raise ProblemError(
            f"CLOUDCAFE_TERRAFORM_REGISTRY=1, and {_REGISTRY} cannot be reached ({error}): "
            "without the variable the offline stand-in is used"
        ) from error
    return settled


@cache
def mirror() -> Path:
    """Return the folder with the mirror and the configuration that names it.

    One program plays every provider: a link's name says which.
    """
    stand_in = program(PROVIDER, _PACKAGE)
    system = f"{platform.system().lower()}_{_MACHINES[platform.machine()]}"
    versions = {name: provider_version(name) for name in provider_names()}
    key = digest([], str(stand_in), system, *versions.values())
    folder = root() / "terraform" / key

    def lay_out(draft: Path) -> None:
        for name, version in versions.items():
            package = draft / "mirror" / _REGISTRY / "hashicorp" / name / version / system
            package.mkdir(parents=True)
            (package / f"terraform-provider-{name}_v{version}").symlink_to(stand_in)
        (draft / "terraformrc").write_text(_CONFIGURATION.format(mirror=folder / "mirror"))

    return built("terraform", key, lay_out)


def provider_names() -> list[str]:
    """Return the providers that the stand-in plays."""
    return sorted(file.stem for file in (PROVIDER / "schemas").glob("*.gz"))


def provider_version(name: str) -> str:
    """Return the version whose schema the stand-in has; the first line of its file says it."""
    with gzip.open(PROVIDER / "schemas" / f"{name}.gz", "rt") as lines:
        return lines.readline().split()[1]
