"""The API server spoken to directly: thousands of requests a test, each answer as it came."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

GROUP = "/apis/cloudcafe.dev/v1alpha1"


@dataclass(frozen=True)
class Answer:
    """A status and an object, or the sentence of a refusal."""

    status: int
    body: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether it was taken."""
        return self.status < 300

    @property
    def message(self) -> str:
        """Why it was not."""
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class Api:
    """Objects of one kind in one namespace."""

    client: httpx.Client
    namespace: str

    def create(self, plural: str, item: dict[str, Any], *, dry: bool = False) -> Answer:
        """Create it, or only ask whether it would be."""
        options = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry else {})
        return _answer(self.client.post(self._path(plural), params=options, json=item))

    def replace(self, plural: str, name: str, spec: dict[str, Any]) -> Answer:
        """Give it another spec; the operator's own writes in between do not matter."""
        path = f"{self._path(plural)}/{name}"
        while True:
            item = self.get(plural, name).body | {"spec": spec}
            options = {"fieldValidation": "Strict"}
            found = _answer(self.client.put(path, params=options, json=item))
            if found.status != httpx.codes.CONFLICT:
                return found

    def get(self, plural: str, name: str) -> Answer:
        """Read it."""
        return _answer(self.client.get(f"{self._path(plural)}/{name}"))

    def delete(self, plural: str, name: str) -> Answer:
        """Delete it."""
        return _answer(self.client.delete(f"{self._path(plural)}/{name}"))

    def _path(self, plural: str) -> str:
        return f"{GROUP}/namespaces/{self.namespace}/{plural}"


@contextmanager
def connected(kubeconfig: Path, namespace: str, folder: Path) -> Iterator[Api]:
    """Give an API for the time of the block."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    files = {
        name: _file(folder / name, user[f"{name}-data"])
        for name in ("client-certificate", "client-key")
    }
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    context.load_cert_chain(files["client-certificate"], files["client-key"])
    with httpx.Client(base_url=cluster["server"], verify=context, timeout=30) as client:
        yield Api(client, namespace)


def _file(path: Path, data: str) -> Path:
    path.write_bytes(base64.b64decode(data))
    return path


def _answer(found: httpx.Response) -> Answer:
    return Answer(found.status_code, found.json())
