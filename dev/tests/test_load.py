"""The load scenarios and the Job that runs them, without a cluster."""

import json
import re

import pytest
import yaml

from dev import load
from dev.images.plan import ON_DEMAND, images
from dev.system import ROOT


def test_the_scenarios_are_those_of_the_folder():
    assert load.names() == [
        "double-points",
        "lunch-lull-spike",
        "morning-rush",
        "stress-menu-launch",
    ]


@pytest.mark.parametrize("scenario", load.names())
def test_a_scenario_knows_both_profiles_keeps_the_laws_and_names_itself(scenario):
    text = (load.SCENARIOS / f"{scenario}.js").read_text()
    assert all(re.search(rf"^  {profile}: \{{", text, re.MULTILINE) for profile in load.PROFILES)
    assert "...LAWS" in text
    assert f"summaryOf('{scenario}')" in text
    imported = re.findall(r"from '\./([^']+)'", text)
    assert imported == ["lib.js"]


@pytest.mark.parametrize("scenario", load.names())
def test_nobody_who_waits_for_an_order_is_cut_off_uncounted(scenario):
    text = (load.SCENARIOS / f"{scenario}.js").read_text()
    ordering = re.findall(r"exec: '(?:customer|arrival|guest)'", text)
    assert len(re.findall(r"gracefulStop: grace\(", text)) == len(ordering) > 0
    assert len(re.findall(r"'ramping-vus'", text)) == len(re.findall(r"RampDown: grace\(", text))


@pytest.mark.parametrize("scenario", load.names())
def test_latency_is_judged_only_where_orders_were_placed(scenario):
    text = (load.SCENARIOS / f"{scenario}.js").read_text()
    judged = set(re.findall(r"'cafe_order_ms\{([^}]+)\}'", text))
    assert judged == set(re.findall(r"'cafe_orders_placed\{([^}]+)\}': \['count>0'\]", text))
    assert "cafe_orders_placed: ['count>0']" in (load.SCENARIOS / "lib.js").read_text()


def test_the_job_runs_the_scenario_with_its_profile_and_image():
    manifest = load.job("morning-rush", "full", "cloudcafe/k6:1")
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "cloudcafe/k6:1"
    assert container["args"][-1] == "/load/morning-rush.js"
    assert {"name": "PROFILE", "value": "full"} in container["env"]


def test_a_pod_of_the_job_may_reach_what_the_scenarios_call():
    manifest = load.job("morning-rush", "smoke", "x")
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    called = set(re.findall(r"'http://([a-z-]+):8080'", (load.SCENARIOS / "lib.js").read_text()))
    assert {f"access.cloudcafe.dev/{name}" for name in called} <= set(labels)
    assert called == {"order", "menu", "inventory", "loyalty"}


def test_all_scenarios_travel_in_one_config_map():
    found = load.scripts()["data"]
    assert set(found) == {f"{name}.js" for name in (*load.names(), load.SHARED)}
    assert len(json.dumps(found)) < 900_000  # a ConfigMap holds a MiB


def test_the_image_of_k6_is_made_only_when_it_is_asked_for():
    assert {image.name for image in images(ROOT)} >= ON_DEMAND


def test_the_figures_are_kept_for_people(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "LOCAL", tmp_path)
    file = load.keep("morning-rush", '{"scenario": "morning-rush", "metrics": {}}')
    assert yaml.safe_load(file.read_text())["scenario"] == "morning-rush"
    printed = "JSON.stringify({ scenario, "
    assert printed in (load.SCENARIOS / "lib.js").read_text(), "the figures' line begins with it"
