"""Doing one step of a store's plan. Called by `handlers/store.py`; each is safe to repeat."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cloudcafe_operator.effects.cafe import Cafe
from cloudcafe_operator.effects.observe_store import TagListing
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
from cloudcafe_operator.ports import Aws, Kubernetes

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class StoreExecutor:
    """Changes the world for stores."""

    kubernetes: Kubernetes
    aws: Aws
    cafe: Cafe
    listing: TagListing
    parts: Parts

    async def execute(self, step: Step, store_id: str) -> None:
        """Do one step; what exists already is looked at in the next round."""
        match step:
            case CreateQueue() | SetQueueAttributes() | TagQueue():
                await self._change_queue(step)
            case CreateSecret() | RestoreSecret() | TagSecret():
                await self._change_secret(step)
            case ApplyManifest():
                await self.kubernetes.apply(resource_of(step.manifest), step.manifest)
            case PutCafe(area=("store" | "menu" | "stock") as part):
                await self.cafe.put(store_id, part, step.body)
            case ChangePart():
                await self.parts[step.area].change(step)

    async def _change_queue(self, step: CreateQueue | SetQueueAttributes | TagQueue) -> None:
        match step:
            case CreateQueue():
                try:
                    await self.aws.call(
                        "sqs",
                        "create_queue",
                        QueueName=step.name,
                        Attributes=dict(step.attributes),
                        tags=dict(step.tags),
                    )
                except AlreadyExists:
                    return
            case SetQueueAttributes():
                await self.aws.call(
                    "sqs",
                    "set_queue_attributes",
                    QueueUrl=step.url,
                    Attributes=dict(step.attributes),
                )
            case TagQueue():
                self.listing.forget_all()
                await self.aws.call("sqs", "tag_queue", QueueUrl=step.url, Tags=dict(step.tags))
                if step.remove:
                    await self.aws.call(
                        "sqs", "untag_queue", QueueUrl=step.url, TagKeys=list(step.remove)
                    )

    async def _change_secret(self, step: CreateSecret | RestoreSecret | TagSecret) -> None:
        match step:
            case CreateSecret():
                try:
                    await self.aws.call(
                        "secretsmanager",
                        "create_secret",
                        Name=step.name,
                        ClientRequestToken=step.token,
                        SecretString=step.value or secrets.token_urlsafe(KEY_BYTES),
                        Description="The API key of a CloudCafe till",
                        Tags=pairs(step.tags),
                    )
                except AlreadyExists:
                    return
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
