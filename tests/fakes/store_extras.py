"""CloudWatch alarms and dashboards, and DynamoDB tables in memory, as stores use them."""

from __future__ import annotations

import itertools
from typing import Any

from cloudcafe_operator.errors import AlreadyExists, NotFound, UserError

from tests.fakes.aws import FakeAws

ACCOUNT = "000000000000"
OPERATIONS = {
    "cloudwatch": ("put_metric_alarm", "describe_alarms", "delete_alarms", "put_dashboard",
                   "get_dashboard", "list_dashboards", "delete_dashboards", "tag_resource",
                   "untag_resource", "list_tags_for_resource"),
    "dynamodb": ("create_table", "describe_table", "update_table", "delete_table",
                 "describe_continuous_backups", "update_continuous_backups",
                 "list_tags_of_resource"),
}  # fmt: skip


class StoreExtras:
    """Registers its handlers on a FakeAws; alarms, dashboards and tables are the test's way in."""

    def __init__(self, aws: FakeAws) -> None:
        self.alarms: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self._times = itertools.count(1)
        for service, operations in OPERATIONS.items():
            for operation in operations:
                aws.on(service, operation, getattr(self, operation))
        aws.on("dynamodb", "tag_resource", self.tag_table)
        aws.on("dynamodb", "untag_resource", self.untag_table)

    def put_metric_alarm(self, *, AlarmName: str, Tags: Any, **rule: Any) -> dict[str, Any]:
        arn = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:{AlarmName}"
        if AlarmName not in self.alarms:  # AWS ignores the tags of an update
            self.tags[arn] = _tags(Tags)
        state = self.alarms.get(AlarmName, {}).get("StateValue", "INSUFFICIENT_DATA")
        names = {"AlarmName": AlarmName, "AlarmArn": arn, "StateValue": state}
        self.alarms[AlarmName] = {**rule, **names}
        return {}

    def describe_alarms(
        self, *, AlarmTypes: Any, AlarmNames: Any = (), AlarmNamePrefix: str = ""
    ) -> dict[str, Any]:
        asked = set(AlarmNames)
        found = [
            one
            for name, one in self.alarms.items()
            if (name in asked if asked else name.startswith(AlarmNamePrefix))
        ]
        return {"MetricAlarms": found}

    def delete_alarms(self, *, AlarmNames: Any) -> dict[str, Any]:
        for name in AlarmNames:
            found = self.alarms.pop(name, None)
            self.tags.pop(found["AlarmArn"] if found else "", None)
        return {}

    def put_dashboard(self, *, DashboardName: str, DashboardBody: str, Tags: Any) -> dict[str, Any]:
        arn = f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{DashboardName}"
        if DashboardName not in self.dashboards:
            self.tags[arn] = _tags(Tags)
        self.dashboards[DashboardName] = {
            "DashboardName": DashboardName,
            "DashboardArn": arn,
            "DashboardBody": DashboardBody,
            "LastModified": next(self._times),
        }
        return {}

    def get_dashboard(self, *, DashboardName: str) -> dict[str, Any]:
        if DashboardName not in self.dashboards:
            raise NotFound(f"dashboard {DashboardName}")
        return self.dashboards[DashboardName]

    def list_dashboards(self, *, DashboardNamePrefix: str) -> dict[str, Any]:
        rows = self.dashboards.items()
        found = [one for name, one in rows if name.startswith(DashboardNamePrefix)]
        return {"DashboardEntries": found}

    def delete_dashboards(self, *, DashboardNames: Any) -> dict[str, Any]:
        for name in DashboardNames:
            self.tags.pop(self.get_dashboard(DashboardName=name)["DashboardArn"], None)
            del self.dashboards[name]
        return {}

    def create_table(self, *, TableName: str, Tags: Any, **settings: Any) -> dict[str, Any]:
        if TableName in self.tables:
            raise AlreadyExists(TableName)
        arn = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{TableName}"
        self.tags[arn] = _tags(Tags)
        made = {"TableName": TableName, "TableArn": arn, "TableStatus": "ACTIVE"}
        self.tables[TableName] = {**made, "recoverable": False, **settings}
        return {}

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        return {"Table": self._table(TableName)}

    def update_table(self, *, TableName: str, **settings: Any) -> dict[str, Any]:
        self._table(TableName).update(settings)
        return {}

    def delete_table(self, *, TableName: str) -> dict[str, Any]:
        if self._table(TableName)["DeletionProtectionEnabled"]:
            raise UserError(f"{TableName} is protected against deletion")
        self.tags.pop(self.tables.pop(TableName)["TableArn"])
        return {}

    def describe_continuous_backups(self, *, TableName: str) -> dict[str, Any]:
        on = self._table(TableName)["recoverable"]
        status = {"PointInTimeRecoveryStatus": "ENABLED" if on else "DISABLED"}
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": status}}

    def update_continuous_backups(
        self, *, TableName: str, PointInTimeRecoverySpecification: Any
    ) -> dict[str, Any]:
        on = PointInTimeRecoverySpecification["PointInTimeRecoveryEnabled"]
        self._table(TableName)["recoverable"] = on
        return {}

    def list_tags_of_resource(self, *, ResourceArn: str) -> dict[str, Any]:
        return self.list_tags_for_resource(ResourceARN=ResourceArn)

    def tag_table(self, *, ResourceArn: str, Tags: Any) -> dict[str, Any]:
        return self.tag_resource(ResourceARN=ResourceArn, Tags=Tags)

    def untag_table(self, *, ResourceArn: str, TagKeys: Any) -> dict[str, Any]:
        return self.untag_resource(ResourceARN=ResourceArn, TagKeys=TagKeys)

    def list_tags_for_resource(self, *, ResourceARN: str) -> dict[str, Any]:
        found = self._tags_of(ResourceARN)
        return {"Tags": [{"Key": name, "Value": value} for name, value in found.items()]}

    def tag_resource(self, *, ResourceARN: str, Tags: Any) -> dict[str, Any]:
        self._tags_of(ResourceARN).update(_tags(Tags))
        return {}

    def untag_resource(self, *, ResourceARN: str, TagKeys: Any) -> dict[str, Any]:
        for name in TagKeys:
            self._tags_of(ResourceARN).pop(name, None)
        return {}

    def _table(self, name: str) -> dict[str, Any]:
        if name not in self.tables:
            raise NotFound(f"table {name}")
        return self.tables[name]

    def _tags_of(self, arn: str) -> dict[str, str]:
        if arn not in self.tags:
            raise NotFound(arn)
        return self.tags[arn]


def _tags(pairs: Any) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}
