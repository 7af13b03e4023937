"""What `status.history` says of a change on AWS: what was done, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def changes_something(operation: str) -> bool:
    """Whether a call of boto3's name is a mutation."""
    return not operation.startswith(READS)


def why(step: Step, wanted: Wanted) -> str:
    """Return the reason of a step in a few words."""
    if type(step).__name__.startswith("Create"):
        return "it was missing"
    if wanted.adopting:
        return f"adopted: its owner said {wanted.terms.word}"
    match step:
        case SetQueueAttributes():
            return f"its settings differed: {', '.join(sorted(step.attributes))}"
        case TagQueue() | TagSecret():
            return "its tags differed"
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
