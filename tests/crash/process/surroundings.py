"""What an operator's process finds on a bare control plane, and a bug where a test asks for one.

`tests/crash/nursery.py` imports it before the operator runs. There is no cluster DNS: services'
names lead to the admin ports that `tests/crash/town.py` serves on all addresses of this
machine; loopback would be refused as an answer to a name.
"""

import faulthandler
import importlib
import os
import signal
import socket

_getaddrinfo = socket.getaddrinfo
NAMESPACE = os.environ.get("POD_NAMESPACE", "")


def getaddrinfo(host, *rest, **more):
    """Resolve `menu.crash` as the cluster would, all else as ever."""
    name = host.decode() if isinstance(host, bytes) else host
    ours = bool(NAMESPACE) and str(name).endswith(f".{NAMESPACE}")
    return _getaddrinfo(os.environ["CRASH_ADDRESS"] if ours else host, *rest, **more)


socket.getaddrinfo = getaddrinfo
faulthandler.register(signal.SIGUSR1)  # a test that waits in vain wants to know where we are
if bug := os.environ.get("CRASH_BUG"):
    importlib.import_module(bug)
