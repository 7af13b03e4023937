"""Fills the folders that Docker builds from: locked dependencies, sources, programs.

Called by `dev.images.build`. Python packages are installed on the host, where the package index
and its settings are known, and byte-compiled for the place where they will lie: containers have a
read-only root and start faster so.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from dev.cache import built, digest
from dev.images.plan import Image
from dev.steps import step
from dev.system import ROOT, ensure_programs, run
from dev.tools import tool

_PLACE = "/opt/cloudcafe"
#: Of the dependencies, what nothing of ours imports: programs, a second Kubernetes client (68 MB).
WASTE = ("bin", "kubernetes/aio")


def requirements(packages: Sequence[str]) -> str:
    """Return what uv.lock says of these members' dependencies, with hashes."""
    chosen = [word for name in packages for word in ("--package", name)]
    options = ("--frozen", "--no-dev", "--no-emit-workspace", "--no-header", "--no-annotate")
    return run("uv", "export", "--quiet", *options, *chosen, cwd=ROOT)


def dependencies(name: str, locked: str) -> Path:
    """Return a folder with these requirements installed under `deps`, made once per list."""
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    wheels = f"{machine}-manylinux_2_28"

    def build(draft: Path) -> None:
        (draft / "requirements.txt").write_text(locked)
        with step(f"dependencies of {name}"):
            run(
                "uv", "pip", "install", "--quiet", "--no-config", "--no-deps", "--require-hashes",
                "--only-binary", ":all:", "--python-version", "3.11", "--python-platform", wheels,
                "--link-mode", "copy", "--target", draft / "deps", "-r", draft / "requirements.txt",
            )  # fmt: skip
            for waste in WASTE:
                shutil.rmtree(draft / "deps" / waste, ignore_errors=True)
            _compile(draft, "deps")

    return built(f"deps/{name}", digest([], locked, wheels, *WASTE), build)


def fill(image: Image, folder: Path) -> None:
    """Fill a build context for an image."""
    if image.python:
        for source in image.sources:
            shutil.copytree(source, folder / "src", dirs_exist_ok=True, ignore=_NOISE)
        _compile(folder, "src")
        return
    shutil.copytree(image.folder, folder, dirs_exist_ok=True, ignore=_NOISE)
    if image.name == "toxiproxy":
        shutil.copy2(tool("toxiproxy"), folder / "toxiproxy-server")
    if image.name == "k6":
        shutil.copy2(tool("k6"), folder / "k6")
    if image.name == "documentdb":
        shutil.copytree(documentdb_jars() / "lib", folder / "lib")


_NOISE = shutil.ignore_patterns("__pycache__", "*.egg-info", "target")


def documentdb_jars() -> Path:
    """Return a folder whose `lib` has the server of the MongoDB wire protocol; tests run it too."""
    folder = ROOT / "dev" / "images" / "documentdb"

    def build(draft: Path) -> None:
        ensure_programs("the documentdb image", "mvn", "javac")
        with step("jars of documentdb"):
            run("mvn", "-q", "-B", "-f", folder / "pom.xml", "package", f"-Dout={draft}")

    return built("documentdb", digest([folder / "pom.xml", folder / "src"]), build)


def _compile(folder: Path, name: str) -> None:
    """Byte-compile for the image: never checked against the sources, traces name their place."""
    options = ("-q", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash")
    places = ("-s", folder, "-p", _PLACE)
    # some packages ship files of other Python versions: they need not compile
    run("sh", "-c", '"$@" || true', "-", sys.executable, "-m", "compileall", *options, *places,
        folder / name)  # fmt: skip
