"""Names that follow from a store's namespace and name. Pure; used wherever a store is meant.

They are deterministic, so that creating is safe to repeat, and short enough for AWS.
"""

from __future__ import annotations

import hashlib

LONGEST_QUEUE = 80
DIGEST = 8


def store_id(namespace: str, name: str) -> str:
    """Return the store's id at the cafe's services; a namespace has no dot, so it is unique."""
    return f"{namespace}.{name}".lower()


def order_queue(namespace: str, name: str) -> str:
    """Return the name of the store's FIFO order queue."""
    return _bounded(f"cloudcafe-{namespace}-{name}", "-orders.fifo")


def dead_letter_queue(namespace: str, name: str) -> str:
    """Return the name of the queue for orders that could not be worked on."""
    return _bounded(f"cloudcafe-{namespace}-{name}", "-orders-dlq.fifo")


def secret(namespace: str, name: str) -> str:
    """Return the name of the till key's secret in Secrets Manager."""
    return f"cloudcafe/{namespace}/{name}/till"


def table(namespace: str, name: str) -> str:
    """Return the name of a flagship's own DynamoDB table."""
    return f"cloudcafe-store-{store_id(namespace, name)}"


def final_backup(uid: str) -> str:
    """Return the name of the backup that is made of a table before it is deleted."""
    return f"cloudcafe-final-{uid}"


def till(name: str) -> str:
    """Return the name of the Kubernetes Secret with the till key."""
    return f"{name}-till"


def config(name: str) -> str:
    """Return the name of the ConfigMap with the store's endpoints."""
    return f"{name}-store"


def owner(namespace: str, name: str, uid: str) -> str:
    """Return the value of the owner tag."""
    return f"{namespace}/{name}/{uid}"


def _bounded(stem: str, ending: str) -> str:
    """Shorten with a digest of the whole where it would be too long."""
    whole = stem + ending
    if len(whole) <= LONGEST_QUEUE:
        return whole
    digest = hashlib.sha256(stem.encode()).hexdigest()[:DIGEST]
    return f"{stem[: LONGEST_QUEUE - len(ending) - DIGEST - 1]}-{digest}{ending}"
