"""The books of everything that was ordered on this cluster, whatever was broken meanwhile."""

import pytest

from dev.cafectl import audit


@pytest.mark.cluster
def test_every_order_has_its_charge_its_stock_its_points_and_its_row(order):
    for _ in range(3):
        assert order()["status"] == 201
    assert audit("--since", "1h", "--settle", "5s")
