"""SQS queues, Secrets Manager secrets and the tag listing in memory, as stores use them."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

from cloudcafe_operator.errors import AlreadyExists, NotFound

from tests.fakes.aws import FakeAws
from tests.fakes.store_extras import StoreExtras

ACCOUNT = "000000000000"
SQS_URL = f"http://sqs/{ACCOUNT}/"


class StoreAws:
    """Registers its handlers on a FakeAws; `queues` and `secrets` are the test's way in."""

    def __init__(self, aws: FakeAws, *, listed: bool = True) -> None:
        self.queues: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, Any]] = {}
        self.made: Counter[str] = Counter()  # how often something was really created
        self.listed = listed  # whether the tag listing knows anything
        self._versions = itertools.count(1)
        for operation in ("create_queue", "get_queue_url", "get_queue_attributes", "delete_queue",
                          "list_queue_tags", "tag_queue", "untag_queue",
                          "set_queue_attributes"):  # fmt: skip
            aws.on("sqs", operation, getattr(self, operation))
        for operation in ("create_secret", "describe_secret", "get_secret_value", "delete_secret",
                          "list_secrets", "restore_secret",
                          "tag_resource", "untag_resource"):  # fmt: skip
            aws.on("secretsmanager", operation, getattr(self, operation))
        self.extras = StoreExtras(aws)
        self.backups: dict[str, dict[str, str]] = {}
        self.backup_status = "AVAILABLE"
        aws.on("dynamodb", "create_backup", self.create_backup)
        aws.on("dynamodb", "list_backups", self.list_backups)
        aws.on("resourcegroupstaggingapi", "get_resources", self.get_resources)

    def create_queue(self, *, QueueName: str, Attributes: Any, tags: Any) -> dict[str, Any]:
        arn = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{QueueName}"
        known = self.queues.get(QueueName)
        if known and any(known["attributes"].get(n) != v for n, v in Attributes.items()):
            raise AlreadyExists(f"{QueueName} has other attributes")
        made = {"attributes": {**Attributes, "QueueArn": arn}, "tags": dict(tags)}
        self.made[QueueName] += known is None
        self.queues.setdefault(QueueName, made)
        return {"QueueUrl": SQS_URL + QueueName}

    def get_queue_url(self, *, QueueName: str) -> dict[str, Any]:
        self._queue(QueueName)
        return {"QueueUrl": SQS_URL + QueueName}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Any) -> dict[str, Any]:
        return {"Attributes": self._queue(QueueUrl)["attributes"]}

    def set_queue_attributes(self, *, QueueUrl: str, Attributes: Any) -> dict[str, Any]:
        self._queue(QueueUrl)["attributes"] |= Attributes
        return {}

    def list_queue_tags(self, *, QueueUrl: str) -> dict[str, Any]:
        return {"Tags": self._queue(QueueUrl)["tags"]}

    def tag_queue(self, *, QueueUrl: str, Tags: Any) -> dict[str, Any]:
        self._queue(QueueUrl)["tags"] |= Tags
        return {}

    def untag_queue(self, *, QueueUrl: str, TagKeys: Any) -> dict[str, Any]:
        for name in TagKeys:
            self._queue(QueueUrl)["tags"].pop(name, None)
        return {}

    def delete_queue(self, *, QueueUrl: str) -> dict[str, Any]:
        self._queue(QueueUrl)
        del self.queues[QueueUrl.removeprefix(SQS_URL)]
        return {}

    def create_secret(self, *, Name: str, ClientRequestToken: str, SecretString: str, Tags: Any,
                      Description: str) -> dict[str, Any]:  # fmt: skip
        if Name in self.secrets:
            raise AlreadyExists(Name)
        self.made[Name] += 1
        self.secrets[Name] = {
            "ARN": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{Name}-abc123",
            "Tags": {pair["Key"]: pair["Value"] for pair in Tags},
            "VersionIdsToStages": {ClientRequestToken: ["AWSCURRENT"]},
            "SecretString": SecretString,
        }
        return {"ARN": self.secrets[Name]["ARN"], "VersionId": ClientRequestToken}

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:
        found = self._secret(SecretId)
        tags = [{"Key": name, "Value": value} for name, value in found["Tags"].items()]
        return {name: v for name, v in found.items() if name != "SecretString"} | {"Tags": tags}

    def list_secrets(self, **_: Any) -> dict[str, Any]:
        found = [self.describe_secret(SecretId=name) | {"Name": name} for name in self.secrets]
        stages = "VersionIdsToStages"
        rows = [one | {"SecretVersionsToStages": one.pop(stages)} for one in found]
        return {"SecretList": rows if self.listed else []}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        found = self._secret(SecretId)
        version = next(iter(found["VersionIdsToStages"]))
        return {"SecretString": found["SecretString"], "VersionId": version}

    def delete_secret(self, *, SecretId: str, ForceDeleteWithoutRecovery: bool) -> dict[str, Any]:
        self._secret(SecretId)
        del self.secrets[SecretId]
        return {}

    def restore_secret(self, *, SecretId: str) -> dict[str, Any]:
        self._secret(SecretId).pop("DeletedDate", None)
        return {}

    def tag_resource(self, *, SecretId: str, Tags: Any) -> dict[str, Any]:
        self._secret(SecretId)["Tags"] |= {pair["Key"]: pair["Value"] for pair in Tags}
        return {}

    def untag_resource(self, *, SecretId: str, TagKeys: Any) -> dict[str, Any]:
        for name in TagKeys:
            self._secret(SecretId)["Tags"].pop(name, None)
        return {}

    def create_backup(self, *, TableName: str, BackupName: str) -> dict[str, Any]:
        if TableName not in self.extras.tables:
            raise NotFound(f"table {TableName}")
        made = {"BackupName": BackupName, "TableName": TableName}
        self.backups[f"backup-{len(self.backups)}"] = made
        return {"BackupDetails": made}

    def list_backups(self, *, TableName: str, BackupType: str) -> dict[str, Any]:
        found = [
            one | {"BackupStatus": self.backup_status}
            for one in self.backups.values()
            if one["TableName"] == TableName
        ]
        return {"BackupSummaries": found}

    def get_resources(self, *, ResourceTypeFilters: Any, **_: Any) -> dict[str, Any]:
        kinds = {kind.partition(":")[0] for kind in ResourceTypeFilters}
        queues = [(q["attributes"]["QueueArn"], q["tags"]) for q in self.queues.values()]
        extras = [row for row in self.extras.tags.items() if row[0].split(":")[2] in kinds]
        rows = (queues if "sqs" in kinds else []) + extras
        found = [
            {"ResourceARN": arn, "Tags": [{"Key": n, "Value": v} for n, v in tags.items()]}
            for arn, tags in rows
        ]
        return {"ResourceTagMappingList": found if self.listed else []}

    def rotate(self, name: str, value: str) -> None:
        """Put a new version of a secret in, as its rotation does."""
        self.secrets[name] |= {
            "SecretString": value,
            "VersionIdsToStages": {f"version-{next(self._versions)}": ["AWSCURRENT"]},
        }

    def _queue(self, name_or_url: str) -> dict[str, Any]:
        name = name_or_url.removeprefix(SQS_URL)
        if name not in self.queues:
            raise NotFound(f"queue {name}")
        return self.queues[name]

    def _secret(self, name_or_arn: str) -> dict[str, Any]:
        for name, secret in self.secrets.items():
            if name_or_arn in (name, secret["ARN"]):
                return secret
        raise NotFound(f"secret {name_or_arn}")
