"""The file in which the emulated AWS outlives its process: one JSON document a line.

`snapshots` writes and reads it. The first line names the format, the last counts the sections and
carries a checksum of all before it, so that half a file is never taken for a whole one. A reader
finds the previous file or the new one, since a new one is renamed into place.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FORMAT = 1


class SnapshotError(Exception):
    """The file is there and cannot be used; the message says what is wrong with it."""


def write(path: Path, sections: Iterable[bytes]) -> int:
    """Replace the file by these JSON documents; returns its size in bytes.

    The old file stays whatever goes wrong (OSError). It is on disk when this returns.
    """
    draft = path.with_suffix(".draft")
    checksum, count = 0, 0
    try:
        with draft.open("wb") as file:
            for line in (_json({"format": FORMAT}), *sections):
                file.write(line + b"\n")
                checksum = zlib.crc32(line, checksum)
                count += 1
            file.write(_json({"sections": count - 1, "crc32": checksum}) + b"\n")
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size


def read(path: Path, hook: Callable[[dict[str, Any]], Any] | None = None) -> list[Any]:
    """The sections in the order of writing; `hook` is json's object_hook.

    Raises FileNotFoundError where there is none, SnapshotError where it cannot be used.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}") from error
    try:
        head, *sections = lines
        end = json.loads(sections.pop())
        if json.loads(head) != {"format": FORMAT}:
            raise SnapshotError(f"{path} has another format than {FORMAT}: {head[:80]!r}")
        checksum = 0
        for line in (head, *sections):
            checksum = zlib.crc32(line, checksum)
        if end != {"sections": len(sections), "crc32": checksum}:
            raise SnapshotError(f"{path} is damaged: checksum or number of sections differ")
        return [json.loads(line, object_hook=hook) for line in sections]
    except (ValueError, IndexError, RecursionError) as error:
        raise SnapshotError(f"{path} is damaged: {error}") from error


def _json(document: object) -> bytes:
    return json.dumps(document).encode()
