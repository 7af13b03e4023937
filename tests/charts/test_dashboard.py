"""The fleet's dashboard asks only for what the code measures, by labels that are there."""

import json
import re

import pytest
from cafe_kit.metrics import Metrics
from cloudcafe_operator import metrics as of_operator
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from tests.charts.rendered import CHART, render

FILE = CHART / "charts/cloudcafe-operator/files/fleet.json"
SUFFIXES = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}
TARGET = {"instance"}  # what Prometheus adds itself
ENABLED = ("--set", "cloudcafe-operator.dashboard.enabled=true")


def measured():
    """The labels of each series, by its name."""
    found = {}
    for module in (of_operator, Metrics("order")):
        for one in vars(module).values():
            if isinstance(one, MetricWrapperBase):
                labels = set(one._labelnames) | ({"le"} if isinstance(one, Histogram) else set())
                for suffix in SUFFIXES[type(one)]:
                    found[one._name + suffix] = labels
    return found


def expressions():
    board = json.loads(FILE.read_text())
    return [
        pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
        for panel in board["panels"]
        for target in panel["targets"]
    ]


def series(expression):
    return re.findall(r"\b(?:cloudcafe|cafe)_[a-z0-9_]+", expression)


@pytest.mark.parametrize("expression", expressions())
def test_every_series_and_label_exists(expression):
    known = measured()
    assert series(expression)
    for name in series(expression):
        assert name in known
    labels = set().union(*(known[name] for name in series(expression))) | TARGET
    grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
    asked = {label.strip() for group in grouped for label in group.split(",")}
    asked |= set(re.findall(r"(\w+)=~?\"", expression))
    assert asked <= labels


def test_every_gauge_of_the_fleet_is_shown():
    shown = {name for one in expressions() for name in series(one.values[0])}
    fleet = {name for name in measured() if name.startswith(("cloudcafe_store", "cloudcafe_order"))}
    assert fleet <= shown


def test_the_figure_of_now_is_no_figure_of_before_an_outage():
    """What is not known is NaN, which a stat would show, and a range would skip to the last."""
    [panel] = [
        one for one in json.loads(FILE.read_text())["panels"] if one["title"] == "Orders a minute"
    ]
    [target] = panel["targets"]
    assert target["instant"]
    assert "(cloudcafe_orders_per_minute >= 0)" in target["expr"]
    assert panel["fieldConfig"]["defaults"]["noValue"] == "not known"


def test_a_legend_names_only_labels_that_its_expression_keeps():
    for panel in json.loads(FILE.read_text())["panels"]:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                grouped = " ".join(re.findall(r"\bby \(([^)]*)\)", target["expr"]))
                assert label in re.split(r"[, ]+", grouped), panel["title"]


def test_panels_have_one_id_each_and_do_not_overlap():
    panels = json.loads(FILE.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    squares = [
        (x, y)
        for at in places
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(squares) == len(set(squares))
    assert max(x for x, _ in squares) < 24


def test_the_dashboard_is_there_when_asked_for_with_the_sidecars_label():
    board = render(*ENABLED).get("ConfigMap", "cloudcafe-fleet-dashboard")
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    [text] = board["data"].values()
    assert json.loads(text) == json.loads(FILE.read_text())
    assert "cloudcafe-fleet-dashboard" not in render().names("ConfigMap")


def test_a_stores_own_metrics_are_behind_a_switch():
    def said(chart):
        pod = chart.get("Deployment", "cloudcafe-operator")["spec"]["template"]["spec"]
        return [one["name"] for one in pod["containers"][0]["env"]]

    assert "CAFE_STORE_METRICS" not in said(render())
    assert "CAFE_STORE_METRICS" in said(render("--set", "cloudcafe-operator.storeMetrics=true"))
