"""sqsBacklog: what only this fault knows."""

import json

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.sqs_backlog import SqsBacklog

from tests.crash.bench import Bench
from tests.fakes.aws_sqs import ARN, OWNERS, URL

THEIRS = {**OWNERS, "Sid": "Theirs"}


def bench():
    made = Bench(SqsBacklog())
    return made, made.world.parts["sqs"]


async def injected():
    made, queue = bench()
    entry = await made.entry()
    await made.inject(entry)
    return made, queue, entry


async def test_the_statement_bears_the_runs_uid_and_denies_receiving_to_everyone():
    _, queue, _ = await injected()
    assert queue.statements() == [
        OWNERS,
        {
            "Sid": "cloudcaferunuid",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:ReceiveMessage",
            "Resource": ARN,
        },
    ]


async def test_a_queue_without_a_policy_has_none_again():
    made, queue = bench()
    queue.policy = ""
    entry = await made.entry()
    await made.inject(entry)
    assert len(queue.statements()) == 1
    assert (await made.revert(entry)).outcome == "Reverted"
    assert queue.policy == ""


async def test_statements_that_came_meanwhile_stay():
    made, queue, entry = await injected()
    queue.policy = json.dumps({"Version": "2012-10-17", "Statement": [*queue.statements(), THEIRS]})
    assert (await made.revert(entry)).outcome == "Reverted"
    assert queue.statements() == [OWNERS, THEIRS]


async def test_a_statement_of_ours_that_somebody_rewrote_is_kept():
    made, queue, entry = await injected()
    rewritten = {**queue.statements()[1], "Action": "sqs:*"}
    queue.policy = json.dumps({"Version": "2012-10-17", "Statement": [OWNERS, rewritten]})
    undone = await made.revert(entry)
    assert undone.outcome == "Diverged"
    assert "says something else now" in undone.detail
    assert queue.statements() == [OWNERS, rewritten]


async def test_a_statement_that_somebody_took_out_is_undone():
    made, queue, entry = await injected()
    queue.policy = json.dumps({"Version": "2012-10-17", "Statement": [THEIRS]})
    assert (await made.revert(entry)).outcome == "Reverted"
    assert queue.statements() == [THEIRS]


async def test_two_runs_on_one_queue_take_out_their_own_statement_each():
    made, queue, first = await injected()
    second = type(first)("other", "b", first.run_namespace, first.target, first.captured)
    await made.inject(second)
    await made.revert(first)
    assert [one["Sid"] for one in queue.statements()] == ["Owner", "cloudcafeother"]
    await made.revert(second)
    assert queue.statements() == [OWNERS]


async def test_refuses_a_policy_that_is_full():
    made, queue = bench()
    queue.policy = json.dumps({"Statement": [OWNERS] * 20})
    with pytest.raises(UserError, match="as many as AWS allows: remove one"):
        await made.entry()


async def test_healthy_again_when_the_backlog_is_worked_off():
    made, queue, entry = await injected()
    queue.waiting = 400
    assert not await made.fault.healthy(entry, made.reach)
    queue.waiting = 10
    assert await made.fault.healthy(entry, made.reach)


async def test_a_queue_that_is_gone_is_undone():
    made, queue, entry = await injected()
    queue.gone = True
    assert (await made.revert(entry)).detail == "the queue is gone"
    assert await made.verify(entry)
    assert await made.fault.healthy(entry, made.reach)


async def test_the_command_by_hand_sets_the_policy_that_was():
    made, queue = bench()
    command = made.fault.by_hand(await made.entry())
    assert URL in command
    assert json.loads(command.partition("--attributes ")[2].strip("'"))["Policy"] == queue.policy
