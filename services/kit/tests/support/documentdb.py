"""The chart's stand-in for DocumentDB for tests: the same jars, as a process of this machine."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.images.contexts import documentdb_jars
from dev.system import ensure_programs
from services.kit.tests.support.ports import free_port, wait_for_port


@contextmanager
def running_documentdb() -> Iterator[int]:
    """Start a server with an empty store; its port."""
    ensure_programs("DocumentDB's stand-in", "java")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="cafe-documents-") as folder:
        log = Path(folder) / "log"
        environment = {
            **os.environ,
            "DOCUMENTDB_PORT": str(port),
            "DOCUMENTDB_DATA": f"{folder}/data.h2",
        }
        classes = f"{documentdb_jars()}/lib/*"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                ["java", "-cp", classes, "-XX:+UseSerialGC", "dev.cloudcafe.DocumentDb"],
                env=environment,
                stdout=sink,
                stderr=sink,
            )
        try:
            wait_for_port(port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait(20)
