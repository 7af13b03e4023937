"""Writing files of a run, for pipelines and people; a folder that is missing is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cafectl.chaos.cluster import Refused
from cafectl.chaos.junit import junit
from cafectl.chaos.view import Run


def write(path: Path, text: str) -> None:
    """Write a file; Refused with a sentence where that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise Refused(f"{path} cannot be written: {problem.strerror}") from problem


def write_junit(runs: Sequence[Run], path: Path) -> None:
    """Write runs as JUnit XML."""
    write(path, junit(runs))
