"""AWS as `orphans.py` needs it: reads what is tagged, and removes what is said.

The listing of tags is minutes behind, so that what looks like an orphan is looked at itself: what
is gone already is none, and right before something is removed its tags are read once more.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cafectl.orphans import DASHBOARDS, Orphan, SweepError
from cafectl.orphans_tags import (
    FIS_RUN_TAG,
    OWNER_TAG,
    RUN_TAG,
    Tagged,
    name_of,
    service_and_type,
)

CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})
GONE = ("NotFound", "NonExistentQueue", "QueueDoesNotExist")
Pairs = Iterable[Mapping[str, str]]
SECRET_DAYS = 7  # a deleted secret can be restored so long


class GoneError(Exception):
    """What was asked for does not exist."""


class AwsSweep:
    """Implements `orphans.Sweep` for this account and region, as the environment says."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}

    def tagged(self) -> list[Tagged]:
        """Return all that is listed with a tag of ours."""
        with _told("the listing of tags"):
            listed = {arn: tags for key in self._keys() for arn, tags in self._with(key)}
            listed |= {arn: {} for arn in self._dashboards()}
            listed |= dict(self._templates())
        return [Tagged(arn, tags) for arn, tags in listed.items()]

    def tags(self, arn: str, known: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return a resource's tags as it tells them itself, or as known; None where it is gone."""
        try:
            with _told(arn):
                return self._ask(arn, known)
        except GoneError:
            return None

    def delete(self, orphan: Orphan) -> None:
        """Delete it; gone already is success."""
        try:
            with _told(orphan.arn):
                self._delete(service_and_type(orphan.arn), orphan)
        except GoneError:
            return

    def untag(self, orphan: Orphan) -> None:
        """Take the marks of a run off; gone already is success."""
        try:
            with _told(orphan.arn):
                if service_and_type(orphan.arn).startswith("ec2:"):
                    seen = dict(orphan.seen)  # a run that marked it since then keeps its mark
                    marks = [{"Key": tag, "Value": seen[tag]} for tag in orphan.tags]
                    self._client("ec2").delete_tags(Resources=[orphan.name], Tags=marks)
                else:
                    self._client("elbv2").remove_tags(
                        ResourceArns=[orphan.arn], TagKeys=list(orphan.tags)
                    )
        except GoneError:
            return

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            make: Any = boto3.client  # the service's name is data, which its overloads cannot say
            region = os.environ.get("AWS_REGION")  # boto3 itself only knows AWS_DEFAULT_REGION
            self._clients[service] = make(service, region_name=region, config=CONFIG)
        return self._clients[service]

    def _keys(self) -> list[str]:
        pages = self._client("resourcegroupstaggingapi").get_paginator("get_tag_keys").paginate()
        every = [key for page in pages for key in page["TagKeys"]]
        return [OWNER_TAG, RUN_TAG, *(key for key in every if key.startswith(f"{RUN_TAG}-"))]

    def _with(self, key: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        pages = self._client("resourcegroupstaggingapi").get_paginator("get_resources")
        for page in pages.paginate(TagFilters=[{"Key": key}]):
            for item in page["ResourceTagMappingList"]:
                yield item["ResourceARN"], _plain(item.get("Tags", []))

    def _dashboards(self) -> list[str]:
        pages = self._client("cloudwatch").get_paginator("list_dashboards")
        return [
            one["DashboardArn"]
            for page in pages.paginate(DashboardNamePrefix=DASHBOARDS)
            for one in page["DashboardEntries"]
        ]

    def _templates(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        pages = self._client("fis").get_paginator("list_experiment_templates").paginate()
        for one in (one for page in pages for one in page["experimentTemplates"]):
            if FIS_RUN_TAG in one.get("tags", {}):
                yield f"arn:aws:fis:::experiment-template/{one['id']}", one["tags"]

    def _ask(self, arn: str, known: Mapping[str, str]) -> Mapping[str, str]:
        pairs: Pairs
        match service_and_type(arn):
            case "sqs":
                url = self._url(arn)
                return dict(self._client("sqs").list_queue_tags(QueueUrl=url).get("Tags", {}))
            case "secretsmanager:secret":
                found = self._client("secretsmanager").describe_secret(SecretId=arn)
                if found.get("DeletedDate"):
                    raise GoneError(arn)
                pairs = found.get("Tags", [])
            case "dynamodb:table":
                pairs = self._client("dynamodb").list_tags_of_resource(ResourceArn=arn)["Tags"]
            case "cloudwatch:alarm" | "cloudwatch:dashboard":
                pairs = self._client("cloudwatch").list_tags_for_resource(ResourceARN=arn)["Tags"]
            case "ec2:network-acl" | "ec2:security-group":
                only = [{"Name": "resource-id", "Values": [name_of(arn)]}]
                pairs = self._client("ec2").describe_tags(Filters=only)["Tags"]
            case "elasticloadbalancing:targetgroup":
                found = self._client("elbv2").describe_tags(ResourceArns=[arn])
                pairs = found["TagDescriptions"][0]["Tags"]
            case _:
                return known
        return _plain(pairs)

    def _delete(self, said: str, orphan: Orphan) -> None:
        match said:
            case "sqs":
                self._client("sqs").delete_queue(QueueUrl=self._url(orphan.arn))
            case "secretsmanager:secret":
                self._client("secretsmanager").delete_secret(
                    SecretId=orphan.arn, RecoveryWindowInDays=SECRET_DAYS
                )
            case "dynamodb:table":
                tables = self._client("dynamodb")
                tables.update_table(TableName=orphan.name, DeletionProtectionEnabled=False)
                tables.delete_table(TableName=orphan.name)
            case "cloudwatch:alarm":
                self._client("cloudwatch").delete_alarms(AlarmNames=[orphan.name])
            case "cloudwatch:dashboard":
                self._client("cloudwatch").delete_dashboards(DashboardNames=[orphan.name])
            case "fis:experiment-template":
                self._client("fis").delete_experiment_template(id=orphan.name)
            case "ec2:network-acl":
                self._client("ec2").delete_network_acl(NetworkAclId=orphan.name)

    def _url(self, arn: str) -> str:
        return str(self._client("sqs").get_queue_url(QueueName=name_of(arn))["QueueUrl"])


def _plain(pairs: Pairs) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what AWS says into one sentence; what is gone into its own error."""
    try:
        yield
    except ClientError as refused:
        code = refused.response["Error"]["Code"]
        if any(word in code for word in GONE):
            raise GoneError(what) from refused
        raise SweepError(f"{what}: {refused}") from refused
    except BotoCoreError as problem:
        raise SweepError(
            f"{what}: {problem}: set AWS_REGION and credentials, and AWS_ENDPOINT_URL for the "
            "embedded tier"
        ) from problem
