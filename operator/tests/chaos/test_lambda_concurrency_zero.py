"""lambdaConcurrencyZero: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.lambda_concurrency_zero import LambdaConcurrencyZero

from tests.crash.bench import Bench
from tests.fakes.aws_lambda import ARN, OTHER, PAYMENTS


def bench(**changes):
    made = Bench(LambdaConcurrencyZero(), **changes)
    return made, made.world.parts["lambda"]


async def test_a_function_without_a_reservation_has_none_again():
    made, functions = bench(selector={"arns": [ARN + OTHER]})
    entry = await made.entry()
    await made.inject(entry)
    assert functions.reserved[OTHER] == 0
    assert (await made.revert(entry)).outcome == "Reverted"
    assert functions.reserved[OTHER] is None
    assert made.fault.by_hand(entry).startswith("aws lambda delete-function-concurrency")


async def test_keeps_a_reservation_that_somebody_else_made_meanwhile():
    made, functions = bench()
    entry = await made.entry()
    await made.inject(entry)
    functions.reserved[PAYMENTS] = 7
    undone = await made.revert(entry)
    assert (undone.outcome, functions.reserved[PAYMENTS]) == ("Diverged", 7)
    assert undone.detail == "it has 7 reserved now, it had 20 reserved"
    assert await made.verify(entry)


async def test_a_reservation_that_somebody_took_away_meanwhile_stays_away():
    made, functions = bench()
    entry = await made.entry()
    await made.inject(entry)
    functions.reserved[PAYMENTS] = None
    assert (await made.revert(entry)).detail == "it has no reservation now, it had 20 reserved"
    assert functions.reserved[PAYMENTS] is None


async def test_refuses_a_function_that_is_stopped_already():
    made, functions = bench()
    functions.reserved[PAYMENTS] = 0
    with pytest.raises(UserError, match="no concurrency already: restore it with aws lambda"):
        await made.entry()


async def test_refuses_to_inject_over_a_change_made_after_the_capture():
    made, functions = bench()
    entry = await made.entry()
    functions.reserved[PAYMENTS] = 3
    with pytest.raises(UserError, match="changed since it was captured"):
        await made.inject(entry)
    assert made.writes() == []


async def test_a_function_that_is_gone_is_undone():
    made, functions = bench()
    entry = await made.entry()
    await made.inject(entry)
    del functions.reserved[PAYMENTS]
    assert (await made.revert(entry)).detail == "the function is gone"
    assert await made.verify(entry)


async def test_selects_functions_only_and_never_everything():
    names = [target.name for target in await bench(selector={"tags": {"a": "b"}})[0].targets()]
    assert names == []
    tags = {"cloudcafe.dev/chaos": "allowed"}
    names = [target.name for target in await bench(selector={"tags": tags})[0].targets()]
    assert names == [PAYMENTS, OTHER]
