"""Run the whole crash sweep: `python -m tests.crash`, or `make crash`.

Over real processes, in shares side by side, and over fakes in the time that those leave. Each share
has a network namespace of its own, with the ports of a whole town in it. The table of all is
written to `.cache/crash.json` and printed.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from dev.kube import binaries
from tests.crash.table import together

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
WHOLE = "every_write_and_every_trouble"
REST = f"not {WHOLE} and not around_the_injection"  # the sample is part of the whole
# an address that is not loopback's: names of services must not lead there
NETWORK = (
    "ip link set lo up && ip address add 10.99.0.1/24 dev lo && "
    'ip route add 192.0.2.0/24 dev lo src 10.99.0.1 && exec "$@"'
)


def main() -> int:
    """Run all; the status is 0 where nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    cores = os.cpu_count() or 1  # a share keeps two of them busy, with its API server and its AWS
    parser.add_argument("--shares", type=int, default=min(max(1, cores // 2), 4))
    parser.add_argument("--kinds", default="", help="only these: before,after,lost,409,…,two")
    parser.add_argument("--processes-only", action="store_true", help="leave the fakes out")
    options = parser.parse_args()
    began = time.monotonic()
    binaries()  # built once, and with a network
    fakes = [] if options.processes_only else [_fakes()]
    shares = [f"{number}/{options.shares}" for number in range(1, options.shares + 1)]
    running = [_share(share, options.kinds) for share in shares]
    statuses = [process.wait() for process in (*running, *fakes)]
    paths = [CACHE / f"crash-{share.replace('/', '-of-')}.json" for share in shares]
    document = together(paths) | {"wholeSeconds": round(time.monotonic() - began)}
    (CACHE / "crash.json").write_text(json.dumps(document, indent=1) + "\n")
    for name in ("plans", "failures", "rounds", "wholeSeconds", "byTrouble", "found"):
        sys.stdout.write(f"{name:14}{document[name]}\n")
    return 1 if any(statuses) or document["failures"] else 0


def _share(share: str, kinds: str) -> "subprocess.Popen[bytes]":
    alone = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--net", "--map-root-user")
    words = (*_words("-k", WHOLE), f"--share={share}", f"--kinds={kinds}")
    return subprocess.Popen([*alone, "sh", "-c", NETWORK, "sh", *words], cwd=ROOT)


def _fakes() -> "subprocess.Popen[bytes]":
    """Clocks of fakes do not run by themselves, so this may be slow."""
    return subprocess.Popen(["nice", "-n", "10", *_words("-k", REST)], cwd=ROOT)


def _words(*options: str) -> tuple[str, ...]:
    folder = "tests/crash"
    return (sys.executable, "-m", "pytest", folder, "--all-writes", "-q", *options)


if __name__ == "__main__":
    sys.exit(main())
