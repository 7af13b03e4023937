"""Of a list's items only what is asked for becomes an object; a refusal is still read whole."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cloudcafe_operator.effects.api_server import Access
from cloudcafe_operator.effects.kubernetes import KubernetesApi
from cloudcafe_operator.errors import AccessDenied
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.planning.pods import PodInShort, pod_seen

META = {"name": "web", "namespace": "shop", "uid": "u", "labels": {"app": "web"}}
POD = {
    "metadata": {**META, "managedFields": [{"manager": "kubelet"}]},
    "spec": {"nodeName": "one", "containers": [{"name": "web"}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}
SAID = {"apiVersion": "v1", "kind": "Pod"}


@pytest.fixture
async def listing():
    """Return a way to list the pods of an API server that gives one answer to everything."""
    apis, servers = [], []

    async def listed(body, *, status=200, metadata=False, **how):
        app = web.Application()

        async def answer(_request):
            return web.json_response(body, status=status)

        app.router.add_get("/{path:.*}", answer)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        api = KubernetesApi(Access(str(servers[-1].make_url("")).rstrip("/"), None, dict))
        apis.append(api)
        return await (api.list_metadata if metadata else api.list)(PODS, namespace="shop", **how)

    yield listed
    for one in (*apis, *servers):
        await one.close()


async def test_a_list_in_full_has_everything(listing):
    assert await listing({"metadata": {}, "items": [POD]}) == [POD | SAID]


async def test_a_list_in_short_has_what_is_read_and_nothing_else(listing):
    (pod,) = await listing({"metadata": {}, "items": [POD]}, keep=PodInShort)
    assert pod == {**POD, "metadata": META, "spec": {"nodeName": "one"}} | SAID
    assert pod_seen(pod) == pod_seen(POD)


async def test_a_list_of_metadata_leaves_out_who_manages_which_field(listing):
    (pod,) = await listing({"metadata": {}, "items": [POD]}, metadata=True)
    assert pod == {"metadata": META} | SAID


async def test_no_items_are_an_empty_list(listing):
    assert await listing({"metadata": {}, "items": None}, keep=PodInShort) == []


async def test_a_refused_list_tells_why(listing):
    said = {"kind": "Status", "message": "pods is forbidden", "reason": "Forbidden"}
    with pytest.raises(AccessDenied, match="pods is forbidden"):
        await listing(said, status=403, keep=PodInShort)
