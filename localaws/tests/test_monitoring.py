"""What is kept of figures, before ministack's own tables."""

from __future__ import annotations

import time

import pytest
from localaws.emulators.monitoring import KEPT_SECONDS, MinistackMonitoring
from ministack.services import cloudwatch


@pytest.fixture
def put():
    """Put a figure of some seconds ago; the tables are as empty afterwards as before."""

    def put(namespace, ago):
        at = time.time() - ago
        cloudwatch._store_datum(namespace, "Orders", {}, at, "Count", 1.0, None, None, None)
        return cloudwatch._metrics[namespace, "Orders", cloudwatch._dims_key({})]

    yield put
    cloudwatch._metrics.clear()


@pytest.mark.parametrize("namespace", ["AWS/SQS", "CloudCafe"])
def test_figures_are_forgotten_after_three_hours_whoever_put_them(put, namespace):
    put(namespace, KEPT_SECONDS + 60)
    put(namespace, KEPT_SECONDS + 30)
    points = put(namespace, 60)
    assert len(points) == 3
    MinistackMonitoring().judge_alarms()
    assert len(points) == 1
