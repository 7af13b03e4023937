"""The network lets through what is needed and nothing else."""

import pytest

_DIAL = """
import socket
try:
    socket.create_connection(({host!r}, {port}), timeout=3).close()
    print("open")
except OSError as refused:
    print("closed")
"""


def dial(cluster, deployment, host, port):
    return cluster.python(f"deploy/{deployment}", _DIAL.format(host=host, port=port)).strip()


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("who", "host", "port", "outcome"),
    [
        ("order", "aurora", 5432, "open"),
        ("order", "menu", 8080, "open"),
        ("menu", "docdb", 27017, "open"),
        ("menu", "documentdb", 27017, "closed"),  # only by Toxiproxy, where faults cut it
        ("menu", "aurora", 5432, "closed"),
        ("order", "postgresql", 5432, "closed"),
        ("inventory", "documentdb", 27017, "closed"),
        ("order", "toxiproxy", 8474, "closed"),
    ],
)
def test_a_service_reaches_its_own_stores_and_no_others(cluster, who, host, port, outcome):
    assert dial(cluster, who, host, port) == outcome
