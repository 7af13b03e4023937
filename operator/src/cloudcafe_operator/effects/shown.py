"""A ConfigMap by which the operator shows something to people. Used by `fleet.py` and `rush.py`.

It is read once, when leading begins: a restart with nothing new to show writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloudcafe_operator.kinds import CONFIG_MAPS
from cloudcafe_operator.ports import Kubernetes, Ref


@dataclass(frozen=True, slots=True)
class Shown:
    """One ConfigMap of ours."""

    kubernetes: Kubernetes
    name: str
    namespace: str

    async def read(self) -> Mapping[str, str]:
        """Return what it shows; nothing where there is none."""
        found = await self.kubernetes.get(Ref(CONFIG_MAPS, self.name, self.namespace))
        return (found or {}).get("data") or {}

    async def write(self, data: Mapping[str, str]) -> None:
        """Show this."""
        await self.kubernetes.apply(
            CONFIG_MAPS,
            {
                "apiVersion": CONFIG_MAPS.api_version,
                "kind": CONFIG_MAPS.kind,
                "metadata": {"name": self.name, "namespace": self.namespace},
                "data": dict(data),
            },
        )
