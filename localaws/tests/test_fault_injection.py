"""FIS refuses what is written to a stream: seen through boto3 and a real localaws."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from localaws.fis import THROTTLE, Laboratory

STREAM = "cloudcafe-order-events"
ARN = f"arn:aws:kinesis:eu-west-1:000000000000:stream/{STREAM}"


def template(percentage="100", duration="PT2M", token="t", **changes):
    action = {
        "actionId": THROTTLE,
        "parameters": {"duration": duration, "percentage": percentage, "service": "kinesis"},
        "targets": {"KinesisStreams": "streams"},
    }
    target = {"resourceType": "aws:kinesis:stream", "resourceArns": [ARN], "selectionMode": "ALL"}
    return {
        "clientToken": token,
        "description": "d",
        "stopConditions": [{"source": "none"}],
        "targets": {"streams": target},
        "actions": {"throttle": action},
        "roleArn": "arn:aws:iam::000000000000:role/cloudcafe-fis",
        "tags": {"run": "1"},
        **changes,
    }


class Lab:
    """Starts experiments and writes to the stream."""

    def __init__(self, fis, kinesis):
        self.fis, self.kinesis = fis, kinesis

    def start(self, **changes):
        made = self.fis.create_experiment_template(**template(**changes))["experimentTemplate"]
        started = self.fis.start_experiment(
            clientToken="s", experimentTemplateId=made["id"], tags={"run": "1"}
        )["experiment"]
        assert started["state"]["status"] == "running"
        return started["id"]

    def writes(self, stream=STREAM):
        """Write a record; the error code, or "" where it was taken."""
        record = {"Data": b"x", "PartitionKey": "o"}
        try:
            self.kinesis.put_records(StreamName=stream, Records=[record])
        except ClientError as error:
            return error.response["Error"]["Code"]
        return ""


def refusals(aws):
    """How many writes to the stream were refused so far, by whichever test."""
    name = f'localaws_stream_refusals_total{{stream="{STREAM}"}} '
    found = (line for line in aws.metrics().splitlines() if line.startswith(name))
    return sum(float(line.removeprefix(name)) for line in found)


@pytest.fixture
def lab(client):
    return Lab(client("fis"), client("kinesis"))


def test_writing_is_refused_while_the_experiment_runs_and_not_after_its_stop(lab, aws):
    number, before = lab.start(), refusals(aws)
    assert lab.writes() == "ProvisionedThroughputExceededException"
    assert lab.writes("cloudcafe-stock-events") == ""
    assert refusals(aws) == before + 1
    lab.fis.stop_experiment(id=number)
    assert lab.writes() == ""
    assert lab.fis.get_experiment(id=number)["experiment"]["state"]["status"] == "stopped"


def test_half_of_the_writes_is_refused_at_fifty_percent(lab):
    lab.start(percentage="50")
    assert [bool(lab.writes()) for _ in range(6)] == [False, True] * 3


def test_the_same_token_makes_nothing_twice_and_what_was_made_is_found_by_its_tags(lab):
    assert lab.start() == lab.start()
    templates = lab.fis.list_experiment_templates()["experimentTemplates"]
    experiments = lab.fis.list_experiments()["experiments"]
    assert [one["tags"] for one in (*templates, *experiments)] == [{"run": "1"}] * 2
    lab.fis.delete_experiment_template(id=templates[0]["id"])
    assert lab.fis.list_experiment_templates()["experimentTemplates"] == []
    with pytest.raises(ClientError) as error:
        lab.fis.delete_experiment_template(id=templates[0]["id"])
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"duration": "PT30S"}, "one minute or more"),
        ({"duration": "soon"}, "ISO 8601"),
        ({"percentage": "0"}, "between 1 and 100"),
        ({"targets": {}}, "no target"),
        ({"actions": {"a": {"actionId": "aws:fis:wait"}}}, "knows one action"),
    ],
)
def test_a_template_that_aws_would_not_take_is_refused(lab, changes, why):
    with pytest.raises(ClientError, match=why) as error:
        lab.fis.create_experiment_template(**template(**changes))
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_an_experiment_ends_by_itself_and_goes_on_after_a_restart():
    laboratory = Laboratory()
    made = laboratory.make(template())
    started = laboratory.start({"experimentTemplateId": made["id"]}, now=1000.0)
    assert laboratory.share(STREAM, now=1119.0) == 100
    again = Laboratory.of(laboratory.memory(now=1060.0), now=5.0)
    assert (again.share(STREAM, now=64.0), again.share(STREAM, now=66.0)) == (100, 0)
    assert again.experiments[started.id].status(66.0) == "completed"
