"""The fakes keep the API server's rules."""

import pytest
from cloudcafe_operator.errors import AlreadyExists, Conflict, NotFound
from cloudcafe_operator.ports import Ref, Resource

from tests.fakes import Died, FakeAws, FakeKubernetes, Recorder

STORES = Resource("cloudcafe.dev", "v1alpha1", "cafestores", "CafeStore")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
REF = Ref(STORES, "corner", "lisbon")


def store(**meta):
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "CafeStore",
        "metadata": {"name": "corner", "namespace": "lisbon", **meta},
        "spec": {"city": "Lisbon"},
        "status": {"open": True},
    }


@pytest.fixture
def server():
    return FakeKubernetes()


async def test_an_old_resource_version_is_a_conflict(server):
    made = await server.create(STORES, store())
    version = made["metadata"]["resourceVersion"]
    await server.patch_status(REF, {"open": False}, resource_version=version)
    with pytest.raises(Conflict):
        await server.patch_status(REF, {"open": True}, resource_version=version)


async def test_create_refuses_a_taken_name(server):
    await server.create(STORES, store())
    with pytest.raises(AlreadyExists):
        await server.create(STORES, store())


async def test_create_and_patch_leave_status_alone(server):
    made = await server.create(STORES, store())
    assert "status" not in made
    patched = await server.patch(REF, {"status": {"open": True}, "spec": {"city": "Porto"}})
    assert "status" not in patched
    assert patched["metadata"]["generation"] == 2


async def test_a_finalizer_holds_a_deleted_object_until_it_is_removed(server):
    await server.create(STORES, store(finalizers=["cloudcafe.dev/store"]))
    assert await server.delete(REF)
    held = await server.get(REF)
    assert held["metadata"]["deletionTimestamp"]
    await server.patch(REF, {"metadata": {"finalizers": []}})
    assert await server.get(REF) is None
    assert not await server.delete(REF)
    with pytest.raises(NotFound):
        await server.patch(REF, {})


async def test_apply_removes_what_it_no_longer_says_and_keeps_what_others_wrote(server):
    def manifest(data):
        meta = {"name": "c", "namespace": "lisbon"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}

    await server.apply(CONFIG_MAPS, manifest({"a": "1", "b": "2"}))
    await server.patch(Ref(CONFIG_MAPS, "c", "lisbon"), {"data": {"other": "x"}})
    applied = await server.apply(CONFIG_MAPS, manifest({"a": "1"}))
    assert applied["data"] == {"a": "1", "other": "x"}
    again = await server.apply(CONFIG_MAPS, manifest({"a": "1"}))
    assert again["metadata"]["resourceVersion"] == applied["metadata"]["resourceVersion"]


async def test_what_a_removed_object_owned_is_collected(server):
    owner = await server.create(STORES, store())
    meta = {"name": "c", "namespace": "lisbon", "ownerReferences": [owner["metadata"]]}
    await server.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    await server.delete(REF)
    assert server.objects == {}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("app=order", True),
        ("app!=order", False),
        ("app in (menu, order)", True),
        ("app notin (order),tier", False),
        ("!missing,tier=1", True),
    ],
)
async def test_labels_select(server, selector, matches):
    server.seed(store(labels={"app": "order", "tier": "1"}))
    assert bool(await server.list(STORES, labels=selector)) == matches


async def test_fields_select(server):
    server.seed(store())
    assert await server.list(STORES, fields="metadata.name=corner,spec.city!=Porto")
    assert not await server.list(STORES, fields="metadata.name=other")


@pytest.mark.parametrize(("moment", "happened"), [("before", False), ("after", True)])
async def test_the_operator_can_die_at_any_write_of_any_api(moment, happened):
    recorder = Recorder()
    server, aws = FakeKubernetes(recorder), FakeAws(recorder)
    calls = []
    aws.on("rds", "failover_db_cluster", lambda **_: calls.append(1) or {})
    recorder.die_at(2, moment)
    await server.create(STORES, store())
    with pytest.raises(Died):
        await aws.call("rds", "failover_db_cluster", DBClusterIdentifier="cloudcafe")
    assert bool(calls) == happened
    await aws.call("rds", "failover_db_cluster", DBClusterIdentifier="cloudcafe")
    assert recorder.writes[0].verb == "create"
