"""What EC2's calls need beside consent, for `generate_iam.py`.

EC2 asks for permission for every resource that a call names or makes. The security group and the
subnet must have consented by their tag; rules and ACLs have no tag to consent by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

ARN = "arn:aws:ec2:*:*:"
MADE_BY = ["AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateNetworkAcl"]
#: Name, actions, resources, condition.
BESIDE: tuple[tuple[str, tuple[str, ...], list[str], dict[str, Any]], ...] = (
    (
        "FaultsRules",
        (
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
        ),
        [f"{ARN}security-group-rule/*"],
        {},
    ),
    (
        "FaultsAcls",
        ("ec2:CreateNetworkAcl", "ec2:ReplaceNetworkAclAssociation"),
        [f"{ARN}network-acl/*", f"{ARN}vpc/*"],
        {},
    ),
    (
        "FaultsTagWhatTheyMake",
        ("ec2:CreateTags",),
        [f"{ARN}network-acl/*", f"{ARN}security-group-rule/*"],
        {"StringEquals": {"ec2:CreateAction": MADE_BY}},
    ),
)


def beside(changes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Return the statements that go with those actions that faults use."""
    for sid, actions, resources, condition in BESIDE:
        called = [action for action in actions if action in changes]
        if called:
            statement = {"Sid": sid, "Effect": "Allow", "Action": called, "Resource": resources}
            yield statement | ({"Condition": condition} if condition else {})
