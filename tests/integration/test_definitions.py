"""The definitions on a real API server: they establish, and refuse bad input with a sentence."""

import copy

import pytest
from cloudcafe_operator.resources.store import example

from tests.integration.cluster import condition

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("plural", ["cafestores", "chaosexperiments", "chaosruns"])
def test_a_definition_is_established_and_structural(cluster, plural):
    crd = cluster.get("crd", f"{plural}.cloudcafe.dev", "default")
    assert condition(crd, "Established")["status"] == "True"
    assert condition(crd, "NonStructuralSchema") == {}


def store(namespace, **spec):
    manifest = copy.deepcopy(example())
    manifest["metadata"]["namespace"] = namespace
    manifest["spec"] |= spec
    return manifest


CORRECT_MENU = {"kind": "Menu", "policy": "Correct"}
ESPRESSO = {"sku": "espresso", "name": "Espresso", "priceMinor": 220}


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"tipo": "kiosk"}, 'unknown field "spec.tipo"'),
        ({"menu": [ESPRESSO | {"prize": 1}]}, 'unknown field "spec.menu[0].prize"'),
        (
            {"menu": [ESPRESSO | {"priceMinor": -5}]},
            "spec.menu[0].priceMinor: Invalid value: -5: priceMinor must be above 0",
        ),
        (
            {"timezone": "Europe/Lisbonn"},
            "timezone must be a name of the IANA time zone database, for example Europe/Lisbon",
        ),
        ({"currency": "euro"}, "spec.currency"),
        ({"tier": "huge"}, 'spec.tier: Unsupported value: "huge"'),
        ({"menu": []}, "spec.menu"),
        ({"menu": [ESPRESSO, ESPRESSO]}, "spec.menu[1]: Duplicate value"),
        (
            {"menu": [ESPRESSO], "stock": [{"sku": "tea", "quantity": 1}]},
            "spec.stock: Invalid value: each sku in stock must be on the menu",
        ),
        ({"stock": [{"sku": "tea", "quantity": -1}]}, "quantity must be 0 or more portions"),
        (
            {"managementPolicy": "Observe", "driftPolicy": "Correct"},
            "spec.managementPolicy: Invalid value: managementPolicy Observe writes nothing",
        ),
        (
            {
                "managementPolicy": "Observe",
                "driftPolicies": [{"kind": "Menu", "policy": "Correct"}],
            },
            "no drift policy may be Correct",
        ),
        ({"driftPolicies": [{"kind": "Tea", "policy": "Report"}]}, "spec.driftPolicies[0].kind"),
    ],
)
def test_a_bad_store_is_refused_with_a_sentence_that_names_the_field(
    cluster, namespace, spec, sentence
):
    assert sentence in cluster.apply(store(namespace, **spec), ok=False)


def test_a_name_that_is_too_long_for_its_resources_is_refused(cluster, namespace):
    manifest = store(namespace)
    manifest["metadata"]["name"] = "x" * 64
    assert "a store's name may have at most 63 characters" in cluster.apply(manifest, ok=False)


def test_the_shortest_store_is_accepted_and_gets_its_defaults(cluster, namespace):
    cluster.apply(store(namespace))
    spec = cluster.get("stores", "corner", namespace)["spec"]
    assert spec["tier"] == "standard"
    assert spec["driftPolicy"] == "Report"
    assert "menu" not in spec


def test_a_store_is_shown_with_the_columns_that_matter(cluster, namespace):
    cluster.apply(store(namespace))
    header = cluster.kubectl("get", "store", "-n", namespace).splitlines()[0].split()
    assert header == ["NAME", "TIER", "OPEN", "READY", "REASON", "COFFEE", "MS", "LEDGER", "AGE"]


def test_every_field_of_a_store_is_explained(cluster):
    text = cluster.kubectl("explain", "cafestore.spec", "--recursive=false")
    assert "<no description>" not in text
    assert "The house menu" in text or "the house menu" in text
