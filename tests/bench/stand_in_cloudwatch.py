"""Alarms and dashboards in dictionaries, by CloudWatch's JSON protocol. Used by `stand_in.py`."""

from __future__ import annotations

from typing import Any

from tests.bench.stand_in_aws import ACCOUNT, PAGE, REGION, Json, RefusedError


class CloudWatchTables:
    """What CloudWatch keeps."""

    def __init__(self) -> None:
        self.alarms: dict[str, Json] = {}
        self.dashboards: dict[str, str] = {}
        self.tags: dict[str, Any] = {}

    def PutMetricAlarm(self, asked: Json) -> Json:  # noqa: N802 - AWS's names, here and below
        """Set one."""
        arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{asked['AlarmName']}"
        self.tags.setdefault(arn, asked.pop("Tags", []))
        self.alarms[asked["AlarmName"]] = {**asked, "AlarmArn": arn, "StateValue": "OK"}
        return {}

    def DescribeAlarms(self, asked: Json) -> Json:  # noqa: N802
        """Those named, or a page of all."""
        names = asked.get("AlarmNames") or list(self.alarms)
        start = int(asked.get("NextToken") or 0)
        page = [self.alarms[name] for name in names[start : start + PAGE] if name in self.alarms]
        more = {"NextToken": str(start + PAGE)} if start + PAGE < len(names) else {}
        return {"MetricAlarms": page, **more}

    def DeleteAlarms(self, asked: Json) -> Json:  # noqa: N802
        """Remove some."""
        for name in asked["AlarmNames"]:
            self.alarms.pop(name, None)
        return {}

    def PutDashboard(self, asked: Json) -> Json:  # noqa: N802
        """Set one."""
        self.dashboards[asked["DashboardName"]] = asked["DashboardBody"]
        self.tags.setdefault(_dashboard(asked["DashboardName"]), asked.get("Tags", []))
        return {"DashboardValidationMessages": []}

    def GetDashboard(self, asked: Json) -> Json:  # noqa: N802
        """Read one."""
        name = asked["DashboardName"]
        if name not in self.dashboards:
            raise RefusedError("ResourceNotFound", f"no dashboard {name}")
        body = self.dashboards[name]
        return {"DashboardName": name, "DashboardArn": _dashboard(name), "DashboardBody": body}

    def ListDashboards(self, asked: Json) -> Json:  # noqa: N802
        """A page of all."""
        names = list(self.dashboards)
        start = int(asked.get("NextToken") or 0)
        page = [
            {"DashboardName": name, "DashboardArn": _dashboard(name),
             "Size": len(self.dashboards[name])}
            for name in names[start : start + PAGE]
        ]  # fmt: skip
        more = {"NextToken": str(start + PAGE)} if start + PAGE < len(names) else {}
        return {"DashboardEntries": page, **more}

    def ListTagsForResource(self, asked: Json) -> Json:  # noqa: N802
        """Its tags."""
        return {"Tags": self.tags.get(asked["ResourceARN"], [])}

    def PutMetricData(self, _asked: Json) -> Json:  # noqa: N802
        """Taken."""
        return {}


def _dashboard(name: str) -> str:
    return f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}"
