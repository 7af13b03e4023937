"""Creating, filling and deleting one named kind cluster.

Called by the command line (`python -m dev.kind`) and by `make` through it. Everything is safe to
repeat: a healthy cluster is left as it is, a broken one (its engine died) is made anew.
"""

from __future__ import annotations

import os
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.kind.config import cluster_config, nodes
from dev.kind.engine import ensure_engine, running
from dev.kind.load import stream
from dev.kind.node_image import built_image, metrics_server_image, node_image
from dev.kind.official_image import default_image, is_here, pulled, runs_here
from dev.steps import say, step
from dev.system import LOCAL, run, succeeds
from dev.tools import tool

_METRICS_SERVER = Path(__file__).with_name("metrics-server.yaml")


@dataclass(frozen=True)
class Cluster:
    """A kind cluster by name; `kubeconfig` is in the checkout's .cache."""

    name: str = "cloudcafe"

    @property
    def kubeconfig(self) -> Path:
        """Where its kubeconfig is written."""
        return LOCAL / ("kubeconfig" if self.name == "cloudcafe" else f"kubeconfig-{self.name}")

    def up(self) -> None:
        """Make it run, and return when all nodes are ready."""
        ensure_engine()
        if self.exists() and not (self._export() and self.healthy()):
            say(f"cluster {self.name} is not whole: it is made anew")
            self.down()
        if not self.exists():
            self._create()
        # each time: whoever was interrupted may have got to the nodes, and not to this
        text = string.Template(_METRICS_SERVER.read_text())
        self.kubectl("apply", "-f", "-", text=text.substitute(image=metrics_server_image()))

    def _create(self) -> None:
        image = chosen_image()
        self.kubeconfig.parent.mkdir(exist_ok=True)
        with step(f"kind cluster {self.name}"):
            self._kind(
                *("create", "cluster", "--image", image, "--config", "-", "--wait", "120s"),
                *("--kubeconfig", self.kubeconfig),
                text=cluster_config(),
            )
        with step("nodes ready"):
            self.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s")

    def down(self) -> None:
        """Delete it; nothing to do without an engine."""
        if running() and self.exists():
            with step(f"delete cluster {self.name}"):
                self._kind("delete", "cluster")
        self.kubeconfig.unlink(missing_ok=True)

    def exists(self) -> bool:
        """Whether kind knows it."""
        return self.name in run(tool("kind"), "get", "clusters", "-q").split()

    def healthy(self) -> bool:
        """Whether its API server answers and every node of the configuration is there and ready.

        kind adds the workers last: interrupted, it leaves a cluster without some of them.
        """
        kubectl = (tool("kubectl"), "--kubeconfig", self.kubeconfig)
        ready = ("wait", "--for=condition=Ready", "node", "--all", "--timeout=20s")
        return (
            succeeds(*kubectl, "get", "--raw", "/readyz", timeout_s=10)
            and len(run(*kubectl, "get", "nodes", "-o", "name").split()) == len(nodes())
            and succeeds(*kubectl, *ready)
        )

    def load(self, images: Sequence[str]) -> None:
        """Bring images of the engine to the workers that lack them."""
        listed = run(tool("kind"), "get", "nodes", "-q", "--name", self.name).split()
        workers = [node for node in listed if "control-plane" not in node]
        missing: set[str] = set()
        for node in workers:
            there = run("docker", "exec", node, "ctr", "-n", "k8s.io", "images", "list", "-q")
            missing |= set(images) - {
                name.removeprefix("docker.io/") for name in there.splitlines()
            }
        if missing:
            with step(f"load {len(missing)} images into {len(workers)} nodes"):
                stream(sorted(missing), workers)

    def kubectl(self, *arguments: str | Path, text: str | None = None) -> str:
        """Run kubectl against it."""
        return run(tool("kubectl"), "--kubeconfig", self.kubeconfig, *arguments, text=text)

    def _export(self) -> bool:
        return succeeds(
            *(tool("kind"), "export", "kubeconfig", "-q", "--name", self.name),
            *("--kubeconfig", self.kubeconfig),
        )

    def _kind(self, *arguments: str | Path, text: str | None = None) -> None:
        command, subject, *rest = arguments
        run(tool("kind"), command, subject, "-q", "--name", self.name, *rest, text=text)


def chosen_image() -> str:
    """Return the node image: $CLOUDCAFE_NODE_IMAGE, else kind's own, else one built here.

    What the engine has already is taken before a registry is asked.
    """
    chosen = os.environ.get("CLOUDCAFE_NODE_IMAGE")
    if chosen:
        return chosen
    official = default_image() if runs_here() else None
    if official and is_here(official):
        return official
    built = built_image()
    if built:
        return built
    return official if official and pulled(official) else node_image()
