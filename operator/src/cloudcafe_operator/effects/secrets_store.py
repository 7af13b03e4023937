"""The secrets of all stores by one listing.

Used by `observe_store.py`. With ten thousand stores a call for each is what AWS throttles and what
costs most; the list of secrets tells as much as a call for each, a hundred at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudcafe_operator.effects.store_listing import SharedListing
from cloudcafe_operator.planning.store_world import PART_OF_TAG, AwsSecret
from cloudcafe_operator.ports import Aws, Clock

PAGE = 100  # the most that AWS gives at once


def secret_listing(aws: Aws, clock: Clock) -> SharedListing[AwsSecret]:
    """Return the secrets of all stores, without their values, by name."""

    async def read(gap_s: float) -> dict[str, AwsSecret]:
        items = await aws.pages(
            "secretsmanager",
            "list_secrets",
            "SecretList",
            gap_s=gap_s,
            Filters=[{"Key": "tag-key", "Values": [PART_OF_TAG]}],
            IncludePlannedDeletion=True,
            MaxResults=PAGE,
        )
        return {item["Name"]: secret_of(item, "SecretVersionsToStages") for item in items}

    return SharedListing(read, clock, quiet=True)  # without it, one is asked for after the other


def secret_of(item: Mapping[str, Any], stages: str) -> AwsSecret:
    """Return a secret as AWS describes it; `stages` is what this call calls its versions."""
    versions: Mapping[str, Any] = item.get(stages) or {}
    current = next((one for one, names in versions.items() if "AWSCURRENT" in names), "")
    return AwsSecret(
        arn=item["ARN"],
        tags={pair["Key"]: pair["Value"] for pair in item.get("Tags") or []},
        version=current,
        deleting=bool(item.get("DeletedDate")),
    )
