"""A kind's next version, as docs/recipes/change-a-version.md says: what `make generate` makes."""

import json

import pytest
import yaml
from cloudcafe_operator.errors import Bug
from cloudcafe_operator.generate import EXPLAINED
from cloudcafe_operator.planning import naming, store, store_memory
from cloudcafe_operator.planning.manifests import store as manifests
from cloudcafe_operator.resources.crd import Version, stored

from tests.fakes.stores import StoreWorld
from tests.integration.recipe import ROOT, SERVE_BOTH, STORE_THE_NEW, move

KINDS = {"store": "CafeStore", "experiment": "ChaosExperiment", "run": "ChaosRun"}
PLURALS = {"store": "cafestores", "experiment": "chaosexperiments", "run": "chaosruns"}


def rows(definition):
    return [(one["name"], one["storage"]) for one in definition["spec"]["versions"]]


@pytest.mark.parametrize("module", KINDS)
def test_one_kind_moves_and_the_others_stay_as_they_are(module, tmp_path):
    moved = move(module, STORE_THE_NEW, tmp_path)

    definitions = moved.definitions()
    assert rows(definitions.pop(PLURALS[module])) == [("v1beta1", True), ("v1alpha1", False)]
    assert definitions == {
        plural: yaml.safe_load((ROOT / "crds" / f"{plural}.yaml").read_text())
        for plural in PLURALS.values()
        if plural != PLURALS[module]
    }
    assert moved.watched == {
        kind: "v1beta1" if kind == KINDS[module] else "v1alpha1" for kind in KINDS.values()
    }
    assert json.loads((tmp_path / EXPLAINED).read_text())["versions"] == {
        plural: ["v1beta1", "v1alpha1"] if plural == PLURALS[module] else ["v1alpha1"]
        for plural in PLURALS.values()
    }


def test_a_version_that_is_only_served_changes_nothing_for_the_operator(tmp_path):
    moved = move("store", SERVE_BOTH, tmp_path)
    assert rows(moved.definitions()["cafestores"]) == [("v1beta1", False), ("v1alpha1", True)]
    assert set(moved.watched.values()) == {"v1alpha1"}


@pytest.mark.parametrize(
    "versions", [(), (Version("v1", storage=False),), (Version("v1"), Version("v2"))]
)
def test_exactly_one_version_is_stored(versions):
    with pytest.raises(Bug, match="one version of a kind is stored"):
        stored(versions)


async def test_what_a_store_owns_is_told_of_its_owners_new_version_and_nobody_changed_it_by_hand(
    monkeypatch,
):
    world = StoreWorld()
    await world.apply()  # with driftPolicy Report
    await world.settle()
    for planning in (manifests, store_memory, store):
        monkeypatch.setattr(planning, "API_VERSION", "cloudcafe.dev/v1beta1")
    world.restart()
    await world.settle()
    assert world.condition("Drifted")[0] == "False"
    for kind, name in (("Secret", naming.till("corner")), ("ConfigMap", naming.config("corner"))):
        found = world.kubernetes.find(kind, name, "default")
        (owner,) = found["metadata"]["ownerReferences"]
        assert owner["apiVersion"] == "cloudcafe.dev/v1beta1"
