"""Use a share of one CPU for some seconds: `python -m cafe_kit.burn SHARE SECONDS PARENT_PID`.

Started by `stress.py` as a process of its own, so that the load competes with the service for the
container's CPU and not for the interpreter lock. Ends by itself at its time, or when its parent
has died.
"""

import os
import sys
import time

SLICE_SECONDS = 0.05


def burn(share: float, seconds: float, parent_pid: int) -> None:
    """Alternate work and rest in short slices until the time is over or we are orphaned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and os.getppid() == parent_pid:
        work_until = time.monotonic() + SLICE_SECONDS * share
        while time.monotonic() < work_until:
            pass
        time.sleep(SLICE_SECONDS * (1 - share))


if __name__ == "__main__":
    burn(float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
