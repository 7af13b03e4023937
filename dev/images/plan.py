"""Which images there are and what each is made of: pure, apart from reading the checkout.

Called by `dev.images.build`. Nothing is registered: a workspace member with a Dockerfile is an
image of its folder's name, and so is each folder beside this file. A tag is the digest of all that
goes into the image, so an image that exists is up to date.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cache import digest

_HERE = Path(__file__).parent
#: Made first; others are built on it.
RUNTIME = "python"
#: Its dependencies (moto) are large and nobody else's: it gets a runtime of its own.
APART = "localaws"
#: Made only when asked for by name: the chart does without.
ON_DEMAND = frozenset({"k6"})


@dataclass(frozen=True)
class Image:
    """One image: `sources` are the folders that become /opt/cloudcafe/src."""

    name: str
    folder: Path
    sources: tuple[Path, ...] = ()

    @property
    def dockerfile(self) -> Path:
        """Its Dockerfile."""
        return self.folder / "Dockerfile"

    @property
    def python(self) -> bool:
        """Whether it is a member of the workspace, on the Python runtime."""
        return bool(self.sources)

    def tag(self, *facts: str) -> str:
        """Return its full name, given what else goes into it."""
        parts = [self.dockerfile, *self.sources] if self.python else [self.folder]
        return f"cloudcafe/{self.name}:{digest(parts, *facts)}"


def images(root: Path) -> list[Image]:
    """Return all images but the runtimes."""
    members = workspace(root)
    found = [
        Image(folder.name, folder, _sources(name, members))
        for name, folder in members.items()
        if (folder / "Dockerfile").exists()
    ]
    found += [
        Image(file.parent.name, file.parent)
        for file in _HERE.glob("*/Dockerfile")
        if file.parent.name != RUNTIME
    ]
    return sorted(found, key=lambda image: image.name)


def workspace(root: Path) -> dict[str, Path]:
    """Return the folder of each workspace member by its package name."""
    patterns = _read(root)["tool"]["uv"]["workspace"]["members"]
    folders = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    return {
        _read(folder)["project"]["name"]: folder
        for folder in folders
        if (folder / "pyproject.toml").exists()
    }


def runtimes(members: Mapping[str, Path]) -> dict[str, list[str]]:
    """Return the packages whose dependencies each runtime image holds."""
    return {
        RUNTIME: [name for name in sorted(members) if name != APART],
        f"{RUNTIME}-{APART}": [APART],
    }


def values(tags: Mapping[str, str]) -> str:
    """Return the chart's values that name these images (by image name)."""
    lines = ["# made by `python -m dev.images`", "global:", "  images:"]
    for name, tag in sorted(tags.items()):
        repository, _, version = tag.rpartition(":")
        lines.append(f'    {name}: {{repository: {repository}, tag: "{version}"}}')
    return "\n".join(lines) + "\n"


def _sources(package: str, members: Mapping[str, Path]) -> tuple[Path, ...]:
    """Return the source folders of a member and of the members that it depends on."""
    names, pending = [], [package]
    while pending:
        name = pending.pop()
        if name in names or name not in members:
            continue
        names.append(name)
        pending += [
            dependency.partition("==")[0].strip()
            for dependency in _read(members[name])["project"].get("dependencies", [])
        ]
    return tuple(members[name] / "src" for name in sorted(names))


def _read(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())
