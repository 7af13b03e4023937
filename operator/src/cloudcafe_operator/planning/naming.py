"""Names that follow from a store's namespace and name. Pure; used wherever a store is meant.

They are deterministic, so that creating is safe to repeat, and short enough for AWS. No two stores
share one: between namespace and name stands what neither may contain.
"""

from __future__ import annotations

import hashlib

LONGEST_QUEUE = 80
DIGEST = 16  # hexadecimal digits: nobody finds a second store of the same digest
BETWEEN = "_"  # a queue's name may have it, a namespace's and a store's may not


def store_id(namespace: str, name: str) -> str:
    """Return the store's id at the cafe's services; a namespace has no dot, so it is unique."""
    return f"{namespace}.{name}".lower()


def order_queue(namespace: str, name: str) -> str:
    """Return the name of the store's FIFO order queue."""
    return _queue(namespace, name, "-orders.fifo")


def dead_letter_queue(namespace: str, name: str) -> str:
    """Return the name of the queue for orders that could not be worked on."""
    return _queue(namespace, name, "-orders-dlq.fifo")


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


def _queue(namespace: str, name: str, ending: str) -> str:
    """Return a queue's name; where it would be too long, a digest of the whole is its end.

    Two marks before the digest: so no shortened name is another store's whole one.
    """
    stem = f"cloudcafe-{namespace}{BETWEEN}{name}"
    if len(stem + ending) <= LONGEST_QUEUE:
        return stem + ending
    end = f"{BETWEEN * 2}{hashlib.sha256(stem.encode()).hexdigest()[:DIGEST]}{ending}"
    return stem[: LONGEST_QUEUE - len(end)] + end
