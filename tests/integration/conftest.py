"""What integration tests share: one bare control plane with our definitions, AWS, a cafe."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from localaws.testing import LocalAws

from dev.controlplane import ControlPlane
from tests.fakes.cafe import FakeCafe
from tests.integration.cafe_server import serve
from tests.integration.cluster import Cluster
from tests.integration.operator_process import OperatorProcess

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane whose API server serves our kinds."""
    with ControlPlane.start(tmp_path_factory.mktemp("plane") / "state") as plane:
        found = Cluster(plane.kubeconfig)
        found.serve_our_kinds()
        yield found


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own."""
    with cluster.namespace(f"test-{next(NUMBERS)}") as name:
        yield name


@pytest.fixture
def home(cluster: Cluster, namespace: str) -> Iterator[str]:
    """The namespace that the operator itself lives in."""
    with cluster.namespace(f"{namespace}-home") as name:
        yield name


@pytest.fixture
def cafe() -> FakeCafe:
    """The services' memory."""
    return FakeCafe()


@pytest.fixture
def cafe_url(cafe: FakeCafe) -> Iterator[str]:
    """The services' address."""
    with serve(cafe) as url:
        yield url


@pytest.fixture
def operator(  # noqa: PLR0913, PLR0917 - all of its world
    cluster: Cluster,
    namespace: str,
    home: str,
    cafe_url: str,
    local_aws: LocalAws,
    tmp_path: Path,
) -> Iterator[OperatorProcess]:
    """An operator, not yet started; it is stopped at the end and must then exit with 0."""
    settings = {
        "KUBECONFIG": str(cluster.kubeconfig),
        "POD_NAMESPACE": home,
        "POD_NAME": "operator-under-test",
        "CAFE_NAMESPACES": namespace,
        "CAFE_ORDER_URL": cafe_url,
        "CAFE_MENU_URL": cafe_url,
        "CAFE_INVENTORY_URL": cafe_url,
        "CAFE_SERVICE_TOKEN": "token",
        "CAFE_RESYNC_SECONDS": "600",
        "CAFE_FLEET_SECONDS": "3600",  # an operator at rest makes no call
        **local_aws.environment,
    }
    process = OperatorProcess(settings, tmp_path / "operator.log")
    yield process
    if process.process is not None and process.process.poll() is None:
        assert process.stop() == 0, process.log.read_text()[-3000:]
