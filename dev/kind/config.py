"""The cluster's shape, as kind reads it: pure.

Called by `dev.kind.cluster`. Two workers in two zones, so that one can be drained and spreading
over zones means something.
"""

from __future__ import annotations

import json
from typing import Any

ZONE_LABEL = "topology.kubernetes.io/zone"
ZONES = ("eu-west-1a", "eu-west-1b")
OPTED_IN = {"cloudcafe.dev/chaos": "allowed"}
#: Not kind's defaults: a masquerade rule of another cluster on the host must not match our pods,
#: because br_netfilter takes even the traffic between two nodes through it.
POD_RANGE, SERVICE_RANGE = "10.211.0.0/16", "10.212.0.0/16"


def nodes() -> list[dict[str, Any]]:
    """Return the nodes: a control plane, and a worker in each zone."""
    workers = [{"role": "worker", "labels": {ZONE_LABEL: zone, **OPTED_IN}} for zone in ZONES]
    return [{"role": "control-plane"}, *workers]


def cluster_config() -> str:
    """Return the configuration (JSON is valid YAML)."""
    config = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"podSubnet": POD_RANGE, "serviceSubnet": SERVICE_RANGE},
        "nodes": nodes(),
    }
    return json.dumps(config, indent=2)
