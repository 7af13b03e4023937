"""The image that all others stand on: Debian with Python 3.11, built here or pulled.

Called by `dev.images.build`. Root on Debian builds it from packages, everyone else uses Docker's
own Python image; `$CLOUDCAFE_BASE` names another one.
"""

from __future__ import annotations

import os

from dev.cache import digest
from dev.debian import SUITE, root_filesystem
from dev.steps import step
from dev.system import find, run, succeeds

_PULLED = f"python:3.11-slim-{SUITE}"
_PACKAGES = ("python3", "ca-certificates", "tzdata")


def base() -> str:
    """Return the base image's name; it exists in the engine afterwards."""
    chosen = os.environ.get("CLOUDCAFE_BASE")
    if chosen:
        return chosen
    if os.geteuid() != 0 or find("apt-get") is None:
        return _PULLED
    name = f"cloudcafe/base:{digest([], SUITE, *_PACKAGES)}"
    if not succeeds("docker", "image", "inspect", name):
        archive = root_filesystem("base", _PACKAGES)
        with step(f"docker image {name}"):
            plain = f"{name}-root"
            run("docker", "import", "--change", "ENV LANG=C.UTF-8", archive, plain)
            build = ("docker", "build", "-q", "-t", name, "-")
            text = f"FROM {plain}\nRUN ln -sf python3 /usr/bin/python\n"
            run(*build, text=text, env={"DOCKER_BUILDKIT": "0"})
            run("docker", "rmi", "--no-prune", plain)
    return name
