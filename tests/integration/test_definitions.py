"""The definitions on a real API server: they establish, and refuse bad input with a sentence."""

import copy
from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.planning.opening import timetable
from cloudcafe_operator.planning.store_wanted import wanted_store
from cloudcafe_operator.planning.store_world import Identity, Platform
from cloudcafe_operator.resources.common import parse
from cloudcafe_operator.resources.store import CafeStoreSpec, example

from tests.fakes import odd
from tests.fakes.stores import CLUSTER
from tests.integration.cluster import condition
from tests.integration.sweep_api import connected

pytestmark = pytest.mark.integration
WHO = Identity("lisbon", "corner", "uid-1")
PLATFORM = Platform("http://order", "http://menu", "http://inventory", "eu-west-1", CLUSTER)


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
        (
            {"stock": [{"sku": "lungo", "quantity": 1}]},
            "spec.stock: Invalid value: without a menu the store sells the house menu",
        ),
        (
            {"slo": {"latencyP99": "1s"}},
            'spec.slo.latencyP99: Invalid value: "1s": must be in',
        ),
        ({"timezone": "+02:00"}, "for example Europe/Lisbon"),
        ({"city": "Lis\nbon"}, "must be plain text: take out line breaks"),
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


def admitted(spec):
    """Whether the operator would act on it."""
    try:
        parsed = parse(CafeStoreSpec, spec)
        wanted_store(parsed, WHO, PLATFORM, timetable(parsed, datetime(2026, 3, 1, tzinfo=UTC)))
    except UserError:
        return False
    return True


def test_a_server_side_dry_run_promises_what_the_operator_does(cluster, namespace, tmp_path):
    zones = [{"timezone": one} for one in sorted(available_timezones())]
    with connected(cluster.kubeconfig, namespace, tmp_path) as api:
        wrong = []
        for fields in (*odd.specs(), *zones):
            manifest = store(namespace, **fields)
            answer = api.create("cafestores", manifest, dry=True)
            if answer.accepted != admitted(manifest["spec"]):
                wrong.append((fields, answer.accepted, answer.message))
    assert wrong == []


def test_a_stores_currency_stays_and_what_else_is_wanted_may_change(cluster, namespace):
    cluster.apply(store(namespace))
    said = cluster.apply(store(namespace, currency="JPY"), ok=False)
    assert "currency cannot be changed" in said
    assert "Make a store of another name in the new currency" in said
    cluster.apply(store(namespace, tier="flagship", timezone="Asia/Tokyo", city="Tokyo"))


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
