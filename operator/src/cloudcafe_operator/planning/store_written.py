"""What a thing is after a write that AWS has accepted and may show late. Pure.

Settings of a queue take up to a minute to be seen (SQS, SetQueueAttributes), tags of a table are
written in the background (DynamoDB, TagResource). Who reads at once finds the old ones, and would
write them again. So the accepted write is what is known until the next look.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from cloudcafe_operator.planning.store_parts import ChangePart, Live
from cloudcafe_operator.planning.store_steps import SetQueueAttributes, Step, TagQueue, TagSecret
from cloudcafe_operator.planning.store_world import AwsSecret, Queue


def as_written(step: Step, before: Any) -> Queue | AwsSecret | Live | None:
    """Return a thing as a step has left it; None: it must be looked at.

    `before` is what stands in the observation for the step's part: the thing, or things by name.
    """
    match step, before:
        case SetQueueAttributes(), Queue():
            return replace(before, attributes={**before.attributes, **step.attributes})
        case TagQueue(), Queue():
            return replace(before, tags=_tagged(before.tags, step.tags, step.remove))
        case TagSecret(), AwsSecret():
            return replace(before, tags=_tagged(before.tags, step.tags, step.remove))
        case ChangePart(what="tag"), Mapping() if isinstance(one := before.get(step.name), Live):
            return replace(one, tags=_tagged(one.tags, step.tags, step.untag))
    return None


def _tagged(
    before: Mapping[str, str], added: Mapping[str, str], removed: Collection[str]
) -> dict[str, str]:
    return {name: value for name, value in before.items() if name not in removed} | dict(added)
