"""kind's default manifests and the images they name, read out of kind's own source.

Called by `dev.kind.node_image`, so that nothing of kind's is kept here.
"""

from __future__ import annotations

import re
from pathlib import Path

_FILES = {
    "defaultCNIManifest": "default-cni.yaml",
    "defaultStorageManifest": "default-storage.yaml",
}


def extract(kind_source: Path) -> tuple[dict[str, str], list[str]]:
    """Return the manifests by file name, and the image names."""
    folder = kind_source / "pkg/build/nodeimage"
    text = "".join((folder / name).read_text() for name in ("const_cni.go", "const_storage.go"))
    names = dict(re.findall(r'^const (\w+) = "([^"]*)"', text, re.MULTILINE))
    manifests = {file: _body(text, constant, names) for constant, file in _FILES.items()}
    return manifests, [name for name in names.values() if ":" in name]


def _body(text: str, constant: str, names: dict[str, str]) -> str:
    """Return the value of a constant: raw strings joined with names of other constants."""
    pattern = rf"^const {constant} = (`[^`]*`(?: \+ \w+ \+ `[^`]*`)*)$"
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise ValueError(f"kind's source has no {constant}")
    return re.sub(r"` \+ (\w+) \+ `", lambda match: names[match[1]], found[1]).strip("`")
