"""The stores of the cafe as endpoints that can be cut, and where they stand in the network.

Consequences share these: the proxies are those of the chart's toxiproxy.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from localaws.toxiproxy import Proxy

if TYPE_CHECKING:
    from localaws.settings import Settings


class Store(NamedTuple):
    """A store behind a proxy."""

    name: str  # its security group's, without the prefix
    client: str  # the service that uses it, and whose group comes in
    port: int  # as security groups have it
    proxy: Proxy
    moves: bool = True  # whether a replica in another zone takes over


def stores(settings: Settings) -> tuple[Store, ...]:
    """All of them."""
    postgres = settings.postgres_upstream
    writer = Proxy("aurora-writer", "0.0.0.0:5432", postgres)
    warehouse = Proxy("redshift", "0.0.0.0:5439", postgres)
    cache = Proxy("elasticache", "0.0.0.0:6379", "redis-elasticache:6379")
    points = Proxy("memorydb", "0.0.0.0:6380", "redis-memorydb:6379")
    menus = Proxy("documentdb", "0.0.0.0:27017", "documentdb:27017")
    return (
        Store("aurora", "order", 5432, writer),
        Store("redshift", "analytics-worker", 5439, warehouse, moves=False),
        Store("elasticache", "menu", 6379, cache),
        Store("memorydb", "loyalty", 6379, points),
        Store("documentdb", "menu", 27017, menus),
    )


def store(name: str, settings: Settings) -> Store:
    """The store of that name."""
    return next(one for one in stores(settings) if one.name == name)
