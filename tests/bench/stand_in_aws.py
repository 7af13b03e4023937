"""Queues, secrets and tags in dictionaries, by AWS's JSON protocol. Pure; used by `stand_in.py`."""

from __future__ import annotations

import itertools
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-west-1"
PAGE = 100
SERVICES = {
    "AmazonSQS": "sqs",
    "secretsmanager": "secretsmanager",
    "ResourceGroupsTaggingAPI_20170126": "tag",
    "GraniteServiceVersion20100801": "cloudwatch",
}
KINDS = ["sqs", "secretsmanager:secret"]
Json = dict[str, Any]


class RefusedError(Exception):
    """An answer with status 400 and this code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AwsTables:
    """What AWS keeps."""

    def __init__(self, cloudwatch: Any) -> None:
        self.cloudwatch = cloudwatch
        self.queues: dict[str, Json] = {}
        self.secrets: dict[str, Json] = {}
        self._versions = itertools.count(1)
        self._tagged: dict[tuple[str, ...], list[tuple[str, Any]]] = {}

    def service(self, target: str) -> str:
        """Return a service's name from the head of X-Amz-Target."""
        return SERVICES.get(target, target)

    def call(self, service: str, operation: str, asked: Json) -> Json:
        """Do one call of a service."""
        tables = self.cloudwatch if service == "cloudwatch" else self
        found = getattr(tables, operation, None)
        if found is None or not operation[0].isupper():
            raise RefusedError("NotImplemented", f"the stand-in has no {operation}")
        answer: Json = found(asked)
        return answer

    def CreateQueue(self, asked: Json) -> Json:  # noqa: N802 - AWS's names, here and below
        """Create, or find it with the same attributes."""
        name, attributes = asked["QueueName"], asked.get("Attributes", {})
        known = self.queues.get(name)
        if known and any(known["attributes"].get(n) != v for n, v in attributes.items()):
            raise RefusedError("QueueNameExists", f"{name} has other attributes")
        if not known:
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
            self.queues[name] = {
                "attributes": {**attributes, "QueueArn": arn},
                "tags": asked.get("tags", {}),
            }
        return {"QueueUrl": _url(name)}

    def GetQueueUrl(self, asked: Json) -> Json:  # noqa: N802
        """Find one."""
        self._queue(asked["QueueName"])
        return {"QueueUrl": _url(asked["QueueName"])}

    def GetQueueAttributes(self, asked: Json) -> Json:  # noqa: N802
        """All of them."""
        return {"Attributes": self._queue(asked["QueueUrl"])["attributes"]}

    def SetQueueAttributes(self, asked: Json) -> Json:  # noqa: N802
        """Change some."""
        self._queue(asked["QueueUrl"])["attributes"].update(asked["Attributes"])
        return {}

    def ListQueueTags(self, asked: Json) -> Json:  # noqa: N802
        """Its tags."""
        return {"Tags": self._queue(asked["QueueUrl"])["tags"]}

    def TagQueue(self, asked: Json) -> Json:  # noqa: N802
        """Add tags."""
        self._queue(asked["QueueUrl"])["tags"].update(asked["Tags"])
        return {}

    def DeleteQueue(self, asked: Json) -> Json:  # noqa: N802
        """Remove it."""
        self._queue(asked["QueueUrl"])
        del self.queues[_name(asked["QueueUrl"])]
        return {}

    def CreateSecret(self, asked: Json) -> Json:  # noqa: N802
        """Create; a name is given once."""
        name = asked["Name"]
        if name in self.secrets:
            raise RefusedError("ResourceExistsException", f"{name} exists")
        version = asked.get("ClientRequestToken") or f"v{next(self._versions)}"
        arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-abc123"
        self.secrets[name] = {
            "ARN": arn,
            "Name": name,
            "Tags": asked.get("Tags", []),
            "SecretString": asked["SecretString"],
            "version": version,
        }
        return {"ARN": arn, "Name": name, "VersionId": version}

    def DescribeSecret(self, asked: Json) -> Json:  # noqa: N802
        """All but the value."""
        return _described(self._secret(asked["SecretId"]), "VersionIdsToStages")

    def GetSecretValue(self, asked: Json) -> Json:  # noqa: N802
        """The value."""
        found = self._secret(asked["SecretId"])
        return {
            "ARN": found["ARN"],
            "Name": found["Name"],
            "SecretString": found["SecretString"],
            "VersionId": found["version"],
        }

    def DeleteSecret(self, asked: Json) -> Json:  # noqa: N802
        """Remove it at once."""
        del self.secrets[self._secret(asked["SecretId"])["Name"]]
        return {}

    def ListSecrets(self, asked: Json) -> Json:  # noqa: N802
        """A page of them; all here carry our tag."""
        rows = list(self.secrets.values())
        start = int(asked.get("NextToken") or 0)
        page = [_described(row, "SecretVersionsToStages") for row in rows[start : start + PAGE]]
        more = {"NextToken": str(start + PAGE)} if start + PAGE < len(rows) else {}
        return {"SecretList": page, **more}

    def GetResources(self, asked: Json) -> Json:  # noqa: N802
        """A page of tagged resources of the types asked for."""
        kinds = tuple(asked.get("ResourceTypeFilters") or KINDS)
        start = int(asked.get("PaginationToken") or 0)
        if not start:
            self._tagged[kinds] = self._all_tagged(kinds)
        rows = self._tagged[kinds]
        page = [
            {"ResourceARN": arn, "Tags": [{"Key": n, "Value": v} for n, v in tags.items()]}
            for arn, tags in rows[start : start + PAGE]
        ]
        more = str(start + PAGE) if start + PAGE < len(rows) else ""
        return {"ResourceTagMappingList": page, "PaginationToken": more}

    def _all_tagged(self, kinds: tuple[str, ...]) -> list[tuple[str, Any]]:
        rows: list[tuple[str, Any]] = []
        if "sqs" in kinds:
            rows += [(one["attributes"]["QueueArn"], one["tags"]) for one in self.queues.values()]
        if "secretsmanager:secret" in kinds:
            rows += [(one["ARN"], _plain(one["Tags"])) for one in self.secrets.values()]
        if "cloudwatch:alarm" in kinds:
            tags = self.cloudwatch.tags
            rows += [(arn, _plain(tags[arn])) for arn in tags if ":alarm:" in arn]
        return rows

    def _queue(self, name_or_url: str) -> Json:
        name = _name(name_or_url)
        if name not in self.queues:
            code = "AWS.SimpleQueueService.NonExistentQueue"
            raise RefusedError(code, f"no queue {name}")
        return self.queues[name]

    def _secret(self, name_or_arn: str) -> Json:
        name = name_or_arn.rpartition(":secret:")[2].removesuffix("-abc123")
        if name not in self.secrets:
            raise RefusedError("ResourceNotFoundException", f"no secret {name}")
        return self.secrets[name]


def _described(secret: Json, stages: str) -> Json:
    return {
        "ARN": secret["ARN"],
        "Name": secret["Name"],
        "Tags": secret["Tags"],
        stages: {secret["version"]: ["AWSCURRENT"]},
    }


def _plain(pairs: list[Json]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _url(name: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"


def _name(name_or_url: str) -> str:
    return name_or_url.rpartition("/")[2]
