"""The operator's settings: the only reader of the environment.

Names in the environment carry the prefix CAFE_ (`CAFE_WORKERS`), except those that Kubernetes and
AWS define. `main.py` reads them once.
"""

from __future__ import annotations

import os
import socket
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cloudcafe_operator.planning.capacity import Kind, Policy

#: As Kubernetes reads one: an address within a network stands for it.
Cidr = Annotated[IPv4Network | IPv6Network, BeforeValidator(partial(ip_network, strict=False))]


class Settings(BaseSettings):
    """Everything that can be set from outside."""

    model_config = SettingsConfigDict(env_prefix="CAFE_", frozen=True)

    log_level: str = Field(default="info", description="debug, info, warning or error")
    order_url: str = Field(default="http://order:8080", description="the order service")
    menu_url: str = Field(default="http://menu:8080", description="the menu service")
    inventory_url: str = Field(default="http://inventory:8080", description="the inventory service")
    payment_processor_url: str = Field(
        default="http://payment-processor:8080", description="the payment processor"
    )
    payment_provider_url: str = Field(
        default="", description="the payment provider; empty: its statement is not to be had"
    )
    loyalty_url: str = Field(default="http://loyalty:8080", description="the loyalty service")
    analytics_worker_url: str = Field(
        default="http://analytics-worker:8080", description="the analytics worker"
    )
    service_token: SecretStr = Field(default=SecretStr(""), description="lets us manage stores")
    aws_region: str = Field(default="eu-west-1", validation_alias="AWS_REGION")
    api_server_host: str = Field(
        default="",
        validation_alias="KUBERNETES_SERVICE_HOST",
        description="set by kubelet in a pod; empty: KUBECONFIG says where the API server is",
    )
    api_server_port: int = Field(default=443, validation_alias="KUBERNETES_SERVICE_PORT")
    pod_name: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}",
        validation_alias="POD_NAME",
        description="who holds the Lease: a restarted container takes its own over at once",
    )
    pod_namespace: str = Field(default="cloudcafe", validation_alias="POD_NAMESPACE")
    namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="comma-separated; empty: all namespaces"
    )
    host: str = Field(default="0.0.0.0", description="address of the health port")  # noqa: S104 - probes and Prometheus come from other machines
    port: int = Field(default=9090, description="health and metrics; 0 takes a free one")
    workers: int = Field(
        default=24, ge=1, le=256, description="reconciles at the same time, of each kind"
    )
    resync_seconds: float = Field(default=600, gt=0, description="look at everything again")
    verify_seconds: float = Field(default=600, gt=0, description="between two bought coffees")
    ledger_seconds: float = Field(default=300, gt=0, description="between two looks at the books")
    ledger_window_seconds: float = Field(
        default=3600, gt=0, le=86_400, description="how far back a look goes"
    )
    ledger_settle_seconds: float = Field(
        default=60, ge=0, description="an order that changed later is not judged yet"
    )
    ledger_stuck_seconds: float = Field(
        default=600, gt=0, description="an order that has not ended after this is stuck"
    )
    capacity: dict[Kind, Policy] = Field(
        default_factory=dict,
        description="JSON: what AWS must have ready by kind of dial; empty: AWS is left alone",
    )
    rush_seconds: float = Field(default=30, gt=0, description="between two looks at the rush plan")
    store_metrics: bool = Field(
        default=False, description="metrics of each of the hundred busiest stores too"
    )
    fleet_seconds: float = Field(default=60, gt=0, description="between looks at the fleet")
    relist_seconds: float = Field(
        default=120, gt=0, description="compare a full list; of stores, five times as rarely"
    )
    claim_seconds: float = Field(
        default=25, ge=8, description="so long may a dead operator's injection still be under way"
    )
    probes_to: Annotated[tuple[Cidr, ...], NoDecode] = Field(
        default=(), description="comma-separated CIDRs of the network that probes may lead to"
    )
    lease_name: str = "cloudcafe-operator"
    lease_seconds: float = Field(default=15, gt=3, description="a dead leader is replaced after")

    @property
    def api_server(self) -> str:
        """Its URL by address, so that a pod reaches it also when the cluster's DNS is broken."""
        host = f"[{self.api_server_host}]" if ":" in self.api_server_host else self.api_server_host
        return f"https://{host}:{self.api_server_port}" if host else ""

    @field_validator("capacity")
    @classmethod
    def _reserved_first(cls, value: dict[Kind, Policy]) -> dict[Kind, Policy]:
        """Refuse a poller that would take more than is reserved, in vain."""
        if "lambdaPoller" in value and "lambda" not in value:
            raise ValueError("lambdaPoller needs lambda: what a queue takes must be reserved too")
        return value

    @field_validator("namespaces", "probes_to", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Read `a,b` from the environment."""
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value
