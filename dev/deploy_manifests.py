"""What `dev.deploy` puts beside the chart on AWS, from Terraform's output `deploy`. Pure.

ExternalSecrets make the chart's Secrets of those in Secrets Manager, also after a rotation;
TargetGroupBindings put the pods' addresses into the target groups that Terraform made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: What is rotated is in the cluster within a minute; asking so often costs 2 USD a month.
REFRESH = "1m"
STORE = {"name": "aws", "kind": "SecretStore"}
LOGIN = "{{ .username | urlquery }}:{{ .password | urlquery }}"
#: Where the chart mounts `authorities`: no public authority has signed DocumentDB's certificates.
AUTHORITIES = "/etc/cloudcafe/authorities/ca.pem"
OPTIONS = f"tls=true&tlsCAFile={AUTHORITIES}&replicaSet=rs0&retryWrites=false"
MONGO = f"mongodb://{LOGIN}@%s/cafe?{OPTIONS}"
REDIS = f"rediss://{LOGIN}@%s/0"
#: MemoryDB's endpoint leads to any node, also to a replica: the client asks who is the primary.
CLUSTER = f"rediss+cluster://{LOGIN}@%s/0"
USER = {"username": "{{ .username }}", "password": "{{ .password }}"}
#: A target group's Service, where they are called differently: tills order too.
SERVICE_OF = {"order-tills": "order", "storefront-boards": "storefront"}


def manifests(deploy: Mapping[str, Any], region: str, namespace: str) -> list[dict[str, Any]]:
    """Return everything, in the order in which it is wanted."""
    endpoints = deploy["endpoints"]
    secrets = deploy["secrets"]
    made = {
        "cloudcafe-database": (secrets["aurora"], USER),
        "cloudcafe-redshift": (secrets["redshift"], USER),
        "cloudcafe-documentdb": (secrets["documentdb"], {"url": MONGO % endpoints["documentdb"]}),
        "cloudcafe-elasticache": (
            secrets["elasticache"],
            {"url": REDIS % endpoints["elasticache"]},
        ),
        "cloudcafe-memorydb": (secrets["memorydb"], {"url": CLUSTER % endpoints["memorydb"]}),
    }
    return [
        _store(region, namespace),
        *(_external(name, arn, data, namespace) for name, (arn, data) in made.items()),
        _token(deploy["token_secret"], namespace),
        *_bindings(deploy["target_groups"], namespace),
    ]


def authorities(certificates: str, namespace: str) -> dict[str, Any]:
    """Return the ConfigMap with the certificates of RDS's authorities."""
    metadata = {"name": "cloudcafe-authorities", "namespace": namespace}
    data = {AUTHORITIES.rpartition("/")[2]: certificates}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _store(region: str, namespace: str) -> dict[str, Any]:
    # without `auth` it is the controller's own role, by Pod Identity
    spec = {"provider": {"aws": {"service": "SecretsManager", "region": region}}}
    return _object("external-secrets.io/v1", "SecretStore", "aws", namespace, spec)


def _external(name: str, arn: str, data: Mapping[str, str], namespace: str) -> dict[str, Any]:
    spec = {
        "refreshInterval": REFRESH,
        "secretStoreRef": STORE,
        "target": {"name": name, "template": {"data": dict(data)}},
        "dataFrom": [{"extract": {"key": arn}}],
    }
    return _object("external-secrets.io/v1", "ExternalSecret", name, namespace, spec)


def _token(arn: str, namespace: str) -> dict[str, Any]:
    name = "cloudcafe-platform-token"
    spec = {
        "refreshInterval": REFRESH,
        "secretStoreRef": STORE,
        "target": {"name": name},
        "data": [{"secretKey": "token", "remoteRef": {"key": arn}}],
    }
    return _object("external-secrets.io/v1", "ExternalSecret", name, namespace, spec)


def _bindings(groups: Mapping[str, str], namespace: str) -> Iterator[dict[str, Any]]:
    for name, arn in sorted(groups.items()):
        spec = {
            "serviceRef": {"name": SERVICE_OF.get(name, name), "port": 8080},
            "targetGroupARN": arn,
            "targetType": "ip",
            # the loyalty service's spares are in its group too, and must stay
            "multiClusterTargetGroup": name == "loyalty",
        }
        yield _object("elbv2.k8s.aws/v1beta1", "TargetGroupBinding", name, namespace, spec)


def _object(
    version: str, kind: str, name: str, namespace: str, spec: Mapping[str, Any]
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": dict(spec)}
