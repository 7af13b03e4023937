"""Debian root filesystems from packages, for the node image and the images' base.

Called by `dev.kind.node_image` and `dev.images.base`. Needs root; no image is pulled.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from dev.cache import built, digest
from dev.steps import step
from dev.system import ensure_programs, require_linux_root, run

SUITE = "bookworm"  # its systemd (252) still boots on control groups version 1


def root_filesystem(name: str, packages: Sequence[str]) -> Path:
    """Return a tar archive of a minimal Debian with these packages, made once per list."""

    def build(draft: Path) -> None:
        require_linux_root(f"building the Debian of {name}")
        ensure_programs(f"building the Debian of {name}", "debootstrap")
        with (
            step(f"Debian {SUITE} for {name}: {len(packages)} packages"),
            tempfile.TemporaryDirectory(dir=draft, prefix="root-") as folder,
        ):
            include = f"--include={','.join(packages)}"
            run("nice", "debootstrap", "--variant=minbase", include, SUITE, folder)
            _tidy(Path(folder))
            run("tar", "-C", folder, "--numeric-owner", "-cf", draft / "root.tar", ".")

    return built(f"debian/{name}", digest([], SUITE, *packages), build) / "root.tar"


def _tidy(folder: Path) -> None:
    waste = ("var/cache/apt", "var/lib/apt/lists", "var/cache/debconf", "var/log")
    for path in (*waste, "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"):
        run("find", folder / path, "-mindepth", "1", "-delete")
