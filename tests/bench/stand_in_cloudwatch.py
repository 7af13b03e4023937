"""Alarms and dashboards in dictionaries, by CloudWatch's CBOR protocol. Used by `stand_in.py`."""

from __future__ import annotations

import io
import struct
from typing import Any

from botocore.parsers import RpcV2CBORParser

from tests.bench.stand_in_aws import ACCOUNT, PAGE, REGION, Json, RefusedError


class CloudWatchTables:
    """What CloudWatch keeps."""

    def __init__(self) -> None:
        self.alarms: dict[str, Json] = {}
        self.dashboards: dict[str, str] = {}
        self.tags: dict[str, Any] = {}

    def call(self, operation: str, body: bytes) -> bytes:
        """Do one call."""
        asked = RpcV2CBORParser().parse_data_item(io.BufferedReader(io.BytesIO(body))) or {}
        found = getattr(self, operation, None)
        if found is None:
            raise RefusedError("NotImplemented", f"the stand-in has no {operation}")
        return encode(found(asked))

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


def encode(value: Any) -> bytes:  # noqa: PLR0911 - a kind of value each
    """Return a value as CBOR."""
    match value:
        case bool():
            return b"\xf5" if value else b"\xf4"
        case None:
            return b"\xf6"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case str():
            text = value.encode()
            return _head(3, len(text)) + text
        case list():
            return _head(4, len(value)) + b"".join(encode(one) for one in value)
        case dict():
            rows = (encode(name) + encode(one) for name, one in value.items())
            return _head(5, len(value)) + b"".join(rows)
    raise TypeError(f"{type(value).__name__} is not in the protocol")


def _head(major: int, number: int) -> bytes:
    small = 24
    if number < small:
        return bytes([major << 5 | number])
    return bytes([major << 5 | 26]) + struct.pack(">I", number)


def _dashboard(name: str) -> str:
    return f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}"
