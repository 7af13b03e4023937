"""What `status.history` says of a change on AWS: what was done, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudcafe_operator.planning.store_cluster import only_tells
from cloudcafe_operator.planning.store_parts import ChangePart
from cloudcafe_operator.planning.store_steps import (
    RestoreSecret,
    SetQueueAttributes,
    Step,
    TagQueue,
    TagSecret,
)
from cloudcafe_operator.planning.store_world import Wanted
from cloudcafe_operator.resources.store_status import Deed

KEPT = 20
LONGEST_NAME = 120
NAMED_BY = ("Name", "Url", "Id", "Arn", "Identifier")
READS = ("describe_", "get_", "list_", "batch_get_", "query", "scan", "receive_")
OF_PARTS = {
    "create": "it was missing",
    "finish": "its making was not finished",
    "change": "its settings differed",
    "tag": "its tags differed",
    "remove": "the spec no longer asks for it",
}


def changes_something(operation: str) -> bool:
    """Whether a call of boto3's name is a mutation."""
    return not operation.startswith(READS)


def why(step: Step, wanted: Wanted) -> str:
    """Return the reason of a step in a few words."""
    what = step.what if isinstance(step, ChangePart) else ""
    if what == "create" or type(step).__name__.startswith("Create"):
        return OF_PARTS["create"]
    if only_tells(step):
        return "it did not tell its cluster"
    if wanted.adopting:
        return f"adopted: its owner said {wanted.terms.word}"
    return OF_PARTS.get(what) or _of_queues_and_secrets(step)


def _of_queues_and_secrets(step: Step) -> str:
    match step:
        case SetQueueAttributes():
            return f"its settings differed: {', '.join(sorted(step.attributes))}"
        case TagQueue() | TagSecret():
            return OF_PARTS["tag"]
        case RestoreSecret():
            return "its deletion was under way"
    return "it differed"


def about(parameters: Mapping[str, Any]) -> str:
    """Return the name of what a call changes: the last part of its name, URL or ARN."""
    for name, value in parameters.items():
        if isinstance(value, str) and name.endswith(NAMED_BY):
            url = "://" in value
            return (value.rpartition("/")[2] if url else value)[:LONGEST_NAME]
    return ""


def extended(old: Sequence[Deed], new: Sequence[Deed]) -> tuple[Deed, ...]:
    """Return the last of both, newest last; what is in it already is not told twice."""
    return (*old, *(one for one in new if one not in old))[-KEPT:]
