"""A test's view of a real API server: kubectl for what people do, and counting of writes."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev.kube import binaries

WRITES = re.compile(
    r'apiserver_request_total\{.*[,{]resource="(?P<resource>[^"]+)".*verb="(?P<verb>[A-Z]+)".*\} '
    r"(?P<count>[0-9.e+]+)"
)
WRITING = {"POST", "PUT", "PATCH", "APPLY"}
ROOT = Path(__file__).parents[2]
KINDS = {f"{kind}.cloudcafe.dev" for kind in ("cafestores", "chaosexperiments", "chaosruns")}
OURS = {"cafestores", "chaosexperiments", "chaosruns", "secrets", "configmaps", "events"}


@dataclass(frozen=True)
class Cluster:
    """An API server reached by a kubeconfig."""

    kubeconfig: Path

    def kubectl(self, *words: str, stdin: str = "", ok: bool = True) -> str:
        """Run kubectl; its output, or its refusal where `ok` is False."""
        done = subprocess.run(
            [str(binaries() / "kubectl"), "--kubeconfig", str(self.kubeconfig), *words],
            input=stdin,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr

    def apply(self, *manifests: dict[str, Any], ok: bool = True) -> str:
        """Apply, or return why it was refused."""
        return self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests), ok=ok)

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        """Return an object, or None."""
        text = self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        return dict(json.loads(text)) if text else None

    def list(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """Return all objects of a kind."""
        return list(json.loads(self.kubectl("get", kind, "-n", namespace, "-o", "json"))["items"])

    def writes(self) -> dict[str, float]:
        """Return how many writes of what an operator writes were served so far, by verb."""
        found: dict[str, float] = {}
        for line in WRITES.finditer(self.kubectl("get", "--raw", "/metrics")):
            if line["verb"] in WRITING and line["resource"] in OURS:
                key = f"{line['verb']} {line['resource']}"
                found[key] = found.get(key, 0) + float(line["count"])
        return found

    def serve_our_kinds(self) -> None:
        """Apply our definitions, and wait until clients find all of their kinds."""
        self.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        eventually(lambda: set(self.kubectl("api-resources", "-o", "name").split()) >= KINDS)

    @contextmanager
    def namespace(self, name: str) -> Iterator[str]:
        """A namespace for one test."""
        self.kubectl("create", "namespace", name)
        try:
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")


def eventually(check: Callable[[], Any], *, seconds: float = 30) -> Any:
    """Return the first true answer of a check; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, f"never true within {seconds} s: last {found!r}"
        time.sleep(0.1)


def condition(item: dict[str, Any] | None, type_: str) -> dict[str, Any]:
    """Return a condition of an object, or nothing."""
    rows = ((item or {}).get("status") or {}).get("conditions") or []
    return next((row for row in rows if row["type"] == type_), {})
