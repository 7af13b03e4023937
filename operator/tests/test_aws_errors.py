"""AWS's refusals by their codes, and the token bucket."""

from dataclasses import replace

import pytest
from cloudcafe_operator.effects.aws import LONGEST_WAIT_SECONDS, TokenBucket, bucket_of
from cloudcafe_operator.effects.aws_errors import Refusal, error_for
from cloudcafe_operator.errors import (
    AccessDenied,
    AlreadyExists,
    Conflict,
    NotFound,
    QuotaExceeded,
    Retry,
    ThrottledByAws,
    Unavailable,
    UserError,
)
from hypothesis import given
from hypothesis import strategies as st


def refusal(code, *, service="sqs", operation="create_queue", status=400):
    return Refusal(service, operation, code, "said AWS", status)


@pytest.mark.parametrize(
    ("given_refusal", "kind"),
    [
        (refusal("ThrottlingException"), ThrottledByAws),
        (refusal("LimitExceededException", service="secretsmanager"), QuotaExceeded),
        (refusal("LimitExceeded", service="cloudwatch"), QuotaExceeded),
        (refusal("ServiceQuotaExceededException"), QuotaExceeded),
        (refusal("InstanceQuotaExceeded", service="rds"), QuotaExceeded),
        (
            refusal("LimitExceededException", service="dynamodb", operation="create_table"),
            QuotaExceeded,
        ),
        (
            refusal("LimitExceededException", service="dynamodb", operation="update_table"),
            ThrottledByAws,
        ),
        (
            refusal("LimitExceededException", service="kinesis", operation="split_shard"),
            ThrottledByAws,
        ),
        (refusal("AWS.SimpleQueueService.NonExistentQueue"), NotFound),
        (refusal("DBClusterNotFoundFault"), NotFound),
        (refusal("QueueNameExists"), AlreadyExists),
        (refusal("ResourceInUseException", operation="create_table"), AlreadyExists),
        (refusal("ResourceInUseException", operation="update_table"), Retry),
        (refusal("InvalidDBClusterStateFault", operation="failover_db_cluster"), Retry),
        (refusal("ConditionalCheckFailedException"), Conflict),
        (refusal("InternalFailure", status=500), Unavailable),
        (refusal("InternalFailure", status=400), Unavailable),
        (refusal("ConcurrentModificationException"), Retry),
        (refusal("ResourceConflictException", service="lambda"), Retry),
        (refusal("ConflictException", service="apigatewayv2", operation="update_stage"), Retry),
        (refusal("ConflictException", service="fis", operation="create_x"), AlreadyExists),
        (refusal("ScalingActivityInProgress", service="autoscaling"), Retry),
        (refusal("ResourceContention", service="autoscaling"), Retry),
        (refusal("UpdateInProgressException", service="ecs", operation="update_x"), Retry),
        (refusal("ContinuousBackupsUnavailableException", service="dynamodb"), Retry),
        (refusal("RequestExpired"), Unavailable),
        (refusal("SignatureDoesNotMatch"), AccessDenied),
        (refusal("NotImplemented", status=501), UserError),
        (refusal("InvalidParameterValue"), UserError),
    ],
)
def test_a_code_means_one_error(given_refusal, kind):
    assert type(error_for(given_refusal)) is kind


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("rds", "failover_db_cluster", "rds:FailoverDBCluster"),
        ("resourcegroupstaggingapi", "get_resources", "tag:GetResources"),
        ("sqs", "create_queue", "sqs:CreateQueue"),
    ],
)
def test_a_missing_permission_is_named_as_iam_names_it(service, operation, action):
    error = error_for(refusal("AccessDenied", service=service, operation=operation))
    assert type(error) is AccessDenied
    assert f"grant {action} to the operator's IAM role" in str(error)


@pytest.mark.parametrize(
    ("service", "code"), [("sqs", "sqs"), ("cloudwatch", "monitoring"), ("dynamodb", "dynamodb")]
)
def test_a_used_up_quota_says_where_more_is_asked_for(service, code):
    error = error_for(refusal("ServiceQuotaExceededException", service=service))
    assert error.reason == "QuotaExceeded"
    assert f"list-service-quotas --service-code {code}" in str(error)


def test_a_deleted_queues_name_is_waited_for():
    assert error_for(refusal("QueueDeletedRecently")).after == 60


def test_a_deleted_secrets_name_is_waited_for():
    said = "a secret with this name is already scheduled for deletion"
    refused = Refusal("secretsmanager", "create_secret", "InvalidRequestException", said, 400)
    assert error_for(refused).after == 15
    assert type(error_for(replace(refused, message="no such thing"))) is UserError


@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=200))
def test_a_bucket_never_lets_more_through_than_its_rate_and_burst(pauses):
    bucket = TokenBucket(per_second=10, burst=5)
    now = 0.0
    for number, pause in enumerate(pauses, start=1):
        now += pause
        allowed_at = now + bucket.wait(now)
        assert number <= 5 + allowed_at * 10 + 1e-6


def test_no_worker_waits_long_for_a_call_of_which_aws_allows_few():
    bucket = TokenBucket(per_second=3, burst=1)
    for _ in range(1 + round(LONGEST_WAIT_SECONDS * 3)):
        assert bucket.admit(0.0, "PutAlarm") <= LONGEST_WAIT_SECONDS
    with pytest.raises(ThrottledByAws, match="PutAlarm: AWS allows few") as told:
        bucket.admit(0.0, "PutAlarm")
    assert told.value.after > LONGEST_WAIT_SECONDS
    for _ in range(1000):  # who is sent away takes no turn from others
        with pytest.raises(ThrottledByAws):
            bucket.admit(0.0, "PutAlarm")
    assert bucket.admit(1.0, "PutAlarm") <= LONGEST_WAIT_SECONDS


@pytest.mark.parametrize(
    ("call", "allowed", "least", "most"),
    [("cloudwatch:put_metric_alarm", 3.0, 1.5, 4.5), ("sqs:create_queue", 40.0, 20.0, 60.0)],
)
def test_the_rate_settles_near_what_aws_allows(call, allowed, least, most):
    bucket, now, granted_at, done, refused = bucket_of(call), 0.0, 0.0, 0, 0
    for _ in range(20_000):
        now += 0.05
        try:
            wait = bucket.admit(now, call)
        except ThrottledByAws:
            continue
        throttled = now + wait < granted_at
        bucket.answered(throttled=throttled)
        if not throttled:
            granted_at = now + wait + 1 / allowed
            done += now > 500
        elif now > 500:
            refused += 1
    assert refused < done / 2
    assert least <= done / 500 <= min(most, allowed + 0.1)


@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch"])
def test_a_clock_that_is_off_is_no_missing_right(code):
    said = "Signature expired: 20260301T080000Z is now earlier than 20260301T085500Z"
    error = error_for(Refusal("sqs", "create_queue", code, said, 403))
    assert type(error) is Unavailable
    assert "the node's clock is wrong" in str(error)
