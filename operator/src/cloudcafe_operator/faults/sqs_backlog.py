"""sqsBacklog: forbid receiving from a queue, so that its messages pile up.

A Deny statement that bears the run's uid is added to the queue's policy; undo takes out only that
statement, and only where it still says what we wrote. AWS replaces a policy whole and knows no
condition for it, so the time between reading and writing is kept short. A change may take AWS up
to a minute to be obeyed everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, UserError
from cloudcafe_operator.faults.aws_tags import AwsSelector, tagged
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

MOST_STATEMENTS = 20  # AWS: statements of a queue's policy
FEW = 10  # as many messages wait now and then in any queue
Policy = dict[str, Any]


class SqsBacklogSpec(FaultSpec):
    """Forbids receiving messages from SQS queues, so that a backlog builds up."""

    selector: AwsSelector = Field(description="Which queues.")


class SqsBacklog(Fault[SqsBacklogSpec]):
    """See the module's docstring."""

    name = "sqsBacklog"
    summary = "Forbids receiving from an SQS queue: its consumers are refused, messages pile up."
    spec_type = SqsBacklogSpec
    propagation_s = 60.0  # the most that SQS says of its attributes
    iam_actions = (
        "tag:GetResources",
        "sqs:GetQueueUrl",
        "sqs:GetQueueAttributes",
        "sqs:SetQueueAttributes",
    )

    async def select(self, spec: SqsBacklogSpec, world: World) -> Sequence[Target]:
        """Return the queues that match."""
        return await tagged(spec.selector, "sqs", world)

    async def capture(self, spec: SqsBacklogSpec, target: Target, world: World) -> Json:
        """Note the queue's policy as it is written, and how many messages wait."""
        account = target.id.split(":")[4]
        found = await world.aws.call(
            "sqs", "get_queue_url", QueueName=target.name, QueueOwnerAWSAccountId=account
        )
        url = found["QueueUrl"]
        attributes = await _attributes(url, world)
        if len(_statements(_policy(attributes))) >= MOST_STATEMENTS:
            raise UserError(
                f"the policy of queue {target.name} has {MOST_STATEMENTS} statements, as many as "
                "AWS allows: remove one, or choose another queue"
            )
        return {"url": url, "policy": attributes.get("Policy", ""), "waiting": _waiting(attributes)}

    async def inject(self, spec: SqsBacklogSpec, entry: Entry, world: World) -> Json:
        """Add our statement, unless it is there."""
        url = entry.captured["url"]
        policy = _policy(await _attributes(url, world))
        if _ours(policy, entry):
            return {"already": True}
        statements = [*_statements(policy), _denial(entry)]
        await _write(url, json.dumps({**policy, "Statement": statements}), world)
        return {}

    def calls(self, spec: SqsBacklogSpec, target: Target) -> Sequence[str]:
        """Name the change and its undo."""
        return (
            f"sqs:SetQueueAttributes {target.name} Policy: deny sqs:ReceiveMessage to everyone",
            "sqs:SetQueueAttributes Policy without that statement",
        )

    async def in_force(self, spec: SqsBacklogSpec, entry: Entry, world: World) -> bool:
        """Our statement stands in the policy."""
        return _ours(await _read(entry, world), entry) == [_denial(entry)]

    async def healthy(self, entry: Entry, world: World) -> bool:
        """The backlog is worked off: hardly more messages wait than before."""
        try:
            attributes = await _attributes(entry.captured["url"], world)
        except NotFound:
            return True
        return _waiting(attributes) <= max(FEW, int(entry.captured["waiting"]))

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Take our statement out; all others stay, also those that came meanwhile."""
        try:
            policy = await _read(entry, world)
            ours = _ours(policy, entry)
            if not ours:
                return Undone("Reverted")
            if ours != [_denial(entry)]:
                return Undone("Diverged", f"statement {_sid(entry)} says something else now")
            left = [one for one in _statements(policy) if one not in ours]
            await _write(entry.captured["url"], _text({**policy, "Statement": left}, entry), world)
        except NotFound:
            return Undone("Reverted", "the queue is gone")
        return Undone("Reverted")

    async def verify(self, entry: Entry, world: World) -> bool:
        """No statement of ours denies anything."""
        try:
            return _ours(await _read(entry, world), entry) != [_denial(entry)]
        except NotFound:
            return True

    def by_hand(self, entry: Entry) -> str:
        """Set the policy that was; one that came meanwhile has to be merged by the human."""
        attributes = json.dumps({"Policy": entry.captured["policy"]})
        quoted = attributes.replace("'", "'\\''")
        return (
            f"aws sqs set-queue-attributes --queue-url {entry.captured['url']} "
            f"--attributes '{quoted}'"
        )


def _sid(entry: Entry) -> str:
    """Return the statement's name; AWS allows letters and digits only."""
    return "cloudcafe" + "".join(one for one in entry.run_uid if one.isalnum())


def _denial(entry: Entry) -> Json:
    return {
        "Sid": _sid(entry),
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:ReceiveMessage",
        "Resource": entry.target.id,
    }


def _ours(policy: Policy, entry: Entry) -> list[Json]:
    return [one for one in _statements(policy) if one.get("Sid") == _sid(entry)]


def _statements(policy: Policy) -> list[Json]:
    """Return the statements; a policy may have a single one without a list."""
    found = policy.get("Statement", [])
    return list(found) if isinstance(found, list) else [found]


def _policy(attributes: Json) -> Policy:
    found: Policy = json.loads(attributes.get("Policy") or '{"Version": "2012-10-17"}')
    return found


def _text(policy: Policy, entry: Entry) -> str:
    """Return what to write: the captured text where it means the same, so that nothing drifts."""
    before = entry.captured["policy"]
    if not _statements(policy):
        return ""
    was = _policy({"Policy": before})
    same = {**policy, "Statement": None} == {**was, "Statement": None}
    return before if same and _statements(policy) == _statements(was) else json.dumps(policy)


def _waiting(attributes: Json) -> int:
    return int(attributes.get("ApproximateNumberOfMessages", 0))


async def _read(entry: Entry, world: World) -> Policy:
    return _policy(await _attributes(entry.captured["url"], world))


async def _attributes(url: str, world: World) -> Json:
    answer = await world.aws.call(
        "sqs",
        "get_queue_attributes",
        QueueUrl=url,
        AttributeNames=["Policy", "ApproximateNumberOfMessages"],
    )
    found: Json = answer.get("Attributes", {})
    return found


async def _write(url: str, policy: str, world: World) -> None:
    await world.aws.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": policy})
