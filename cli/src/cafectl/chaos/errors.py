"""How a command ends that could not do its work: one sentence and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from cafectl.chaos.cluster import ClusterError, Gone, Unreachable
from cafectl.chaos.verdict import UNKNOWN
from cafectl.terminal import Terminal

problems = Terminal(stderr=True)


@contextmanager
def told() -> Iterator[None]:
    """Turn what the cluster says into a sentence."""
    try:
        yield
    except ClusterError as problem:
        kinds = {Unreachable: "cannot be reached", Gone: "not there"}
        head = kinds.get(type(problem), "not possible")
        problems.trouble(head, problem)
        raise typer.Exit(UNKNOWN) from problem
