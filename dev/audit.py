"""`python -m dev.audit [options]`: `cafectl audit` as a pod, where all books can be read.

Used by the demo and by the load test: whatever was broken, every order must have one charge, its
stock, its points and its row.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import yaml

from dev.kubectl import command, kubectl
from dev.system import LOCAL, ROOT, main, show, wait_until

_LIMIT = "600s"


def audit(*options: str) -> bool:
    """Run it with these options, show what it says; return whether the books balance."""
    kubectl("delete", "pod", "audit", "--ignore-not-found", "--wait")
    kubectl("apply", "-f", "-", text=json.dumps(pod(*options)))
    wait_until(lambda: _phase() not in {"", "Pending"}, "the audit to start", 60)
    show(*command("logs", "--follow", "audit"))
    ended = "--for=jsonpath={.status.containerStatuses[0].state.terminated}"
    kubectl("wait", ended, "pod/audit", f"--timeout={_LIMIT}")
    found = json.loads(kubectl("get", "pod", "audit", "-o", "json"))
    kubectl("delete", "pod", "audit", "--wait=false")
    state = found["status"]["containerStatuses"][0]["state"]["terminated"]
    return bool(state["exitCode"] == 0)


def _phase() -> str:
    return kubectl("get", "pod", "audit", "-o", "jsonpath={.status.phase}").strip()


def pod(*options: str) -> dict[str, Any]:
    """Return the pod's manifest, with the image that this checkout built."""
    images = yaml.safe_load((LOCAL / "values-images.yaml").read_text())["global"]["images"]
    manifest: dict[str, Any] = yaml.safe_load((ROOT / "dev/audit.yaml").read_text())
    container = manifest["spec"]["containers"][0]
    container["image"] = "{repository}:{tag}".format(**images["cli"])
    container["args"] += options
    return manifest


def _command() -> None:
    if not audit(*sys.argv[1:]):
        sys.exit(1)


if __name__ == "__main__":
    main(_command)
