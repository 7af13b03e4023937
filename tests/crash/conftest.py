"""Fixtures of the sweep over real processes; `--all-writes` sweeps every write, not a sample.

`python -m tests.crash` runs shares of it side by side.
"""

import pytest
from localaws.testing import LocalAws

from dev.controlplane import ControlPlane
from tests.crash.fleet import Fleet
from tests.fakes.cafe import FakeCafe
from tests.integration.cafe_server import serve
from tests.integration.cluster import Cluster

NAMESPACE = "crash"


def pytest_addoption(parser):
    parser.addoption(
        "--all-writes",
        action="store_true",
        help="kill the operator's process before and after every write, not only at a few",
    )
    parser.addoption("--kinds", default="", help="of kills and troubles, with commas; empty: all")
    parser.addoption("--share", default="1/1", help="which part of all writes: 2/3 is the second")


@pytest.fixture
def share(pytestconfig):
    """Which part of how many of all writes is swept."""
    if not pytestconfig.getoption("--all-writes"):
        pytest.skip("only with --all-writes: it takes most of an hour")
    return tuple(map(int, pytestconfig.getoption("--share").split("/")))


@pytest.fixture(scope="session")
def crash_cluster(tmp_path_factory):
    """A control plane that serves our kinds."""
    with ControlPlane.start(tmp_path_factory.mktemp("plane") / "state") as plane:
        found = Cluster(plane.kubeconfig)
        found.serve_our_kinds()
        found.kubectl("create", "namespace", NAMESPACE)
        found.kubectl("label", "namespace", NAMESPACE, "cloudcafe.dev/chaos=allowed")
        yield found


@pytest.fixture
def fleet(crash_cluster, tmp_path):
    """An operator between proxies, not yet started."""
    cafe = FakeCafe()
    (tmp_path / "token").write_text("none is needed: the proxy is the administrator")

    def start_aws(kubernetes, namespace):
        return LocalAws.start(
            {
                "LOCALAWS_FAILOVER_SECONDS": "0.6",
                "LOCALAWS_MEMORYDB_SECONDS": "0.6",
                "LOCALAWS_KUBERNETES_URL": kubernetes,
                "LOCALAWS_NAMESPACE": namespace,
                "LOCALAWS_IDENTITY_DIR": str(tmp_path),
            }
        )

    with serve(cafe) as url:
        made = Fleet(crash_cluster, cafe, tmp_path, NAMESPACE)
        with made.running(url, start_aws):
            yield made
