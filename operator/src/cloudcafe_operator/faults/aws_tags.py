"""How faults find AWS resources: by ARN, name or tags. Not a fault: shared by those that do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from cloudcafe_operator.faults.contract import Entry, World
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.common import Model, Rule
from cloudcafe_operator.resources.run import Target

Text = Annotated[str, Field(max_length=512)]
OPT_IN = "cloudcafe.dev/chaos"
PROTECTED = "cloudcafe.dev/protected"  # never broken, whatever else it is tagged with
SERVICE = "cloudcafe.dev/service"  # namespace/name, where it serves with pods of that service
OWNER = "cloudcafe.dev/owner"  # namespace/name/uid of the store whose own it is
RUN_TAG = "cloudcafe.dev/run"  # what a run makes or changes bears its uid
RUN_CLUSTER_TAG = "cloudcafe.dev/run-cluster"  # beside it: see run_cluster


class AwsSelector(Model):
    """Which AWS resources: all that is given must hold."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.arns) && size(self.arns) > 0 || has(self.names) && size(self.names) > 0 || "
            "has(self.tags) && size(self.tags) > 0",
            "an empty selector would match everything in the account: give arns, names or tags",
        ),
    )
    arns: tuple[Text, ...] = Field(
        default=(), max_length=100, description="ARNs; a resource must be one of them."
    )
    names: tuple[Text, ...] = Field(
        default=(), max_length=100, description="Names; a resource must have one of them."
    )
    tags: dict[str, Text] = Field(
        default_factory=dict, max_length=20, description="Tags; a resource must carry all of them."
    )


def tags_of(tag_list: Sequence[Json]) -> dict[str, str]:
    """Return AWS's list of Key and Value as a dictionary."""
    return {tag["Key"]: tag["Value"] for tag in tag_list}


def matches(selector: AwsSelector, arn: str, tags: Mapping[str, str], name: str = "") -> bool:
    """Whether a resource is meant: among the ARNs and names, where given, with all the tags.

    Its name is the ARN's last part, unless it has another one.
    """
    if not (selector.arns or selector.names or selector.tags):
        return False
    meant = not selector.arns or arn in selector.arns
    named = not selector.names or (name or re.split("[:/]", arn)[-1]) in selector.names
    return meant and named and all(tags.get(key) == one for key, one in selector.tags.items())


def opted_in(tags: Mapping[str, str]) -> bool:
    """Whether its owner allows chaos."""
    return tags.get(OPT_IN) == "allowed"


def target_of(arn: str, tags: Mapping[str, str]) -> Target:
    """Return a resource as a target; its name is the ARN's last part."""
    owner = "/".join(tags.get(OWNER, "").split("/")[:2])  # without the store's uid
    name = re.split("[:/]", arn)[-1]
    return Target(id=arn, name=name, opted_in=opted_in(tags), owner=owner)


def run_marks(entry: Entry, world: World) -> dict[str, str]:
    """Return the tags that tell of a run what it made or changed, and of which cluster it is."""
    return {RUN_TAG: entry.run_uid, RUN_CLUSTER_TAG: run_cluster(entry, world)}


def run_cluster(entry: Entry, world: World) -> str:
    """Return the uids of cluster and run, as RUN_CLUSTER_TAG tells them.

    The run is in it, so that one that was left behind says nothing of another run's mark.
    """
    return f"{world.cluster}/{entry.run_uid}"


def service_of(tags: Mapping[str, str], group: str) -> str:
    """Return which service members serve: `shop/order` where a tag says so, else their group."""
    return tags.get(SERVICE) or group


async def tagged(selector: AwsSelector, kind: str, world: World) -> list[Target]:
    """Return what matches among the resources of a kind, such as `lambda:function`, in one listing.

    Costs tag:GetResources. The ARN's last part is the target's name.
    """
    return [
        target_of(arn, tags) for arn, tags in (await tags_of_all(selector, kind, world)).items()
    ]


async def tags_of_all(selector: AwsSelector, kind: str, world: World) -> dict[str, dict[str, str]]:
    """Return the tags of what matches, by ARN."""
    if selector.arns:
        asked: dict[str, Any] = {"ResourceARNList": list(selector.arns)}
    else:
        filters = [{"Key": key, "Values": [one]} for key, one in sorted(selector.tags.items())]
        asked = {"ResourceTypeFilters": [kind], "TagFilters": filters}
    found = await world.aws.pages(
        "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", **asked
    )
    matching = {}
    for item in sorted(found, key=lambda one: str(one["ResourceARN"])):
        arn, tags = item["ResourceARN"], tags_of(item.get("Tags") or ())
        if _is_a(kind, arn) and matches(selector, arn, tags):
            matching[arn] = tags
    return matching


def _is_a(kind: str, arn: str) -> bool:
    """Whether an ARN is one of the kind; those of some services (sqs) name no type."""
    service, _, type_ = kind.partition(":")
    parts = arn.split(":", 5)
    return parts[2] == service and (not type_ or re.split("[:/]", parts[5])[0] == type_)
