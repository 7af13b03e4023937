"""A run in a row: the slowest figure counts, and what was not seen is not invented."""

import io
import os
import subprocess
import sys

import pytest
from cafectl.runs import measured, table
from cafectl.terminal import Terminal, print_whole


def run(**status):
    return {"metadata": {"name": "aurora-failover-1"}, "status": status}


def test_a_run_that_has_not_begun_shows_no_figures():
    row = measured({"metadata": {"name": "new"}})
    assert (row.phase, row.targets, row.noticed, row.recovered) == ("Pending", 0, "-", "-")


def test_of_several_steps_the_slowest_recovery_counts():
    steps = [{"measures": {"recoveredAfter": 3.04}}, {"measures": {"recoveredAfter": 7.96}}]
    assert measured(run(steps=steps)).recovered == "8.0 s"


def test_a_fault_that_nobody_noticed_says_so():
    row = measured(
        run(journal=[{"fault": "podKill"}], steps=[{"measures": {"noticedAfter": None}}])
    )
    assert row.noticed == "not noticed"


def test_orders_of_all_steps_are_summed_and_each_fault_is_named_once():
    row = measured(
        run(
            journal=[{"fault": "podKill"}, {"fault": "podKill"}, {"fault": "auroraFailover"}],
            steps=[{"measures": {"ordersRefused": 2}}, {"measures": {"ordersRefused": 1}}],
        )
    )
    assert row.orders_refused == 3
    assert row.faults == "podKill, auroraFailover"
    assert row.targets == 3


def test_nothing_is_cut_or_folded_however_narrow_the_terminal():
    told = io.StringIO()
    message = "users were served again after 7s, the objective was 60s"
    row = measured(run(verdict="Passed", message=message, journal=[{"fault": "auroraFailover"}]))
    print_whole(Terminal(file=told, width=40), table([row]))
    heading, line = told.getvalue().splitlines()
    assert heading.startswith("Run ")
    for word in ("aurora-failover-1", "Passed", "auroraFailover", message):
        assert word in line


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: nowhere
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
users: [{name: nobody, user: {}}]
"""


@pytest.mark.parametrize("command", ["runs", "stores"])
def test_a_cluster_that_does_not_answer_is_one_sentence_and_no_verdict(tmp_path, command):
    (tmp_path / "config").write_text(KUBECONFIG)
    told = subprocess.run(
        [sys.executable, "-m", "cafectl", command],
        env={**os.environ, "KUBECONFIG": str(tmp_path / "config")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2, told.stderr
    assert "the API server does not answer" in told.stderr
    assert "Traceback" not in told.stderr
