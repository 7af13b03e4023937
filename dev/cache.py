"""Built things, kept by the digest of their sources, outside the checkout.

Called by the rooms that compile or assemble. A fresh clone with the same sources finds
everything built; a changed source builds anew and nothing else does.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: Never part of a digest: made by running or editing, not by writing.
_IGNORED = (".pyc", "_test.go")
_NOISE = {"__pycache__", ".cache", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", "tests"}

#: Builds of one name: the newest, and those that other checkouts use.
_KEPT = 4


def root() -> Path:
    """Return the folder of all caches: $CLOUDCAFE_CACHE, or the user's cache folder."""
    chosen = os.environ.get("CLOUDCAFE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloudcafe"


def digest(sources: Iterable[Path], *facts: str) -> str:
    """Return 16 hex digits of files and folders (names, contents, execute bits) and plain facts.

    Files are named relative to the source that holds them, so a checkout elsewhere agrees.
    """
    whole = hashlib.sha256()
    for source in sources:
        for file in _files(source):
            name = f"{source.name}/{file.relative_to(source)}" if file != source else source.name
            runs = "x" if os.access(file, os.X_OK) else "-"
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            whole.update(f"{name} {runs} {content}\n".encode())
    for fact in facts:
        whole.update(f"{len(fact)} {fact}\n".encode())
    return whole.hexdigest()[:16]


def built(name: str, key: str, build: Callable[[Path], None]) -> Path:
    """Return the folder `name/key` of the cache, made by `build(draft folder)` the first time.

    The draft is renamed when it is whole, and a lock keeps a second builder waiting, so what
    is found is always complete.
    """
    folder = root() / name / key
    if folder.exists():
        os.utime(folder)  # in use: see _prune
        return folder
    with locked(name):
        if folder.exists():
            return folder
        draft = folder.with_name(f".{key}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        build(draft)
        draft.rename(folder)
        _prune(folder.parent)
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the machine-wide lock of one name."""
    file = root() / "locks" / name.replace("/", "-")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prune(folder: Path) -> None:
    """Delete what has not been used for longest."""
    finished = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    finished.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in finished[_KEPT:]:
        shutil.rmtree(entry)


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(set(folders) - _NOISE)
        yield from (Path(folder, name) for name in sorted(names) if not name.endswith(_IGNORED))
