"""A queue's policy is obeyed where it denies: the call is refused with 403 AccessDenied.

SQS requests about messages pass through it. Only explicit denials count, as everybody here is the
queue's owner; a statement with conditions, or one for some principals only, is left out of account
(Terraform's "deny what is not encrypted" would otherwise stop everything).
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter

from localaws.messages import error_reply, json_object, protocol_of

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Reply, Request
    from localaws.world import World

log = structlog.get_logger(__name__)

OK = 200
FORBIDDEN = 403
PERMISSIONS = {
    "ReceiveMessage": "sqs:ReceiveMessage",
    "SendMessage": "sqs:SendMessage",
    "SendMessageBatch": "sqs:SendMessage",
    "DeleteMessage": "sqs:DeleteMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibility": "sqs:ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "PurgeQueue": "sqs:PurgeQueue",
}
SHAPING = frozenset(
    {"SetQueueAttributes", "AddPermission", "RemovePermission", "CreateQueue", "DeleteQueue"}
)
IDLE_SECONDS = 1.0
Key = tuple[str, str, str]


class QueuePolicies:
    """Knows what each queue denies; a queue is asked once, and again when it was changed."""

    services = frozenset({"sqs"})

    def __init__(self, world: World) -> None:
        self._world = world
        self._denied: dict[Key, tuple[str, ...]] = {}
        self._changes = 0
        self._refused = Counter(
            "localaws_queue_refusals",
            "Requests that a queue's policy denied",
            ["queue", "action"],
            registry=world.registry,
        )

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Refuse what the queue's policy denies."""
        if request.action in SHAPING:
            reply = await forward(request)
            self._forget()
            return reply
        permission = PERMISSIONS.get(request.action)
        url = _queue_url(request.body) if permission else ""
        if not permission or not url:
            return await forward(request)
        key = (request.account, request.region, url.rpartition("/")[2])
        denied = self._denied.get(key)
        if denied is None:
            denied = await self._read(key, url)
        if not any(fnmatchcase(permission.lower(), one) for one in denied):
            return await forward(request)
        self._refused.labels(key[2], request.action).inc()
        return _refusal(request)

    async def tick(self) -> float:
        """Nothing is due: the policies are the emulator's."""
        return IDLE_SECONDS

    def state(self) -> object:
        """What is denied, by queue."""
        return {"denied": {key[2]: list(found) for key, found in self._denied.items() if found}}

    def memory(self) -> object:
        """Nothing: the policies are the emulator's."""
        return None

    def remember(self, memory: Any) -> None:
        """Nothing."""

    async def reset(self) -> None:
        """Ask all queues again."""
        self._forget()

    def _forget(self) -> None:
        """Few queues, rarely changed: asking all again is simplest."""
        self._changes += 1
        self._denied.clear()

    async def _read(self, key: Key, url: str) -> tuple[str, ...]:
        account, region, queue = key
        changes = self._changes
        body = json.dumps({"QueueUrl": url, "AttributeNames": ["Policy"]}).encode()
        request = self._world.request(
            "sqs", "AmazonSQS.GetQueueAttributes", body, scope=(account, region)
        )
        reply = await self._world.call(request)
        if reply.status != OK:
            return ()  # the emulator says what is wrong with the queue
        found = tuple(_denied_by(json.loads(reply.body).get("Attributes", {}).get("Policy", "")))
        if found:
            log.info("a queue's policy denies", queue=queue, actions=found)
        if changes == self._changes:  # else it was changed while it was read
            self._denied[key] = found
        return found


def build(world: World) -> QueuePolicies:
    """The consequence with its real surroundings."""
    return QueuePolicies(world)


def _denied_by(policy: str) -> list[str]:
    """The patterns of actions that a policy denies to everybody without conditions."""
    try:
        statements = json.loads(policy or "{}").get("Statement", [])
    except (ValueError, AttributeError):
        return []
    found: list[str] = []
    for one in statements if isinstance(statements, list) else [statements]:
        everyone = one.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        if one.get("Effect") == "Deny" and everyone and not one.get("Condition"):
            actions = one.get("Action", [])
            found += [actions] if isinstance(actions, str) else actions
    return [action.lower() for action in found]


def _queue_url(body: bytes) -> str:
    """The queue of a JSON request; the older protocol is not refused anything."""
    return str((json_object(body) or {}).get("QueueUrl", ""))


def _refusal(request: Request) -> Reply:
    host = f"https://sqs.{request.region}.amazonaws.com/"
    message = f"Access to the resource {host} is denied."
    protocol = protocol_of(request.service, request.headers)
    return error_reply(protocol, "AccessDenied", message, status=FORBIDDEN)
