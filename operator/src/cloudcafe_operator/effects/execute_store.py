"""Doing one step of a store's plan. Called by `handlers/store.py`; each is safe to repeat."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from cloudcafe_operator.effects.cafe import Cafe
from cloudcafe_operator.effects.observe_store import TagListing
from cloudcafe_operator.effects.store_listing import SharedListing
from cloudcafe_operator.effects.store_part import Parts, pairs
from cloudcafe_operator.errors import AlreadyExists
from cloudcafe_operator.kinds import resource_of
from cloudcafe_operator.planning.store_parts import ChangePart
from cloudcafe_operator.planning.store_steps import (
    ApplyManifest,
    CreateQueue,
    CreateSecret,
    PutCafe,
    RestoreSecret,
    SetQueueAttributes,
    Step,
    TagQueue,
    TagSecret,
)
from cloudcafe_operator.planning.store_world import AwsSecret, Queue
from cloudcafe_operator.ports import Aws, Kubernetes

KEY_BYTES = 32
PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))


@dataclass(frozen=True, slots=True)
class StoreExecutor:
    """Changes the world for stores."""

    kubernetes: Kubernetes
    aws: Aws
    cafe: Cafe
    region: str
    listing: TagListing
    secrets: SharedListing[AwsSecret]
    parts: Parts

    async def execute(self, step: Step, store_id: str, *, unseen: bool = False) -> Any:
        """Do one step and return the part as the answer shows it; None: it must be looked at.

        `unseen`: nobody looked whether the part exists. Then what is somebody else's is not
        overwritten: the step fails, and the part is looked at.
        """
        match step:
            case CreateQueue():
                return await self._create_queue(step)
            case SetQueueAttributes() | TagQueue():
                await self._change_queue(step)
            case CreateSecret():
                return await self._create_secret(step)
            case RestoreSecret() | TagSecret():
                self.secrets.changed(step.name)
                await self._change_secret(step)
            case ApplyManifest():
                resource = resource_of(step.manifest)
                if unseen:
                    made = await self.kubernetes.create(resource, step.manifest)
                else:
                    made = await self.kubernetes.apply(resource, step.manifest)
                made["metadata"].pop("managedFields", None)
                return made
            case PutCafe(area=("store" | "menu" | "stock") as part):
                return await self.cafe.put(store_id, part, step.body) or None
            case ChangePart():
                return await self.parts[step.area].change(step)
        return None

    async def _create_queue(self, step: CreateQueue) -> Queue | None:
        """Create; a queue of these settings may exist, and its tags tell whose it is."""
        try:
            made = await self.aws.call(
                "sqs",
                "create_queue",
                QueueName=step.name,
                Attributes=dict(step.attributes),
                tags=dict(step.tags),
            )
        except AlreadyExists:
            return None
        url = made["QueueUrl"]
        answer = await self.aws.call("sqs", "list_queue_tags", QueueUrl=url)
        arn = queue_arn(url, self.region)
        return Queue(url, arn, {**step.attributes, "QueueArn": arn}, answer.get("Tags", {}))

    async def _create_secret(self, step: CreateSecret) -> AwsSecret | None:
        value = step.value or secrets.token_urlsafe(KEY_BYTES)
        try:
            made = await self.aws.call(
                "secretsmanager",
                "create_secret",
                Name=step.name,
                ClientRequestToken=step.token,
                SecretString=value,
                Description="The API key of a CloudCafe till",
                Tags=pairs(step.tags),
            )
        except AlreadyExists:
            return None
        self.secrets.changed(step.name)
        return AwsSecret(made["ARN"], step.tags, made["VersionId"], value=value)

    async def _change_queue(self, step: SetQueueAttributes | TagQueue) -> None:
        match step:
            case SetQueueAttributes():
                await self.aws.call(
                    "sqs",
                    "set_queue_attributes",
                    QueueUrl=step.url,
                    Attributes=dict(step.attributes),
                )
            case TagQueue():
                self.listing.forget(queue_arn(step.url, self.region))
                await self.aws.call("sqs", "tag_queue", QueueUrl=step.url, Tags=dict(step.tags))
                if step.remove:
                    await self.aws.call(
                        "sqs", "untag_queue", QueueUrl=step.url, TagKeys=list(step.remove)
                    )

    async def _change_secret(self, step: RestoreSecret | TagSecret) -> None:
        match step:
            case RestoreSecret():
                await self.aws.call("secretsmanager", "restore_secret", SecretId=step.name)
            case TagSecret():
                await self.aws.call(
                    "secretsmanager", "tag_resource", SecretId=step.name, Tags=pairs(step.tags)
                )
                if step.remove:
                    await self.aws.call(
                        "secretsmanager",
                        "untag_resource",
                        SecretId=step.name,
                        TagKeys=list(step.remove),
                    )


def queue_arn(url: str, region: str) -> str:
    """Return the ARN of a queue from its URL: …/account/name."""
    account, name = url.split("/")[-2:]
    partition = next((one for start, one in PARTITIONS if region.startswith(start)), "aws")
    return f"arn:{partition}:sqs:{region}:{account}:{name}"
