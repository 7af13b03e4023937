"""The operator's IAM policy, from the calls that the code makes. Called by `generate.py`.

Stores' calls are found in the source of `effects/*_store.py` (`aws.call("sqs", "create_queue"`) and
limited to the names that stores use; faults declare theirs, and those that change anything are
limited to resources that opted in by tag.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloudcafe_operator.effects.aws_errors import Refusal
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.planning.store_world import CHAOS_TAG

EFFECTS = Path(__file__).parent / "effects"
METHODS = ("call", "pages")
STORE_RESOURCES = {
    "sqs": "arn:aws:sqs:*:*:cloudcafe-*",
    "secretsmanager": "arn:aws:secretsmanager:*:*:secret:cloudcafe/*",
    "tag": "*",
}
SIDS = {"sqs": "StoreQueues", "secretsmanager": "StoreSecrets", "tag": "StoreTags"}
READS = ("Describe", "Get", "List")


def policy() -> dict[str, Any]:
    """Return the policy document."""
    statements = []
    by_prefix: dict[str, list[str]] = {}
    for action in sorted(set(store_actions())):
        by_prefix.setdefault(action.partition(":")[0], []).append(action)
    for prefix, actions in sorted(by_prefix.items()):
        resource = STORE_RESOURCES[prefix]
        statements.append(_allow(SIDS[prefix], actions, resource))
    every = sorted({action for fault in faults().values() for action in fault.iam_actions})
    looks = [action for action in every if action.partition(":")[2].startswith(READS)]
    changes = [action for action in every if action not in looks]
    if looks:
        statements.append(_allow("FaultsLook", looks, "*"))
    if changes:
        consent = {"StringEquals": {f"aws:ResourceTag/{CHAOS_TAG}": "allowed"}}
        statements.append(_allow("FaultsChange", changes, "*") | {"Condition": consent})
    return {"Version": "2012-10-17", "Statement": statements}


def store_actions() -> Iterator[str]:
    """Return the IAM action of each call in the stores' effects."""
    for path in sorted(EFFECTS.glob("*_store.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            words = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
            if node.func.attr in METHODS and len(words) == len(node.args[:2]) == 2:  # noqa: PLR2004 - service and operation
                service, operation = (str(word) for word in words)
                yield Refusal(service, operation, "", "", 0).action


def _allow(sid: str, actions: list[str], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
