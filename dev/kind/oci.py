"""Writes container images as one OCI archive, without an engine.

Called by `dev.kind.node_image`: a node's own images are there before anything could pull them.
Layers are plain tar: a node unpacks them at each start, and disk is cheaper than time.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Layer:
    """One tar archive on disk; each path once, parents before children, no times, no owners."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._tar = tarfile.open(file, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - see close
        self._seen: set[str] = set()

    def directory(self, name: str, mode: int = 0o755) -> None:
        """Add a folder."""
        if self._first(name):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, mode
            self._tar.addfile(info)

    def copy(self, source: Path, name: str, mode: int = 0o755) -> None:
        """Add a file."""
        if self._first(name):
            info = tarfile.TarInfo(name)
            info.size, info.mode = source.stat().st_size, mode
            with source.open("rb") as content:
                self._tar.addfile(info, content)

    def text(self, name: str, text: str) -> None:
        """Add a file with this text."""
        if self._first(name):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text.encode()), 0o644
            self._tar.addfile(info, io.BytesIO(text.encode()))

    def link(self, name: str, target: str) -> None:
        """Add a symbolic link."""
        if self._first(name):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
            self._tar.addfile(info)

    def close(self) -> tuple[str, int]:
        """Finish the archive; return its digest and size."""
        self._tar.close()
        with self.file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return f"sha256:{digest}", self.file.stat().st_size

    def _first(self, name: str) -> bool:
        if name in self._seen:
            return False
        parent = name.rpartition("/")[0]
        if parent:
            self.directory(parent)
        self._seen.add(name)
        return True


class Archive:
    """Several images that may share layers."""

    def __init__(self) -> None:
        self._blobs: dict[str, Path | bytes] = {}
        self._index: list[dict[str, Any]] = []

    def image(self, name: str, layers: Sequence[Layer], entrypoint: str | None) -> None:
        """Add an image of closed layers; without an entrypoint it runs a shell."""
        parts = []
        for layer in layers:
            digest, size = layer.close()
            self._blobs[digest] = layer.file
            parts.append({"mediaType": _LAYER, "digest": digest, "size": size})
        start = {"Entrypoint": [entrypoint]} if entrypoint else {"Cmd": ["/bin/sh"]}
        config = {
            "architecture": architecture(),
            "os": "linux",
            "config": {"Env": [_SEARCH_PATH], **start},
            "rootfs": {"type": "layers", "diff_ids": [part["digest"] for part in parts]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, **self._put(config)},
            "layers": parts,
        }
        names = {
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        }
        entry = {"mediaType": _MANIFEST, **self._put(manifest), "annotations": names}
        self._index.append(entry)

    def write(self, file: Path) -> None:
        """Write the archive."""
        with tarfile.open(file, "w") as tar:
            index = {"schemaVersion": 2, "manifests": self._index}
            _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
            _add(tar, "index.json", json.dumps(index).encode())
            for digest, content in self._blobs.items():
                name = f"blobs/{digest.replace(':', '/')}"
                if isinstance(content, bytes):
                    _add(tar, name, content)
                else:
                    tar.add(content, name)

    def _put(self, document: dict[str, Any]) -> dict[str, Any]:
        content = json.dumps(document, sort_keys=True).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._blobs[digest] = content
        return {"digest": digest, "size": len(content)}


class Tree:
    """A Debian tree on disk that programs are taken from, with the libraries they load."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add_program(self, layer: Layer, path: str) -> str:
        """Add a program and its libraries to a layer; return where it really is."""
        real = self._resolve(path)
        layer.copy(self.folder / real.lstrip("/"), real.lstrip("/"))
        self.add_libraries(layer, real)
        return real

    def add_libraries(self, layer: Layer, path: str) -> None:
        """Add what a program or a library loads."""
        said = self._run("ldd", path, check=False)
        for word in said.split():
            if word.startswith("/") and not word.endswith(":"):
                name = word.lstrip("/")
                target = name if name.startswith("usr/") else f"usr/{name}"
                layer.copy(self.folder / self._resolve(word).lstrip("/"), target)

    def _resolve(self, path: str) -> str:
        return self._run("readlink", "-f", path).strip()

    def _run(self, *command: str, check: bool = True) -> str:
        inside = ["chroot", str(self.folder), *command]
        return subprocess.run(inside, capture_output=True, text=True, check=check).stdout


def architecture() -> str:
    """Return the machine's architecture as images name it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
