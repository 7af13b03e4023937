"""The two Redis stores, as data. `seeds.seeds` puts it to the others.

Names are those of terraform/modules/caching. The real ones are the chart's, behind Toxiproxy.
"""

from __future__ import annotations

from localaws.seed import TAG_LIST, TAGS, Seed


def caching(name: str) -> list[Seed]:
    """A replication group for the menus, a cluster with a replica for the points."""
    group = {
        "ReplicationGroupId": name,
        "ReplicationGroupDescription": f"Menus of {name}",
        "Engine": "valkey",
        "CacheNodeType": "cache.t4g.small",
        "NumCacheClusters": "2",
    }
    for number, (key, value) in enumerate(TAGS.items(), start=1):
        group |= {f"Tags.Tag.{number}.Key": key, f"Tags.Tag.{number}.Value": value}
    cluster = {
        "ClusterName": name,
        "NodeType": "db.t4g.small",
        "ACLName": "open-access",
        "NumShards": 1,
        "NumReplicasPerShard": 1,
        "Tags": TAG_LIST,
    }
    return [
        Seed("elasticache", "CreateReplicationGroup", group, "ReplicationGroupAlreadyExists"),
        Seed("memorydb", "AmazonMemoryDB.CreateCluster", cluster, "ClusterAlreadyExistsFault"),
    ]
