"""Conditions, as all custom resources carry them in `status.conditions`. Pure.

Planning sets them, the API server stores them, `kubectl wait --for=condition=Ready` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from cloudcafe_operator.resources.common import StatusModel, Time

Truth = Literal["True", "False", "Unknown"]


class Condition(StatusModel):
    """One answer about the object, and since when it is so."""

    type: str = Field(description="What is said, for example Ready.")
    status: Truth = Field(description="Whether it is so.")
    reason: str = Field(description="One CamelCase word of the documented list.")
    message: str = Field(default="", description="A sentence for people: what to do if not True.")
    observed_generation: int = Field(
        default=0, description="The metadata.generation that was judged."
    )
    last_transition_time: Time = Field(description="Since when status has this value.")


Judgement = tuple[str, Truth, str, str]  # type, status, reason, message


def true(type_: str, reason: str, message: str = "") -> Judgement:
    """Return a judgement, still without its bookkeeping: it is so."""
    return type_, "True", reason, message


def false(type_: str, reason: str, message: str) -> Judgement:
    """It is not so; the message says what to do."""
    return type_, "False", reason, message


def unknown(type_: str, reason: str, message: str = "") -> Judgement:
    """It cannot be told yet."""
    return type_, "Unknown", reason, message


def set_condition(
    conditions: Sequence[Condition], judgement: Judgement, *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return conditions with one replaced or added; its time moves only when its status does."""
    type_, status, reason, message = judgement
    old = get_condition(conditions, type_)
    since = old.last_transition_time if old and old.status == status else now
    new = Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        observed_generation=generation,
        last_transition_time=since.replace(microsecond=0),
    )
    if old is None:
        return (*conditions, new)
    return tuple(new if item.type == type_ else item for item in conditions)


def set_conditions(
    conditions: Sequence[Condition],
    judgements: Iterable[Judgement],
    *,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """Return exactly the judged conditions, in that order, keeping the times of the old ones."""
    new: tuple[Condition, ...] = ()
    for judgement in judgements:
        old = [item for item in conditions if item.type == judgement[0]]
        new += set_condition(old, judgement, generation=generation, now=now)
    return new


def get_condition(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """Return the condition of a type."""
    return next((item for item in conditions if item.type == type_), None)


def is_true(conditions: Iterable[Condition], type_: str) -> bool:
    """Whether a condition is there and True."""
    found = get_condition(conditions, type_)
    return found is not None and found.status == "True"
