"""What the roles' generator knows of each method is what the method asks of the API server."""

import inspect
from contextlib import asynccontextmanager

import pytest
from cloudcafe_operator import ports
from cloudcafe_operator.effects.api_server import Access
from cloudcafe_operator.effects.kubernetes import APPLY, KubernetesApi
from cloudcafe_operator.effects.kubernetes_errors import Answer
from cloudcafe_operator.generate_rbac_verbs import LISTS, VERBS
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.ports import Ref, User


class Recorder:
    """Stands in for ApiServer and judges each request as the API server does: by its method."""

    def __init__(self):
        self.asked = set()

    async def send(self, intent, *, body, query, types, keep=None):
        one = bool(intent.name)
        verbs = {"GET": "get" if one else "list", "POST": "create", "PATCH": "patch"}
        verb = verbs.get(intent.method, intent.method.lower())
        part = f" /{intent.subresource}" if intent.subresource else ""
        self.asked.add(verb + part)
        if types[1] == APPLY:
            self.asked.add("create")
        return Answer(200, {"items": [], "metadata": {}, "status": {}})

    @asynccontextmanager
    async def watch(self, intent, query):
        self.asked.add("watch")

        async def lines():
            return
            yield

        yield 200, lines()

    async def close(self):
        pass


REF = Ref(PODS, "a", "lisbon")
MANIFEST = {"metadata": {"name": "a", "namespace": "lisbon"}}
CALLS = {
    "get": lambda api: api.get(REF),
    "list": lambda api: api.list(PODS),
    "list_metadata": lambda api: api.list_metadata(PODS),
    "pages": lambda api: drained(api.pages(PODS, namespace=None)),
    "is_served": lambda api: api.is_served(PODS, namespace=None),
    "watch": lambda api: drained(api.watch(PODS, namespace=None, since="1")),
    "create": lambda api: api.create(PODS, MANIFEST),
    "apply": lambda api: api.apply(PODS, MANIFEST),
    "patch": lambda api: api.patch(REF, {}),
    "patch_status": lambda api: api.patch_status(REF, {}),
    "delete": lambda api: api.delete(REF),
    "evict": lambda api: api.evict(REF, uid="u"),
    "may": lambda api: api.may(User("ada"), "inject", REF),
    "close": lambda api: api.close(),
}


async def drained(items):
    return [item async for item in items]


@pytest.mark.parametrize("method", CALLS)
async def test_every_method_asks_the_api_server_for_just_the_verbs_of_the_table(method):
    api = KubernetesApi(Access("http://localhost", None, dict))
    api._server = Recorder()
    await CALLS[method](api)
    assert api._server.asked == set(VERBS[method])


def test_the_tables_have_every_method_that_can_be_called():
    def methods(kind):
        return {name for name, _ in inspect.getmembers(kind, callable) if name[0] != "_"}

    assert (
        methods(KubernetesApi)
        == CALLS.keys()
        == VERBS.keys() - {"kopf.operator", "blockOwnerDeletion"}
    )
    assert methods(ports.Kubernetes) <= VERBS.keys()
    assert methods(ports.Lists) == LISTS.keys()
