"""The images that a kind node starts with, made from our own programs and Debian's.

Called by `dev.kind.node_image`. An image's name, as kubeadm and kind ask for it, says what it
holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

from dev.kind.oci import Archive, Layer, Tree
from dev.kube import COMPONENTS
from dev.system import ProblemError

#: Those that write packet filters.
_NETWORKERS = {"kindnetd", "kube-proxy"}


class Contents:
    """Makes layers on first use, so that images share them."""

    def __init__(self, programs: dict[str, Path], tree: Tree, work: Path) -> None:
        """Programs are kube, coredns, pause and local-path-provisioner; `tree` has nft etc."""
        self._programs, self._tree, self._work = programs, tree, work

    def write(self, names: Iterable[str], file: Path) -> None:
        """Write an archive with an image for each name."""
        archive = Archive()
        for name in names:
            layers, entrypoint = self._image(name.rpartition("/")[2].partition(":")[0])
            archive.image(name, layers, entrypoint)
        archive.write(file)

    def _image(self, kind: str) -> tuple[list[Layer], str | None]:
        if kind in COMPONENTS:
            layers = [self._kube, self._network] if kind in _NETWORKERS else [self._kube]
            # metrics-server's own image has its program at the root
            return layers, f"/{kind}" if kind == "metrics-server" else f"/usr/local/bin/{kind}"
        single: dict[str, Callable[[], Layer]] = {
            "coredns": lambda: self._coredns,
            "pause": lambda: self._pause,
            "local-path-provisioner": lambda: self._storage,
        }
        if kind in single:
            return [single[kind]()], f"/{kind}"
        if kind == "local-path-helper":
            return [self._busybox], None
        raise ProblemError(f"nothing is known of the image {kind}")

    @cached_property
    def _kube(self) -> Layer:
        layer = self._layer("kube")
        layer.copy(self._programs["kube"], "usr/local/bin/kube")
        for name in COMPONENTS:
            layer.link(f"usr/local/bin/{name}", "kube")
        layer.link("metrics-server", "usr/local/bin/kube")
        layer.directory("tmp", 0o1777)
        return layer

    @cached_property
    def _coredns(self) -> Layer:
        return self._single("coredns")

    @cached_property
    def _pause(self) -> Layer:
        return self._single("pause")

    @cached_property
    def _storage(self) -> Layer:
        return self._single("local-path-provisioner")

    @cached_property
    def _network(self) -> Layer:
        """Iptables over nf_tables with its extensions, nft and conntrack."""
        layer = self._merged("network")
        multi = self._tree.add_program(layer, "/usr/sbin/xtables-nft-multi")
        self._tree.add_program(layer, "/usr/sbin/nft")
        self._tree.add_program(layer, "/usr/sbin/conntrack")
        for family in ("iptables", "ip6tables"):
            for tool in ("", "-save", "-restore"):
                layer.link(f"usr/sbin/{family}{tool}", Path(multi).name)
        for source in sorted(self._tree.folder.glob("usr/lib/*/xtables/*")):
            name = str(source.relative_to(self._tree.folder))
            if source.is_symlink():
                layer.link(name, str(source.readlink()))
            else:
                layer.copy(source, name)
                self._tree.add_libraries(layer, f"/{name}")
        layer.text("etc/protocols", "icmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nsctp 132 SCTP\n")
        return layer

    @cached_property
    def _busybox(self) -> Layer:
        layer = self._merged("busybox")
        self._tree.add_program(layer, "/bin/busybox")
        for name in ("cat", "chmod", "ls", "mkdir", "rm", "sh"):
            layer.link(f"usr/bin/{name}", "busybox")
        layer.directory("usr/sbin")
        layer.directory("tmp", 0o1777)
        return layer

    def _single(self, name: str) -> Layer:
        layer = self._layer(name)
        layer.copy(self._programs[name], name)
        # kind's manifest names the provisioner without a path
        layer.link(f"usr/local/bin/{name}", f"/{name}")
        return layer

    def _merged(self, name: str) -> Layer:
        layer = self._layer(name)
        for folder in ("bin", "sbin", "lib", "lib64"):
            layer.link(folder, f"usr/{folder}")
        return layer

    def _layer(self, name: str) -> Layer:
        return Layer(self._work / f"{name}.tar")
