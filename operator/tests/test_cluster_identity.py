"""Which cluster the operator is in: asked once at the start, and waited for like all else there."""

import pytest
from cloudcafe_operator import main
from cloudcafe_operator.effects.cluster_identity import cluster_uid
from cloudcafe_operator.effects.health import Health
from cloudcafe_operator.errors import AccessDenied, Unavailable
from cloudcafe_operator.settings import Settings

from tests.fakes import FakeKubernetes

REFUSED = AccessDenied("get namespaces kube-system: forbidden; grant the operator's role the verb")


def api_server():
    """An API server that serves our definitions, as the operator waits for them."""
    kubernetes = FakeKubernetes()
    meta = {"name": "kube-system", "uid": "of-kube-system"}
    kubernetes.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})

    async def is_served(_resource, *, namespace=None):
        return None

    kubernetes.is_served = is_served
    return kubernetes


async def test_it_is_the_uid_of_the_namespace_that_every_cluster_has():
    assert await cluster_uid(api_server()) == "of-kube-system"


async def test_a_cluster_without_that_namespace_is_not_ready():
    with pytest.raises(Unavailable, match="namespace kube-system"):
        await cluster_uid(FakeKubernetes())


async def test_a_role_of_before_is_refused_with_the_remedy():
    kubernetes = api_server()
    kubernetes.fail_next("get", REFUSED)
    with pytest.raises(AccessDenied, match="upgrade the chart, whose ClusterRole") as refused:
        await cluster_uid(kubernetes)
    assert str(REFUSED) in str(refused.value)


@pytest.mark.parametrize("trouble", [REFUSED, Unavailable("connection refused")])
async def test_the_start_waits_says_why_and_goes_on_by_itself(trouble, monkeypatch):
    monkeypatch.setattr(main, "SECONDS_BETWEEN_TRIES", 0)
    kubernetes, health = api_server(), Health()
    kubernetes.fail_next("get", trouble)
    assert await main.awaited(Settings(), kubernetes, health) == "of-kube-system"
    assert health.starting.startswith("waiting for the API server")
    assert str(trouble) in health.starting
