"""A Kubernetes API without nodes: etcd, API server and controllers as plain processes.

Called by tests (`with ControlPlane.start(folder) as plane:`) and by the command line, which
leaves it running. No root, loopback only; as many side by side as there are folders.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import ssl
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.controlplane import components, processes
from dev.controlplane.pki import Authority, Pair, service_account_keys
from dev.controlplane.processes import Process
from dev.kube import binaries
from dev.system import ProblemError, free_port, wait_until

_RECORD = "control-plane.json"
_READY_S = 60


@dataclass
class ControlPlane:
    """A control plane: `folder` holds its data, certificates and logs and is deleted by `stop`."""

    folder: Path
    server: str
    processes: list[Process]
    lifeline: int | None = None

    @classmethod
    def start(cls, folder: Path, *, keep: bool = False) -> Self:
        """Start one and return when the API is served and namespaces get their defaults.

        Args:
            folder: a folder that does not exist yet or is empty.
            keep: let it outlive this process; otherwise it ends when this process does,
                however that dies.
        """
        folder = folder.resolve()
        if folder.exists() and any(folder.iterdir()):
            raise ProblemError(f"{folder} is not empty: stop what runs there, or choose another")
        programs = binaries()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        port = free_port()
        plane = cls(folder, f"https://{components.LOOPBACK}:{port}", [])
        try:
            plane._launch(programs, port, keep=keep)
        except BaseException:
            processes.stop(plane.processes)  # its logs stay, to be read
            raise
        return plane

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """Return the control plane that an earlier command left in a folder."""
        try:
            record = json.loads((folder / _RECORD).read_text())
        except FileNotFoundError:
            return None
        running = [Process(**entry) for entry in record["processes"]]
        return cls(folder.resolve(), record["server"], running)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    def alive(self) -> bool:
        """Whether all its programs run."""
        return all(process.alive() for process in self.processes)

    def stop(self) -> None:
        """Kill exactly what was started and delete the folder."""
        processes.stop(self.processes)
        if self.lifeline is not None:
            os.close(self.lifeline)
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch(self, programs: Path, port: int, *, keep: bool) -> None:
        authority = Authority.create(self.folder / "pki")
        files = _issue(authority, self.folder / "pki")
        authority.kubeconfig(self.kubeconfig, self.server, "kubernetes-admin", ["system:masters"])
        manager = "kube-controller-manager"
        manager_config = self.folder / f"{manager}.conf"
        authority.kubeconfig(manager_config, self.server, f"system:{manager}")
        reading: int | None = None
        if not keep:
            reading, self.lifeline = os.pipe()

        def start(name: str, flags: list[str]) -> None:
            command: list[str | Path] = [programs / name, *flags]
            log = self.folder / "log" / f"{name}.log"
            started = processes.start(
                command, log, folder=self.folder, lifeline=reading, defaults=components.ENVIRONMENT
            )
            self.processes.append(started)
            record = {"server": self.server, "processes": [asdict(p) for p in self.processes]}
            (self.folder / _RECORD).write_text(json.dumps(record))

        try:
            start("etcd", components.etcd_flags(self.folder))
            start("kube-apiserver", components.api_server_flags(files, port))
            self._wait("/readyz", "the API server")
            start(manager, components.controller_manager_flags(files, manager_config))
            self._wait("/api/v1/namespaces/default/serviceaccounts/default", "the controllers")
        finally:
            if reading is not None:
                os.close(reading)

    def _wait(self, path: str, what: str) -> None:
        """Wait until a path answers; name a program that died meanwhile."""
        client = self.folder / "pki" / "client-kubeconfig"
        tls = ssl.create_default_context(cafile=str(self.folder / "pki" / "ca.crt"))
        tls.load_cert_chain(client.with_suffix(".crt"), client.with_suffix(".key"))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
        )

        def answers() -> bool:
            for process in self.processes:
                if not process.alive():
                    log = self.folder / "log" / f"{process.name}.log"
                    raise ProblemError(f"{process.name} stopped: {_tail(log)}")
            with contextlib.suppress(OSError), opener.open(self.server + path, timeout=2):
                return True
            return False

        wait_until(answers, what, _READY_S)


def _issue(authority: Authority, folder: Path) -> components.Files:
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    hosts = [*names, components.LOOPBACK, "10.96.0.1"]
    server: Pair = authority.issue("apiserver", "kube-apiserver", hosts=hosts)
    proxy = authority.issue("front-proxy", "front-proxy-client")
    return components.Files(authority.files, server, proxy, service_account_keys(folder))


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
