"""lambdaConcurrencyZero: reserve no concurrency for a function, so that nothing invokes it.

Undo puts back the reservation that was, or none; whoever has set another one meanwhile meant it.
While it lasts, Lambda's poller hands what it received back to the queue: each try counts towards
maxReceiveCount, so messages of a queue with a small one end as dead letters.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from cloudcafe_operator.errors import NotFound, UserError
from cloudcafe_operator.faults.aws_tags import AwsSelector, tagged
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

STOPPED = 0


class LambdaConcurrencyZeroSpec(FaultSpec):
    """Sets the reserved concurrency of Lambda functions to zero: no invocation is let through."""

    selector: AwsSelector = Field(description="Which functions.")


class LambdaConcurrencyZero(Fault[LambdaConcurrencyZeroSpec]):
    """See the module's docstring."""

    name = "lambdaConcurrencyZero"
    summary = "Reserves no concurrency for a Lambda function: every invocation is throttled."
    spec_type = LambdaConcurrencyZeroSpec
    iam_actions = (
        "tag:GetResources",
        "lambda:GetFunctionConcurrency",
        "lambda:PutFunctionConcurrency",
        "lambda:DeleteFunctionConcurrency",
    )

    async def select(self, spec: LambdaConcurrencyZeroSpec, world: World) -> Sequence[Target]:
        """Return the functions that match."""
        return await tagged(spec.selector, "lambda:function", world)

    async def capture(self, spec: LambdaConcurrencyZeroSpec, target: Target, world: World) -> Json:
        """Note the reservation, where there is one; refuse a function that is stopped already."""
        was = await _reserved(target, world)
        if was == STOPPED:
            raise UserError(
                f"function {target.name} is reserved no concurrency already: restore it with "
                f"{_restore(target.name, None)}, or choose another function"
            )
        return {} if was is None else {"was": was}

    async def inject(self, spec: LambdaConcurrencyZeroSpec, entry: Entry, world: World) -> Json:
        """Reserve nothing, unless that is done or the reservation is no longer the captured one."""
        current = await _reserved(entry.target, world)
        if current == STOPPED:
            return {"already": True}
        if current != entry.captured.get("was"):
            raise UserError(
                f"function {entry.target.name} was changed since it was captured: apply it again"
            )
        await _reserve(entry.target, STOPPED, world)
        return {}

    def calls(self, spec: LambdaConcurrencyZeroSpec, target: Target) -> Sequence[str]:
        """Name the change and its undo."""
        return (
            f"lambda:PutFunctionConcurrency {target.name} to 0",
            "lambda:PutFunctionConcurrency back, or lambda:DeleteFunctionConcurrency",
        )

    async def in_force(self, spec: LambdaConcurrencyZeroSpec, entry: Entry, world: World) -> bool:
        """The function is reserved nothing."""
        return await _reserved(entry.target, world) == STOPPED

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Restore the reservation where ours still stands."""
        was = entry.captured.get("was")
        try:
            current = await _reserved(entry.target, world)
            if current == STOPPED:
                await _reserve(entry.target, was, world)
        except NotFound:
            return Undone("Reverted", "the function is gone")
        if current in (STOPPED, was):
            return Undone("Reverted")
        return Undone("Diverged", f"it has {_words(current)} now, it had {_words(was)}")

    async def verify(self, entry: Entry, world: World) -> bool:
        """The function may run again."""
        try:
            return await _reserved(entry.target, world) != STOPPED
        except NotFound:
            return True

    def by_hand(self, entry: Entry) -> str:
        """Restore it."""
        return _restore(entry.target.name, entry.captured.get("was"))


async def _reserved(target: Target, world: World) -> int | None:
    answer = await world.aws.call("lambda", "get_function_concurrency", FunctionName=target.name)
    found: int | None = answer.get("ReservedConcurrentExecutions")
    return found


async def _reserve(target: Target, number: int | None, world: World) -> None:
    if number is None:
        await world.aws.call("lambda", "delete_function_concurrency", FunctionName=target.name)
        return
    await world.aws.call(
        "lambda",
        "put_function_concurrency",
        FunctionName=target.name,
        ReservedConcurrentExecutions=number,
    )


def _restore(name: str, number: int | None) -> str:
    if number is None:
        return f"aws lambda delete-function-concurrency --function-name {name}"
    return (
        f"aws lambda put-function-concurrency --function-name {name} "
        f"--reserved-concurrent-executions {number}"
    )


def _words(number: int | None) -> str:
    return "no reservation" if number is None else f"{number} reserved"
