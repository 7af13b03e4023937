"""Implements errand.Place with the current kubeconfig: Jobs, their pods and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.stream import stream

from cafectl.chaos.cluster import TIMEOUT_S, Gone, Unreachable, asked

# what runs in the pod may say nothing for as long as an audit waits
SILENT_S = 3600


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """See errand.Place."""

    namespace: str

    def template(self, name: str) -> Mapping[str, Any]:
        """See errand.Place."""
        return _plain(
            asked(
                lambda api: api.read_namespaced_cron_job(
                    name, self.namespace, _request_timeout=TIMEOUT_S
                ),
                client.BatchV1Api,
            )
        )

    def begin(self, job: Mapping[str, Any]) -> str:
        """See errand.Place."""
        made = asked(
            lambda api: api.create_namespaced_job(
                self.namespace, dict(job), field_manager="cafectl", _request_timeout=TIMEOUT_S
            ),
            client.BatchV1Api,
        )
        return str(made.metadata.name)

    def pod(self, job: str) -> Mapping[str, Any] | None:
        """See errand.Place."""
        found = asked(
            lambda api: api.list_namespaced_pod(
                self.namespace,
                label_selector=f"batch.kubernetes.io/job-name={job}",
                _request_timeout=TIMEOUT_S,
            ),
            client.CoreV1Api,
        )
        return _plain(found.items[0]) if found.items else None

    def lines(self, pod: str) -> Iterator[str]:
        """See errand.Place."""
        answer = asked(
            lambda api: api.read_namespaced_pod_log(
                pod,
                self.namespace,
                follow=True,
                _preload_content=False,
                _request_timeout=(TIMEOUT_S, SILENT_S),
            ),
            client.CoreV1Api,
        )
        rest = b""
        try:
            for part in answer.stream():
                *whole, rest = (rest + part).split(b"\n")
                yield from (line.decode(errors="replace") for line in whole)
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            kind = type(problem).__name__
            raise Unreachable(f"what pod {pod} says cannot be read any more ({kind})") from problem
        if rest:
            yield rest.decode(errors="replace")

    def ask_to_end(self, pod: str) -> None:
        """See errand.Place."""
        words = ["python3", "-c", "import os, signal; os.kill(1, signal.SIGTERM)"]
        asked(
            # a client of its own: `stream` turns all calls of the one it is given into WebSockets
            lambda _: stream(
                client.CoreV1Api(client.ApiClient()).connect_get_namespaced_pod_exec,
                pod,
                self.namespace,
                command=words,
                stdout=True,
                stderr=True,
                _request_timeout=TIMEOUT_S,
            )
        )

    def remove(self, job: str) -> None:
        """See errand.Place."""
        try:
            asked(
                lambda api: api.delete_namespaced_job(
                    job,
                    self.namespace,
                    propagation_policy="Background",
                    _request_timeout=TIMEOUT_S,
                ),
                client.BatchV1Api,
            )
        except Gone:
            return


def _plain(found: Any) -> Mapping[str, Any]:
    """Return what the client made an object of as the manifest that it was."""
    api: Any = client.ApiClient()
    plain: Mapping[str, Any] = api.sanitize_for_serialization(found)
    return plain
