"""Put our finalizer on an object and take it off, sparing those of others."""

from __future__ import annotations

from cloudcafe_operator.errors import Conflict, NotFound
from cloudcafe_operator.planning.experiment import FINALIZER
from cloudcafe_operator.ports import Kubernetes, Manifest, Ref


async def hold(kubernetes: Kubernetes, ref: Ref) -> Manifest | None:
    """Add the finalizer: from here on the object cannot go before we let it. None: it is gone."""
    manifest = await kubernetes.get(ref)
    if manifest is None:
        return None
    others = manifest["metadata"].get("finalizers", [])
    if FINALIZER in others:
        return manifest
    return await kubernetes.patch(
        ref,
        {"metadata": {"finalizers": [*others, FINALIZER]}},
        resource_version=manifest["metadata"]["resourceVersion"],
    )


async def let_go(kubernetes: Kubernetes, ref: Ref, *, resource_version: str) -> None:
    """Remove the finalizer, only if the object is still as it was judged; it may vanish."""
    manifest = await kubernetes.get(ref)
    if manifest is None:
        return
    meta = manifest["metadata"]
    if meta["resourceVersion"] != resource_version:
        raise Conflict(f"{ref} was changed meanwhile")
    kept = [name for name in meta.get("finalizers", []) if name != FINALIZER]
    try:
        await kubernetes.patch(
            ref, {"metadata": {"finalizers": kept or None}}, resource_version=resource_version
        )
    except NotFound:
        return  # gone already, which is what was wanted
