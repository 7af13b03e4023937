"""The chart as helm renders it, and the questions that tests ask of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from dev.system import ROOT
from dev.tools import tool

CHART = ROOT / "charts" / "cloudcafe"
AWS = CHART / "values-aws.yaml"
ADMISSION = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
WORKLOADS = ("Deployment", "StatefulSet")
SERVICES = (
    "order",
    "menu",
    "inventory",
    "loyalty",
    "payment-processor",
    "analytics-worker",
    "storefront",
)


def helm(*words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run helm; a failure fails the test with what helm said."""
    command = [str(word) for word in (tool("helm"), *words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"helm {' '.join(command[1:])}: {done.stderr}")
    return done


def render(*words: str | Path) -> Rendered:
    """Render the chart as an API server of our version would have it."""
    done = helm("template", "cloudcafe", CHART, "-n", "cloudcafe", "-a", ADMISSION, *words)
    documents = yaml.load_all(done.stdout, Loader=yaml.CSafeLoader)
    return Rendered([document for document in documents if document])


def refusal(*words: str | Path) -> str:
    """Return what helm says against values that it must refuse."""
    done = helm("template", "cloudcafe", CHART, *words, check=False)
    assert done.returncode != 0, f"accepted {words}"
    return done.stderr


class Rendered:
    """Objects, found by kind and name."""

    def __init__(self, objects: list[dict]) -> None:
        self.objects = objects

    def of(self, *kinds: str) -> list[dict]:
        return [each for each in self.objects if each["kind"] in kinds]

    def get(self, kind: str, name: str) -> dict:
        found = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        assert len(found) == 1, f"{len(found)} times {kind} {name}"
        return found[0]

    def names(self, *kinds: str) -> set[str]:
        return {each["metadata"]["name"] for each in self.of(*kinds)}

    def pods(self) -> dict[str, dict]:
        """Return every pod that the chart makes, as `{metadata, spec}` by name."""
        templates = {each["metadata"]["name"]: each["spec"]["template"] for each in self._makers()}
        return templates | {each["metadata"]["name"]: each for each in self.of("Pod")}

    def containers(self) -> list[tuple[str, dict]]:
        return [
            (f"{name}/{container['name']}", container)
            for name, pod in self.pods().items()
            for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
        ]

    def serving(self) -> list[tuple[str, dict]]:
        """Return the containers that run for good, in contrast to jobs and tests."""
        names = self.names(*WORKLOADS)
        return [each for each in self.containers() if each[0].split("/")[0] in names]

    def _makers(self) -> list[dict]:
        return self.of(*WORKLOADS, "Job")


def environment(container: dict) -> dict[str, dict]:
    """Return a container's variables by name."""
    return {variable["name"]: variable for variable in container.get("env", [])}
