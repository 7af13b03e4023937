"""What ministack lacks or does too slowly, added to its own tables at start.

`Ministack.start` calls `install` once. Each addition says which gap it closes; the contract test
fails when a new version of ministack no longer has the place it hooks into.
"""

# ruff: noqa: SLF001 - its tables are where gaps are closed

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from ministack.services import cloudwatch, kinesis, rds, tagging

from localaws.emulators import warm_throughput

if TYPE_CHECKING:
    from collections.abc import Iterator

    Tagged = Iterator[tuple[str, list[dict[str, str]]]]

PUT_DASHBOARD, VALIDATE_TAG_ARN = cloudwatch._put_dashboard, cloudwatch._validate_alarm_tag_arn
RECORDS_PER_SHARD = 100_000
"""Kinesis keeps a day by default; a load test on one machine must not fill the memory with it."""


def install() -> None:
    """Hook everything in; calling it twice changes nothing."""
    collectors = {
        "rds": _tagged_databases,
        "secretsmanager": tagging._collect_secretsmanager,
        "kinesis": _tagged_streams,
        "cloudwatch": _tagged_alarms,
    }
    tagging._COLLECTORS.update(collectors)
    tagging._matches_type_filters = _matches_type_filters
    cloudwatch._put_dashboard = _put_dashboard
    cloudwatch._validate_alarm_tag_arn = _refuse_tags_of_nothing
    kinesis._expire_records = _expire_records
    kinesis._expire_iterators = _expire_iterators
    # alarms are judged by `monitoring.py`, not whenever somebody puts a figure
    cloudwatch._evaluate_alarm = cloudwatch._evaluate_all_alarms = _leave
    # and old figures are dropped there: the original copies all of them in every call of CloudWatch
    cloudwatch._evict_old_metrics = _leave
    warm_throughput.install()


def _leave(*_: Any) -> None:
    """Do nothing."""


def _tagged_databases() -> Tagged:
    """GetResources knows no RDS: clusters and instances by the tags they carry."""
    for cluster in rds._clusters.values():
        yield cluster["DBClusterArn"], list(cluster.get("TagList", []))
    for instance in rds._instances.values():
        yield instance["DBInstanceArn"], list(instance.get("TagList", []))


def _tagged_streams() -> Tagged:
    """GetResources knows no Kinesis."""
    for stream in kinesis._streams.values():
        yield stream["StreamARN"], tagging._normalise_flat(stream["tags"])


def _tagged_alarms() -> Tagged:
    """GetResources knows no CloudWatch alarms and dashboards."""
    for arn, tags in cloudwatch._resource_tags.items():
        yield arn, tagging._normalise_flat(tags)


def _matches_type_filters(arn: str, asked: list[str]) -> bool:
    """A type is what stands before the first : or /, also where the name after it has the other."""
    service, resource = arn.split(":", 5)[2::3]
    type_ = re.split("[:/]", resource, maxsplit=1)[0]
    return not asked or any(one in (service, f"{service}:{type_}") for one in asked)


def _put_dashboard(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:  # noqa: FBT001, FBT002 - its signature
    """PutDashboard knows no tags: AWS takes those of a dashboard that is new."""
    name, tags = data.get("DashboardName", ""), data.get("Tags", [])
    is_new = name not in cloudwatch._dashboards
    answer = PUT_DASHBOARD(params, data, is_cbor, is_json)
    if is_new and name in cloudwatch._dashboards:
        arn = cloudwatch._dashboards[name]["DashboardArn"]
        cloudwatch._resource_tags[arn] = {tag["Key"]: tag["Value"] for tag in tags}
    return answer


def _refuse_tags_of_nothing(arn: str, **protocol: bool) -> Any:
    """Tags are for alarms only: AWS has them for dashboards too."""
    if arn.partition(":dashboard/")[2] in cloudwatch._dashboards:
        return None
    return VALIDATE_TAG_ARN(arn, **protocol)


def _expire_records(stream: dict[str, Any]) -> None:
    """Drop what is past retention from the front of each shard, and keep iterators on their record.

    Records are in order of arrival. The original copies the whole shard on every put (milliseconds
    once it holds ten thousand records), knows no upper limit, and leaves the iterators, which are
    positions in the list, pointing past records that nobody has read.
    """
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard_id, shard in stream["shards"].items():
        records = shard["records"]
        gone = max(0, len(records) - RECORDS_PER_SHARD)
        while gone < len(records) and records[gone]["ApproximateArrivalTimestamp"] < cutoff:
            gone += 1
        _drop(stream, shard_id, gone)


def _expire_iterators() -> None:
    """Drop the iterators that are too old: the first ones, as they are kept in order of creation.

    The original looks at each of them in every call: half a core for a few idle consumers.
    """
    iterators = kinesis._shard_iterators._data
    oldest = time.time() - kinesis.ITERATOR_EXPIRY_SECONDS
    while iterators:
        token = next(iter(iterators))
        if iterators[token]["created_at"] >= oldest:
            return
        del iterators[token]


def keep_newest(stream: dict[str, Any], records_per_shard: int) -> None:
    """Drop all but the newest records of each shard."""
    for shard_id, shard in stream["shards"].items():
        _drop(stream, shard_id, max(0, len(shard["records"]) - records_per_shard))


def _drop(stream: dict[str, Any], shard_id: str, gone: int) -> None:
    if gone:
        del stream["shards"][shard_id]["records"][:gone]
        _shift_iterators(stream["StreamARN"], shard_id, gone)


def _shift_iterators(stream_arn: str, shard_id: str, gone: int) -> None:
    for iterator in kinesis._shard_iterators._data.values():
        if iterator["stream_arn"] == stream_arn and iterator["shard_id"] == shard_id:
            iterator["position"] = max(0, iterator["position"] - gone)
