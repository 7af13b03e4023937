"""AWS FIS before one Kinesis stream: templates, experiments, client tokens."""

from __future__ import annotations

from typing import Any

from cloudcafe_operator.errors import NotFound

TAGS = [{"Key": "cloudcafe.dev/chaos", "Value": "allowed"}]
NAME = "cloudcafe-order-events"
ARN = f"arn:aws:kinesis:eu-west-1:000000000000:stream/{NAME}"
FAULTS = {"kinesisThrottle": {"selector": {"names": [NAME]}}}
RARE_ACTIONS = {"fis:TagResource", "iam:PassRole"}  # asked for by AWS, not calls of their own
RUNNING = ("initiating", "running")


class Fis:
    """A repeated call with the same token makes nothing new; a stop may take its time."""

    def __init__(self) -> None:
        self.status = "ACTIVE"
        self.templates: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}
        self.stopping = "stopped"
        self.made = 0

    def tagged(self) -> dict[str, Any]:
        """What GetResources shows of the stream."""
        return {ARN: TAGS}

    def stream(self, StreamName: str) -> dict[str, Any]:
        """DescribeStreamSummary."""
        return {"StreamDescriptionSummary": {"StreamStatus": self.status}}

    def create(self, clientToken: str, tags: dict[str, str], **given: Any) -> dict[str, Any]:
        """CreateExperimentTemplate."""
        known = self._by_token(self.templates, clientToken)
        if known is None:
            self.made += 1
            known = {"id": f"EXT{self.made}", "token": clientToken, "tags": tags, **given}
            self.templates[known["id"]] = known
        return {"experimentTemplate": known}

    def start(
        self, clientToken: str, experimentTemplateId: str, tags: dict[str, str]
    ) -> dict[str, Any]:
        """StartExperiment."""
        if experimentTemplateId not in self.templates:
            raise NotFound("no such template")
        known = self._by_token(self.experiments, clientToken)
        if known is None:
            number = f"EXP{len(self.experiments) + 1}"
            state = {"status": "running"}
            known = {"id": number, "token": clientToken, "tags": tags, "state": state}
            self.experiments[number] = known
        return {"experiment": known}

    def stop(self, id: str) -> dict[str, Any]:  # noqa: A002 - AWS calls it that
        """StopExperiment."""
        self.experiments[id]["state"]["status"] = self.stopping
        return {"experiment": self.experiments[id]}

    def delete(self, id: str) -> dict[str, Any]:  # noqa: A002 - AWS calls it that
        """DeleteExperimentTemplate."""
        if id not in self.templates:
            raise NotFound("no such template")
        return {"experimentTemplate": self.templates.pop(id)}

    def state(self) -> dict[str, Any]:
        """What must be as before: no template of anybody's run, and nothing that runs."""
        running = [one for one in self.experiments.values() if one["state"]["status"] in RUNNING]
        return {"templates": len(self.templates), "running": len(running)}

    def injections(self) -> dict[str, int]:
        """How many experiments were started."""
        return {"kinesisThrottle": len(self.experiments)}

    def _by_token(self, held: dict[str, dict[str, Any]], token: str) -> dict[str, Any] | None:
        return next((one for one in held.values() if one["token"] == token), None)


def build(world: Any) -> Fis:
    """Answer the calls of a world."""
    fis = Fis()
    world.aws.on("kinesis", "describe_stream_summary", fis.stream)
    world.aws.on("fis", "create_experiment_template", fis.create)
    world.aws.on("fis", "start_experiment", fis.start)
    world.aws.on("fis", "stop_experiment", fis.stop)
    world.aws.on("fis", "delete_experiment_template", fis.delete)
    world.aws.on("fis", "list_experiments", lambda: {"experiments": list(fis.experiments.values())})
    world.aws.on(
        "fis",
        "list_experiment_templates",
        lambda: {"experimentTemplates": list(fis.templates.values())},
    )
    return fis
