"""Brings images of the engine into nodes: exported once, imported everywhere at the same time.

Called by `dev.kind.cluster`. `kind load` does the same through a file, node after node, in three
times the time.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import IO

from dev.system import ProblemError

_BLOCK = 1 << 20
# not unpacked: a node does that for what it runs, when it runs it
_IMPORT = (
    "ctr",
    "--namespace",
    "k8s.io",
    "images",
    "import",
    "--all-platforms",
    "--no-unpack",
    "-",
)


def stream(images: Sequence[str], nodes: Sequence[str]) -> None:
    """Copy images into nodes; a node that fails is named with what it said."""
    with ExitStack() as running:
        imports = {
            node: running.enter_context(
                subprocess.Popen(
                    ["docker", "exec", "-i", node, *_IMPORT],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
            )
            for node in nodes
        }
        export = running.enter_context(
            subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE)
        )
        _copy(export.stdout, [each.stdin for each in imports.values()])
        said = {node: _last_words(each) for node, each in imports.items()}
    if export.returncode:
        raise ProblemError(f"docker save {' '.join(images)} failed: see above")
    for node, each in imports.items():
        if each.returncode:
            raise ProblemError(f"loading images into {node}: {said[node].strip()}")


def _copy(source: IO[bytes] | None, targets: Sequence[IO[bytes] | None]) -> None:
    open_targets = [target for target in targets if target is not None]
    while source is not None and (block := source.read(_BLOCK)):
        for target in open_targets:
            with suppress(BrokenPipeError):  # it died: its status tells
                target.write(block)
    for target in open_targets:
        with suppress(BrokenPipeError):
            target.close()


def _last_words(process: subprocess.Popen[bytes]) -> str:
    return process.stderr.read().decode(errors="replace") if process.stderr else ""
