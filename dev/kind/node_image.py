"""Builds kind's node image where none can be pulled: Debian packages and Go modules only.

Called by `dev.kind.cluster`. kind's entrypoint, units and containerd configuration are copied
from its Go module; what a machine with control groups version 1 and without CAP_SYS_RESOURCE
needs is added.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from dev import kube
from dev.cache import digest, locked, root
from dev.debian import root_filesystem
from dev.golang import go, pinned, program
from dev.kind import manifests
from dev.kind.engine import RUNC_LOCAL, ensure_engine, prune
from dev.kind.node_contents import Contents
from dev.kind.oci import Tree
from dev.steps import say, step
from dev.system import ProblemError, require_linux_root, run, succeeds
from dev.tools import tool

_HERE = Path(__file__).parent
_KIND = _HERE.parent / "tools" / "kind"
_KIND_MODULE = "sigs.k8s.io/kind"
_METRICS_SERVER = "registry.k8s.io/metrics-server/metrics-server"
_PACKAGES = (
    *("systemd", "conntrack", "iptables", "nftables", "iproute2", "ethtool", "util-linux"),
    *("mount", "kmod", "bash", "ca-certificates", "jq", "procps", "hostname", "busybox"),
    *("containerd", "runc", "containernetworking-plugins"),
)
_DOCKERFILE = """\
FROM {root}
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT [ "/usr/local/bin/entrypoint", "/sbin/init" ]
"""


def metrics_server_image() -> str:
    """Return the metrics server's official image name; our nodes hold one of that name."""
    return f"{_METRICS_SERVER}:{pinned(kube.MODULE, 'sigs.k8s.io/metrics-server')}"


def built_image() -> str | None:
    """Return the name of the node image if this engine has one of these sources."""
    image = _image_name()
    return image if succeeds("docker", "image", "inspect", image) else None


def node_image() -> str:
    """Return the name of the node image, built if this engine does not have it yet."""
    ensure_engine()
    image = _image_name()
    with locked("node-image"):
        if not succeeds("docker", "image", "inspect", image):
            require_linux_root(
                "kind's node image is not here and was not pulled: try again, or name one that "
                "you have in CLOUDCAFE_NODE_IMAGE; building one"
            )
            _build(image)
            prune("cloudcafe/node", keep=2)
    return image


def _image_name() -> str:
    """Return what the image of these sources is called."""
    sources = [*_HERE.glob("node*.*"), _HERE / "oci.py", _HERE / "manifests.py", RUNC_LOCAL]
    modules = [kube.MODULE, _KIND / "go.mod"]
    modules.append(_HERE.parent / "tools" / "local-path-provisioner")
    key = digest(sorted([*sources, *modules]), *_PACKAGES)
    return f"cloudcafe/node:{kube.version()}-{key}"


def _build(image: str) -> None:
    programs = {
        "kube": kube.kube(),
        "coredns": program(kube.MODULE, "./cmd/coredns"),
        "pause": program(kube.MODULE, "./cmd/pause"),
        "cni-policy": program(kube.MODULE, "./cmd/cni-policy"),
        "runc": program(RUNC_LOCAL, "cloudcafe.dev/runc-local"),
        "local-path-provisioner": tool("local-path-provisioner"),
    }
    base = root_filesystem("node", _PACKAGES)
    downloaded = json.loads(go(_KIND, "mod", "download", "-json", _KIND_MODULE))
    with tempfile.TemporaryDirectory(dir=root(), prefix="node-") as folder:
        work, node = Path(folder), Path(folder, "root")
        node.mkdir()
        with step("node: files"):
            run("tar", "-C", node, "-xf", base)
            names = _copy_files(Path(downloaded["Dir"]), node)
            _add_programs(node, programs)
            _run_inside(node, "node-setup.sh")
        with step("node: images of the cluster"):
            Contents(programs, Tree(node), work).write(names, node / "images.tar")
            _run_inside(node, "node-preload.sh", *names)
        with step(f"docker image {image}"):
            _import(node, image)


def _copy_files(kind_source: Path, node: Path) -> list[str]:
    """Copy kind's base files and manifests; return the names of the images to preload."""
    shutil.copytree(
        kind_source / "images/base/files", node, dirs_exist_ok=True, copy_function=shutil.copyfile
    )
    for folder in ("usr/local/bin", "kind/bin"):
        for file in (node / folder).iterdir():
            file.chmod(0o755)
    for folder in (
        *("etc/kubernetes/manifests", "etc/kubernetes/kubelet.conf.d"),
        *("kind/manifests", "opt/cni"),
    ):
        (node / folder).mkdir(parents=True, exist_ok=True)
    files, preload = manifests.extract(kind_source)
    for name, text in files.items():
        (node / "kind/manifests" / name).write_text(text)
    (node / "kind/version").write_text(kube.version())
    wanted = run(
        kube.binaries() / "kubeadm", "config", "images", "list",
        "--kubernetes-version", kube.version(),
    ).split()  # fmt: skip
    containerd = (node / "etc/containerd/config.toml").read_text()
    sandbox = re.search(r'sandbox_image = "(.*)"', containerd)
    if sandbox is None:
        raise ProblemError("kind's containerd configuration names no sandbox image")
    kept = [name for name in wanted if "/pause:" not in name]
    return [*kept, sandbox[1], *preload, metrics_server_image()]


def _add_programs(node: Path, programs: dict[str, Path]) -> None:
    """Put programs where kind's units expect them."""
    places = {
        "kube": "usr/bin/kube",
        "runc": "usr/local/sbin/runc",  # found before /usr/sbin/runc
        "cni-policy": "usr/lib/cni/cni-policy",
    }
    for name, place in places.items():
        shutil.copyfile(programs[name], node / place)
        (node / place).chmod(0o755)
    for name in ("kubelet", "kubeadm", "kubectl"):
        (node / "usr/bin" / name).symlink_to("kube")
    for name in ("containerd", "ctr", "containerd-shim-runc-v2"):
        (node / "usr/local/bin" / name).symlink_to(f"/usr/bin/{name}")
    (node / "opt/cni/bin").symlink_to("/usr/lib/cni")


def _run_inside(node: Path, script: str, *arguments: str) -> None:
    """Run one of our scripts in the tree, with mounts of its own."""
    shutil.copyfile(_HERE / script, node / script)
    try:
        run(
            "unshare", "--mount", "--propagation", "private", "sh", "-euc",
            'mount -t proc proc "$1/proc"; mount -t tmpfs tmpfs "$1/run"; '
            'mount --rbind /dev "$1/dev"; root=$1; shift; exec chroot "$root" bash -eu "$@"',
            "-", node, f"/{script}", *arguments,
        )  # fmt: skip
    finally:
        (node / script).unlink()


def _import(node: Path, image: str) -> None:
    root_image = f"{image}-root"
    pack = ["tar", "-C", str(node), "--numeric-owner", "--one-file-system", "-c", "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as packing:
        done = subprocess.run(
            ["docker", "import", "-", root_image],
            stdin=packing.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or packing.returncode:
        raise ProblemError(f"docker import: {done.stderr.strip()}")
    text = _DOCKERFILE.format(root=root_image)
    run("docker", "build", "-q", "-t", image, "-", text=text, env={"DOCKER_BUILDKIT": "0"})
    run("docker", "rmi", "--no-prune", root_image)
    size = int(run("docker", "image", "inspect", "-f", "{{.Size}}", image))
    say(f"{image}: {size // 1_000_000} MB")
