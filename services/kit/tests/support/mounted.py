"""A mounted Secret, exchanged as the kubelet does it: by one rename of a link."""

from collections.abc import Mapping
from pathlib import Path


class MountedFolder:
    """`NAME -> ..data/NAME`, and `..data` leads to the folder of the newest version."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = 0

    def put(self, values: Mapping[str, str]) -> None:
        """All values of the next version, at one moment."""
        self._version += 1
        version = self.path / f"..version{self._version}"
        version.mkdir(parents=True)
        for name, value in values.items():
            (version / name).write_text(value)
        link = self.path / "..data_tmp"
        link.symlink_to(version.name)
        link.replace(self.path / "..data")
        for name in values:
            file = self.path / name
            if not file.is_symlink():
                file.symlink_to(f"..data/{name}")
