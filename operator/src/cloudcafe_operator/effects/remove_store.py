"""Taking a store apart, one verified removal at a time. Called by `handlers/store.py`.

Already gone is success. What belongs to someone else is left alone. A removal returns only when
what it removed was seen to be gone; else it raises Retry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cloudcafe_operator.effects.backup_store import Backups
from cloudcafe_operator.effects.cafe import Cafe, Part
from cloudcafe_operator.effects.store_part import Parts, pairs
from cloudcafe_operator.errors import NotFound, Retry
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_deletion import Removal
from cloudcafe_operator.planning.store_world import CLUSTER_TAG, OWNER_TAG, Identity
from cloudcafe_operator.ports import Aws

SECONDS_UNTIL_LOOKED_AGAIN = 5.0
WAITING = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class StoreRemover:
    """Removes what a store consists of, from its identity alone: its spec may be unreadable."""

    aws: Aws
    cafe: Cafe
    backups: Backups
    parts: Parts
    cluster: str  # the uid of ours

    async def remove(
        self, removal: Removal, identity: Identity, tell: Callable[[str], None]
    ) -> None:
        """Do one removal and verify it; `tell` hears beforehand what is lost with it."""
        namespace, name = identity.namespace, identity.name
        store_id = naming.store_id(namespace, name)
        match removal:
            case "orders stopped":
                await self._stop_orders(store_id)
            case "store" | "menu" | "stock":
                await self._remove_part(store_id, removal)
            case "order queue":
                await self._remove_queue(naming.order_queue(namespace, name), identity, tell)
            case "dead-letter queue":
                queue = naming.dead_letter_queue(namespace, name)
                await self._remove_queue(queue, identity, tell)
            case "final backup":
                table = naming.table(namespace, name)
                await self.backups.take(table, naming.final_backup(identity.uid))
            case "secret":
                await self._remove_secret(naming.secret(namespace, name), identity)
            case "alarms" | "dashboard" | "table":
                await self.parts[removal].remove(identity)
            case "left untouched":
                return
            case "left for its owner":
                await self._retain(identity)

    async def _stop_orders(self, store_id: str) -> None:
        store = await self.cafe.get(store_id, "store")
        if store is None or not store.get("acceptingOrders"):
            return
        body = {name: value for name, value in store.items() if name != "id"}
        await self.cafe.put(store_id, "store", body | {"acceptingOrders": False})
        store = await self.cafe.get(store_id, "store")
        if store is not None and store.get("acceptingOrders"):
            raise Retry(f"{store_id} still takes orders", after=SECONDS_UNTIL_LOOKED_AGAIN)

    async def _remove_part(self, store_id: str, part: Part) -> None:
        if await self.cafe.get(store_id, part) is None:
            return
        await self.cafe.delete(store_id, part)
        if await self.cafe.get(store_id, part) is not None:
            raise Retry(f"{part} of {store_id} is still there", after=SECONDS_UNTIL_LOOKED_AGAIN)

    async def _remove_queue(
        self, name: str, identity: Identity, tell: Callable[[str], None]
    ) -> None:
        url, tags = await self._queue(name)
        if not url or not _is_ours(tags, identity):
            return
        try:
            found = await self.aws.call(
                "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=list(WAITING)
            )
            if waiting := sum(int(found["Attributes"].get(one, 0)) for one in WAITING):
                tell(f"about {waiting} tickets in {name} were taken by no till")
            await self.aws.call("sqs", "delete_queue", QueueUrl=url)
        except NotFound:
            return
        if (await self._queue(name))[0]:
            raise Retry(
                f"SQS still lists {name}: deleting a queue may take 60 s",
                after=SECONDS_UNTIL_LOOKED_AGAIN,
            )

    async def _queue(self, name: str) -> tuple[str, Mapping[str, str]]:
        """Return a queue's URL and tags; no URL: it is gone."""
        try:
            url = (await self.aws.call("sqs", "get_queue_url", QueueName=name))["QueueUrl"]
            found = await self.aws.call("sqs", "list_queue_tags", QueueUrl=url)
        except NotFound:
            return "", {}
        return url, found.get("Tags", {})

    async def _remove_secret(self, name: str, identity: Identity) -> None:
        tags = await self._secret(name)
        if tags is None or not _is_ours(tags, identity):
            return
        try:
            # without recovery: the name must be free for a store of the same name
            await self.aws.call(
                "secretsmanager", "delete_secret", SecretId=name, ForceDeleteWithoutRecovery=True
            )
        except NotFound:
            return
        if await self._secret(name) is not None:
            raise Retry(f"secret {name} is still there", after=SECONDS_UNTIL_LOOKED_AGAIN)

    async def _secret(self, name: str) -> Mapping[str, str] | None:
        """Return a secret's tags; None: it is gone."""
        try:
            found = await self.aws.call("secretsmanager", "describe_secret", SecretId=name)
        except NotFound:
            return None
        return {pair["Key"]: pair["Value"] for pair in found.get("Tags", [])}

    async def _retain(self, identity: Identity) -> None:
        """Mark what stays as left behind by a store of this name, whose namesake may have it.

        And in which cluster: what was made before it told one may not have learnt it yet.
        """
        namespace, name = identity.namespace, identity.name
        kept = {
            OWNER_TAG: naming.owner(namespace, name, "retained"),
            CLUSTER_TAG: self.cluster,
        }
        for queue in (
            naming.order_queue(namespace, name),
            naming.dead_letter_queue(namespace, name),
        ):
            url, tags = await self._queue(queue)
            if url and _is_ours(tags, identity):
                await self.aws.call("sqs", "tag_queue", QueueUrl=url, Tags=kept)
        for part in self.parts.values():
            await part.retain(identity, kept)
        secret = naming.secret(namespace, name)
        secret_tags = await self._secret(secret)
        if secret_tags is not None and _is_ours(secret_tags, identity):
            await self.aws.call("secretsmanager", "tag_resource", SecretId=secret, Tags=pairs(kept))


def _is_ours(tags: Mapping[str, str], identity: Identity) -> bool:
    return tags.get(OWNER_TAG) == naming.owner(identity.namespace, identity.name, identity.uid)
