"""What an environment's main.tf chooses: the lines of its profile, each an object on one line."""

from __future__ import annotations

import json
import re
from typing import Any

from dev.system import ROOT

NAMES = ("dev", "prod")
_WORD = re.compile(r"(\w+) = ")


def source(name: str, file: str = "main.tf") -> str:
    """Return a file of an environment."""
    return (ROOT / "terraform" / "envs" / name / file).read_text()


def chosen(name: str, key: str) -> Any:
    """Return what an environment chooses for a key of its profile."""
    [line] = re.findall(rf"^    {key} += ([^#\n]+)", source(name), re.MULTILINE)
    return json.loads(_WORD.sub(r'"\1": ', line))
