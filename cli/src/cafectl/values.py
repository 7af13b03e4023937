"""`terraform output -json` as values of the chart. Pure; `values_command.py` calls it.

Terraform says in its output `chart_values` where things are; what the chart makes of that is
decided here, so that neither knows the other's language. An environment of ours fits the chart's
schema, and a test renders the chart with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

OUTPUT = "chart_values"


class ValuesError(Exception):
    """What was given cannot become values; the message says why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Outside(_Part):
    """A service that runs outside of the cluster."""

    host: str = Field(min_length=1)
    cidrs: list[str] = Field(min_length=1)


class Endpoint(_Part):
    """A store with host, port and database."""

    host: str = Field(min_length=1)
    port: int
    name: str


class Size(_Part):
    """Of every service: replicas, and what one asks for."""

    min_replicas: int
    max_replicas: int
    cpu: str
    memory: str
    memory_limit: str


class ChartValues(_Part):
    """The output `chart_values` of an environment."""

    region: str
    registry: str = Field(min_length=1)
    image_tags: dict[str, str]
    data_tier_cidrs: list[str] = Field(min_length=1)
    vpc_cidr: str
    aurora: Endpoint
    redshift: Endpoint
    ports: dict[str, int]
    payment_provider_url: str
    size: Size
    operators: int = 2
    elsewhere: dict[str, Outside] = {}
    consumed_elsewhere: list[str] = []
    """Services whose messages a function takes: their pods serve, and take none."""


def values(outputs: object) -> dict[str, Any]:
    """Return the chart's values.

    Raises:
        ValuesError: there is no such output, or it does not say what it must.
    """
    output = outputs.get(OUTPUT) if isinstance(outputs, Mapping) else None
    if not isinstance(output, Mapping):
        raise ValuesError(
            f"there is no output {OUTPUT}: run `terraform output -json` in terraform/envs/<env>,"
            " after an apply"
        )
    try:
        found = ChartValues.model_validate(output.get("value"))
    except ValidationError as error:
        problems = [
            f"{OUTPUT}.{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise ValuesError("; ".join(problems)) from error
    return {
        "global": _global(found),
        "cloudcafe-operator": {"replicas": found.operators},
        "cloudcafe-services": _services(found),
    }


def _global(found: ChartValues) -> dict[str, Any]:
    return {
        "embedded": False,
        "imageRegistry": found.registry,
        "images": {name: {"tag": tag} for name, tag in sorted(found.image_tags.items())},
        "aws": {"region": found.region},
        # External Secrets makes it of Secrets Manager's
        "serviceTokenSecret": "cloudcafe-platform-token",
        # made by `make deploy`, where DocumentDB's URL looks for it
        "authorities": "cloudcafe-authorities",
        "networkPolicies": {
            "dataTierCidrs": found.data_tier_cidrs,
            "kubernetesCidrs": [found.vpc_cidr],
            "kubernetesPorts": [443],
            # load balancers speak to pods from addresses of the VPC
            "clientsFrom": [{"ipBlock": {"cidr": found.vpc_cidr}}],
        },
    }


def _services(found: ChartValues) -> dict[str, Any]:
    size = found.size
    services: dict[str, Any] = dict.fromkeys(found.elsewhere)
    services |= {
        name: {"env": {"CAFE_TAKES_MESSAGES": "false"}} for name in found.consumed_elsewhere
    }
    return {
        "defaults": {
            "replicas": {"min": size.min_replicas, "max": size.max_replicas},
            "resources": {
                "requests": {"cpu": size.cpu, "memory": size.memory},
                "limits": {"memory": size.memory_limit},
            },
        },
        "services": services,
        "elsewhere": {name: place.model_dump() for name, place in found.elsewhere.items()},
        "database": found.aurora.model_dump(),
        "redshift": found.redshift.model_dump(),
        **{name: {"port": port} for name, port in sorted(found.ports.items())},
        "paymentProvider": {"url": found.payment_provider_url},
    }
