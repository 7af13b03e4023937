"""The Aurora clusters inside ministack, as `world.Clusters` names them.

ministack fails over in an instant; the course in between is written into its own records, so
that every call of its RDS (and the refusal of a second failover) agrees with it.
"""

# ruff: noqa: SLF001 - contract tests pin the fields used here

from __future__ import annotations

import time
import uuid
from typing import Any

from localaws.world import ClusterKey


class MinistackClusters:
    """Reads and writes `ministack.services.rds`; contract tests pin the fields used."""

    def writer(self, key: ClusterKey) -> str | None:
        """See `world.Clusters`."""
        cluster = _cluster(key)
        members = cluster["DBClusterMembers"] if cluster else []
        return next((m["DBInstanceIdentifier"] for m in members if m["IsClusterWriter"]), None)

    def mark(self, key: ClusterKey, *, writer: str, failing_over: frozenset[str]) -> None:
        """See `world.Clusters`."""
        cluster = _cluster(key)
        if cluster is None:
            return
        cluster["Status"] = "failing-over" if failing_over else "available"
        for member in cluster["DBClusterMembers"]:
            name = member["DBInstanceIdentifier"]
            member["IsClusterWriter"] = name == writer
            instance = _rds()._instances.get_scoped(key.account, key.region, name)
            if instance is not None and instance["DBInstanceStatus"] in {"available", "rebooting"}:
                busy = name in failing_over
                instance["DBInstanceStatus"] = "rebooting" if busy else "available"

    def record(self, key: ClusterKey, message: str) -> None:
        """See `world.Clusters`."""
        cluster = _cluster(key)
        if cluster is None:
            return
        event = {
            "SourceIdentifier": key.identifier,
            "SourceType": "db-cluster",
            "SourceArn": cluster["DBClusterArn"],
            "Message": message,
            "Date": time.time(),
            "EventCategories": ["failover"],
        }
        _rds()._events.set_scoped(key.account, key.region, str(uuid.uuid4()), event)


def _cluster(key: ClusterKey) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _rds()._clusters.get_scoped(
        key.account, key.region, key.identifier
    )
    return found


def _rds() -> Any:
    """Imported late: ministack reads its settings from the environment while it is imported."""
    from ministack.services import rds  # noqa: PLC0415 - after its settings

    return rds
