"""Which services answer at all, and how those are refused that do not exist."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from localaws.own import Own
from localaws.settings import Settings
from localaws.testing import LocalAws, StartError


def _code(error):
    return error.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("ec2", "describe_security_groups"),
        ("autoscaling", "describe_auto_scaling_groups"),
        ("elbv2", "describe_load_balancers"),
        ("redshift", "describe_clusters"),
        ("memorydb", "describe_clusters"),
        ("vpc-lattice", "list_services"),
        ("guardduty", "list_detectors"),
        ("ecs", "list_clusters"),
        ("eks", "list_clusters"),
        ("lambda", "list_functions"),
        ("elasticache", "describe_replication_groups"),
        ("logs", "describe_log_groups"),
        ("sns", "list_topics"),
        ("s3", "list_buckets"),
        ("iam", "list_roles"),
        ("docdb", "describe_db_clusters"),
        ("apigateway", "get_rest_apis"),
        ("events", "list_rules"),
        ("scheduler", "list_schedules"),
    ],
)
def test_the_other_services_answer(client, service, call):
    assert getattr(client(service), call)()["ResponseMetadata"]["HTTPStatusCode"] == 200


class TestWhatDoesNotExist:
    @pytest.mark.parametrize(
        ("service", "call", "arguments"),
        [
            ("textract", "get_document_analysis", {"JobId": "x"}),  # JSON
            ("neptunedata", "get_engine_status", {}),  # REST and JSON
            ("cloudsearch", "describe_domains", {}),  # query and XML
            ("mediastore", "list_containers", {}),
        ],
    )
    def test_an_unknown_service_is_refused_at_once(self, client, service, call, arguments):
        with_retries = client(service, config=None)
        started = time.monotonic()
        with pytest.raises(ClientError) as error:
            getattr(with_retries, call)(**arguments)
        assert time.monotonic() - started < 1
        assert _code(error) == "NotImplementedException"
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert error.value.response["ResponseMetadata"]["RetryAttempts"] == 0

    def test_an_action_that_moto_lacks_is_refused_without_retries(self, client):
        with pytest.raises(ClientError) as error:
            client("ec2", config=None).describe_fast_snapshot_restores()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert error.value.response["ResponseMetadata"]["RetryAttempts"] == 0
        assert "DescribeFastSnapshotRestores" in error.value.response["Error"]["Message"]


class TestItsOwnPaths:
    def test_probes_and_metrics_are_answered_without_a_signature(self, aws, client):
        client("rds").describe_db_clusters()
        for path in ("/livez", "/readyz", "/metrics", "/_localaws/state"):
            assert httpx.get(aws.url + path, trust_env=False).status_code == 200
        assert 'localaws_requests_total{service="rds",status="200"}' in aws.metrics()

    def test_a_bucket_of_the_same_name_stays_reachable(self, client):
        s3 = client("s3", config=Config(s3={"addressing_style": "path"}))
        s3.create_bucket(
            Bucket="metrics", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        s3.put_object(Bucket="metrics", Key="a", Body=b"coffee")
        assert s3.get_object(Bucket="metrics", Key="a")["Body"].read() == b"coffee"
        assert s3.list_objects_v2(Bucket="metrics")["KeyCount"] == 1

    async def test_a_reset_is_refused_unless_it_was_allowed(self):
        reply = await Own(None, Settings()).answer("POST", "/_localaws/reset")
        assert reply.status == 403
        assert "LOCALAWS_ALLOW_RESET" in json.loads(reply.body)["error"]

    def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_head(self, aws):
        with httpx.Client(trust_env=False) as http:
            took = []
            for _ in range(20):
                started = time.monotonic()
                http.post(aws.url, headers={"x-amz-target": "AmazonSQS.ListQueues"}, content="{}")
                took.append(time.monotonic() - started)
        assert min(took) < 0.03  # Linux delays acknowledgements by 40 ms

    def test_a_call_whose_sender_hung_up_half_way_is_not_made(self, aws, client):
        body = b"Action=FailoverDBCluster&Version=2014-10-31&DBClusterIdentifier=cloudcafe&More="
        head = (
            "POST / HTTP/1.1\r\nhost: localaws\r\n"
            "authorization: AWS4-HMAC-SHA256 "
            "Credential=test/20260101/eu-west-1/rds/aws4_request, Signature=0\r\n"
            "content-type: application/x-www-form-urlencoded\r\n"
            f"content-length: {len(body) + 10}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", urlsplit(aws.url).port)) as connection:
            connection.sendall(head.encode() + body)
        cluster = client("rds").describe_db_clusters()["DBClusters"][0]
        assert cluster["Status"] == "available"
        assert aws.state()["consequences"]["aurora_failover"]["failingOver"] == {}


def test_a_port_that_is_taken_ends_the_process_with_its_reason():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(StartError, match="Address already in use"),
            LocalAws.start({"LOCALAWS_PORT": str(port)}),
        ):
            pass
