"""Which service a request means, and who answers, as plain values."""

from __future__ import annotations

import importlib

import pytest
from localaws.routing import (
    MINISTACK_SERVICES,
    MOTO_SERVICES,
    Backend,
    Identity,
    action_of,
    backend_of,
    identify,
)

V4 = (
    "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, SignedHeaders=host"
)


def _signed(service, key="test", region="us-east-2"):
    return {"authorization": V4.format(service=service, key=key, region=region)}


def _identify(headers, query=b"", body=b""):
    return identify(headers, query, body, default_region="eu-west-1")


def test_the_credential_scope_names_service_and_region():
    found = _identify(_signed("dynamodb"))
    assert found == Identity("dynamodb", "us-east-2", "000000000000", signed=True)


def test_the_scope_wins_over_the_target():
    found = _identify({**_signed("sqs"), "x-amz-target": "DynamoDB_20120810.PutItem"})
    assert found.service == "sqs"


def test_a_numeric_access_key_is_the_account():
    assert _identify(_signed("sqs", key="123456789012")).account == "123456789012"


def test_a_presigned_url_names_it_in_the_query():
    query = b"X-Amz-Credential=test%2F20260101%2Feu-west-2%2Fs3%2Faws4_request&X-Amz-Date=1"
    found = _identify({}, query)
    assert (found.service, found.region) == ("s3", "eu-west-2")


def test_a_signature_for_many_regions_has_the_default_region():
    scope = "AWS4-ECDSA-P256-SHA256 Credential=test/20260101/s3/aws4_request, SignedHeaders=host"
    found = _identify({"authorization": scope})
    assert (found.service, found.region) == ("s3", "eu-west-1")


@pytest.mark.parametrize(
    ("headers", "body", "service"),
    [
        ({"x-amz-target": "DynamoDB_20120810.PutItem"}, b"", "dynamodb"),
        ({"x-amz-target": "AmazonSQS.SendMessage"}, b"", "sqs"),
        ({"x-amz-target": "Textract.DetectDocumentText"}, b"", "textract"),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
            "sts",
        ),
        ({"host": "memory-db.eu-west-1.amazonaws.com"}, b"", "memorydb"),
        ({"host": "localaws:4566"}, b"", ""),
        ({}, b"", ""),
    ],
)
def test_an_unsigned_request_is_known_by_target_action_or_host(headers, body, service):
    assert _identify(headers, body=body).service == service


@pytest.mark.parametrize(
    ("service", "backend"),
    [
        ("dynamodb", Backend.MINISTACK),
        ("sqs", Backend.MINISTACK),
        ("kinesis", Backend.MINISTACK),
        ("rds", Backend.MINISTACK),
        ("monitoring", Backend.MINISTACK),
        ("lambda", Backend.MINISTACK),
        ("ecs", Backend.MINISTACK),
        ("ec2", Backend.MOTO),
        ("autoscaling", Backend.MOTO),
        ("elasticloadbalancing", Backend.MOTO),
        ("redshift", Backend.MOTO),
        ("memorydb", Backend.MOTO),
        ("textract", Backend.NOBODY),
        ("../../etc", Backend.NOBODY),
    ],
)
def test_a_service_has_one_emulator(service, backend):
    assert backend_of(Identity(service, "r", "a", signed=True)) is backend


def test_an_anonymous_request_goes_to_the_data_planes():
    assert backend_of(Identity("", "r", "a", signed=False)) is Backend.MINISTACK
    assert backend_of(Identity("", "r", "a", signed=True)) is Backend.NOBODY


def test_no_service_is_listed_twice():
    assert not MOTO_SERVICES & MINISTACK_SERVICES


def test_ministack_knows_every_service_that_it_is_given():
    application = importlib.import_module("ministack.app")
    known = application.SERVICE_REGISTRY.keys() | application.SERVICE_NAME_ALIASES.keys()
    assert known >= MINISTACK_SERVICES


def test_the_action_is_read_as_each_protocol_says_it():
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert action_of({"x-amz-target": "DynamoDB_20120810.PutItem"}, "/", b"") == "PutItem"
    assert action_of(form, "/", b"Action=FailoverDBCluster&Version=1") == "FailoverDBCluster"
    cbor = {"smithy-protocol": "rpc-v2-cbor"}
    assert action_of(cbor, "/service/X/operation/PutMetricData", b"") == "PutMetricData"
    assert action_of({}, "/2015-03-31/functions", b"") == ""
