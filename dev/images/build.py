"""Builds the images that the engine lacks, and names them for the chart.

Called by the command line and by `make images`, `make up`, `make kind-test`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from dev.cache import locked, root
from dev.images import contexts
from dev.images.base import base
from dev.images.plan import APART, ON_DEMAND, RUNTIME, Image, images, runtimes, values, workspace
from dev.kind.engine import ensure_engine, prune
from dev.steps import say, step
from dev.system import LOCAL, ROOT, ProblemError, run, succeeds

VALUES = LOCAL / "values-images.yaml"
_HERE = Path(__file__).parent


def build(names: Collection[str] = ()) -> dict[str, str]:
    """Build these images (all by default); return the tag of each and write the chart's values.

    The values file always names all that the chart needs, so it is whole; only those asked for are
    built.
    """
    ensure_engine()
    every = images(ROOT)
    unknown = set(names) - {image.name for image in every}
    if unknown:
        known = ", ".join(image.name for image in every)
        raise ProblemError(f"no image is called {', '.join(sorted(unknown))}: {known}")
    every = [image for image in every if image.name in names or image.name not in ON_DEMAND]
    ground = base()
    tags = {}
    with locked("images"):
        platforms = {name: _runtime(name, ground) for name in runtimes(workspace(ROOT))}
        for image in every:
            below = ground
            if image.python:
                below = platforms[f"{RUNTIME}-{APART}" if image.name == APART else RUNTIME]
            tags[image.name] = image.tag(below)
            if not names or image.name in names:
                _ensure(image, tags[image.name], below)
    for name in (*tags, *platforms):
        prune(f"cloudcafe/{name}", keep=4)
    VALUES.parent.mkdir(exist_ok=True)
    VALUES.write_text(values(tags))
    return tags


def _runtime(name: str, ground: str) -> str:
    """Return the tag of a runtime: the base with locked dependencies."""
    image = Image(name, _HERE / RUNTIME)
    needed = contexts.requirements(runtimes(workspace(ROOT))[name])
    tag = image.tag(ground, needed, *contexts.WASTE)
    if not succeeds("docker", "image", "inspect", tag):
        folder = contexts.dependencies(name, needed)
        with step(f"docker image {tag}"):
            _docker_build(image, tag, ground, folder)
    return tag


def _ensure(image: Image, tag: str, below: str) -> None:
    if succeeds("docker", "image", "inspect", tag):
        return
    with (
        step(f"docker image {tag}"),
        tempfile.TemporaryDirectory(dir=root(), prefix="context-") as folder,
    ):
        contexts.fill(image, Path(folder))
        _docker_build(image, tag, below, Path(folder))
    size = int(run("docker", "image", "inspect", "-f", "{{.Size}}", tag))
    say(f"{tag}: {size // 1_000_000} MB")


def _docker_build(image: Image, tag: str, below: str, context: Path) -> None:
    run(
        *("docker", "build", "-q", "--build-arg", f"BASE={below}", "-t", tag),
        *("-f", image.dockerfile, context),
        env={"DOCKER_BUILDKIT": "0"},
    )
