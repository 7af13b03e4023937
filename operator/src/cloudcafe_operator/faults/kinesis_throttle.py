"""kinesisThrottle: let AWS FIS refuse a share of a stream's requests as if its shards were full.

FIS has the fault; what we make is an experiment template and an experiment, both with the run's uid
as tag and client token, so that they are found again and never made twice. The experiment ends by
itself after its duration, whatever becomes of us. No shard is split, merged or lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, Retry, UserError
from cloudcafe_operator.faults.aws_tags import (
    RUN_CLUSTER_TAG,
    AwsSelector,
    run_cluster,
    tagged,
)
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.duration import Duration, seconds
from cloudcafe_operator.resources.run import Target

ACTION = "aws:kinesis:stream-provisioned-throughput-exception"
SHORTEST_S = 60  # AWS: FIS takes no shorter duration
RUN_TAG = "cloudcafe.dev/chaos-run"
RUNNING = ("pending", "initiating", "running")
ENDED = ("completed", "stopped", "failed", "cancelled")


class KinesisThrottleSpec(FaultSpec):
    """Lets AWS FIS throttle requests to Kinesis streams."""

    selector: AwsSelector = Field(description="Which streams.")
    percentage: int = Field(default=100, ge=1, le=100, description="Share of requests refused.")
    duration: Duration = Field(
        default="5m", description="When FIS ends it by itself, from 1m; the undo ends it earlier."
    )
    role: str = Field(
        default="cloudcafe-fis",
        min_length=1,
        max_length=128,
        pattern=r"^[\w+=,.@/-]+$",
        description="Name of the IAM role that FIS takes on, in the stream's account.",
    )


class KinesisThrottle(Fault[KinesisThrottleSpec]):
    """See the module's docstring."""

    name = "kinesisThrottle"
    summary = "Lets AWS FIS refuse a share of a Kinesis stream's requests as over its throughput."
    spec_type = KinesisThrottleSpec
    iam_actions = (
        "tag:GetResources",
        "kinesis:DescribeStreamSummary",
        "fis:ListExperimentTemplates",
        "fis:ListExperiments",
        "fis:CreateExperimentTemplate",
        "fis:StartExperiment",
        "fis:StopExperiment",
        "fis:DeleteExperimentTemplate",
        "fis:TagResource",
        "iam:PassRole",
    )

    async def select(self, spec: KinesisThrottleSpec, world: World) -> Sequence[Target]:
        """Return the streams that match."""
        return await tagged(spec.selector, "kinesis:stream", world)

    def ends_after(self, spec: KinesisThrottleSpec) -> float:
        """FIS ends it then."""
        return seconds(spec.duration)

    async def capture(self, spec: KinesisThrottleSpec, target: Target, world: World) -> Json:
        """Note which role FIS takes on; refuse what FIS would refuse."""
        if seconds(spec.duration) < SHORTEST_S:
            raise UserError("duration: AWS FIS takes one minute or more; the undo ends it earlier")
        answer = await world.aws.call("kinesis", "describe_stream_summary", StreamName=target.name)
        status = answer["StreamDescriptionSummary"]["StreamStatus"]
        if status != "ACTIVE":
            raise UserError(f"stream {target.name} is {status}: wait until it is ACTIVE")
        _, partition, _, _, account, _ = target.id.split(":", 5)
        return {"role": f"arn:{partition}:iam::{account}:role/{spec.role}"}

    async def inject(self, spec: KinesisThrottleSpec, entry: Entry, world: World) -> Json:
        """Make the template and start it, each unless it is there."""
        found = await _experiments(entry, world)
        if found:
            return {"experiment": found[0]["id"]}
        templates = await _templates(entry, world)
        template = templates[0]["id"] if templates else await _make_template(spec, entry, world)
        answer = await world.aws.call(
            "fis",
            "start_experiment",
            clientToken=_token(entry),
            experimentTemplateId=template,
            tags=_tags(entry, world),
        )
        return {"experiment": answer["experiment"]["id"]}

    def calls(self, spec: KinesisThrottleSpec, target: Target) -> Sequence[str]:
        """Name what is made and undone."""
        return (
            f"fis:CreateExperimentTemplate {ACTION} on {target.name}, {spec.percentage} %",
            f"fis:StartExperiment for at most {spec.duration}, as role {spec.role}",
            "fis:StopExperiment",
            "fis:DeleteExperimentTemplate",
        )

    async def in_force(self, spec: KinesisThrottleSpec, entry: Entry, world: World) -> bool:
        """FIS runs our experiment."""
        return any(_status(one) == "running" for one in await _experiments(entry, world))

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Stop the experiment, wait until it has ended, then remove its template."""
        for one in await _experiments(entry, world):
            if _status(one) in RUNNING:
                await world.aws.call("fis", "stop_experiment", id=one["id"])
        for one in await _experiments(entry, world):
            if _status(one) not in ENDED:
                raise Retry(f"FIS experiment {one['id']} is {_status(one)}", after=2.0)
        for one in await _templates(entry, world):
            with suppress(NotFound):
                await world.aws.call("fis", "delete_experiment_template", id=one["id"])
        return Undone("Reverted")

    async def verify(self, entry: Entry, world: World) -> bool:
        """Nothing of ours runs, and no template of ours is left."""
        ended = [_status(one) in ENDED for one in await _experiments(entry, world)]
        return all(ended) and not await _templates(entry, world)

    def by_hand(self, entry: Entry) -> str:
        """Stop it; the template does no harm."""
        found = entry.injected.get("experiment")
        if found:
            return f"aws fis stop-experiment --id {found}"
        return (
            "aws fis list-experiments --query "
            f'"experiments[?tags.\\"{RUN_TAG}\\"==\'{_token(entry)}\'].id" --output text '
            "| xargs -n1 aws fis stop-experiment --id"
        )


async def _make_template(spec: KinesisThrottleSpec, entry: Entry, world: World) -> str:
    action = {
        "actionId": ACTION,
        "parameters": {
            "duration": f"PT{int(seconds(spec.duration))}S",
            "percentage": str(spec.percentage),
            "service": "kinesis",
        },
        "targets": {"KinesisStreams": "streams"},
    }
    target = {
        "resourceType": "aws:kinesis:stream",
        "resourceArns": [entry.target.id],
        "selectionMode": "ALL",
    }
    answer = await world.aws.call(
        "fis",
        "create_experiment_template",
        clientToken=_token(entry),
        description=f"CloudCafe run {entry.run_namespace}/{entry.run_name}",
        stopConditions=[{"source": "none"}],
        targets={"streams": target},
        actions={"throttle": action},
        roleArn=entry.captured["role"],
        tags=_tags(entry, world),
    )
    found: str = answer["experimentTemplate"]["id"]
    return found


def _token(entry: Entry) -> str:
    """Return what is unique to this run and stream."""
    return f"{entry.run_uid}-{sha256(entry.target.id.encode()).hexdigest()[:12]}"


def _tags(entry: Entry, world: World) -> dict[str, str]:
    return {
        RUN_TAG: _token(entry),
        RUN_CLUSTER_TAG: run_cluster(entry, world),
        "cloudcafe.dev/chaos": "allowed",
    }


def _status(experiment: Json) -> str:
    return str(experiment["state"]["status"])


async def _experiments(entry: Entry, world: World) -> list[dict[str, Any]]:
    return _ours(await world.aws.pages("fis", "list_experiments", "experiments"), entry)


async def _templates(entry: Entry, world: World) -> list[dict[str, Any]]:
    found = await world.aws.pages("fis", "list_experiment_templates", "experimentTemplates")
    return _ours(found, entry)


def _ours(listed: Sequence[Any], entry: Entry) -> list[dict[str, Any]]:
    return [one for one in listed if (one.get("tags") or {}).get(RUN_TAG) == _token(entry)]
