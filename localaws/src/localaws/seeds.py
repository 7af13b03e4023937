"""The AWS resources that the cafe finds from the start, as data.

`seeding.sow` creates them in order; on AWS, Terraform does. All carry the tags by which the
operator selects them, among them the permission to break them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.seed import RUSH_TAG, TAG_LIST, TAGS, Seed
from localaws.seeds_api import api
from localaws.seeds_caching import caching
from localaws.seeds_compute import compute
from localaws.settings import ACCOUNT

if TYPE_CHECKING:
    from localaws.settings import Settings

KEYS = ("pk", "sk")
LEDGER_KEYS = ("ledgerPk", "ledgerSk")
LEAST_ACU = "0.5"
CAPACITY = {"ReadCapacityUnits": 500, "WriteCapacityUnits": 500}


def seeds(settings: Settings) -> list[Seed]:
    """All calls, in the order in which they depend on each other."""
    expiry = Seed(
        "dynamodb",
        "DynamoDB_20120810.UpdateTimeToLive",
        {
            "TableName": "cloudcafe-inventory",
            "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expiresAt"},
        },
        completes=True,
    )
    found = [_table("cloudcafe-inventory"), expiry]
    found += [_table(f"cloudcafe-{name}") for name in ("orders", "payments")]
    for name in ("cloudcafe-order-events", "cloudcafe-stock-events"):
        found += _stream(name)
    for name in ("cloudcafe-payments", "cloudcafe-payment-results"):
        found += _fifo_with_dead_letters(settings, name)
    # what the consumers of a stream could not read
    found += [_queue(name) for name in ("cloudcafe-loyalty-dlq", "cloudcafe-analytics-dlq")]
    return [
        *found,
        *_cluster(settings.aurora_cluster),
        *compute(settings),
        *caching("cloudcafe"),
        *api(),
    ]


def _table(name: str) -> Seed:
    parameters = {
        "TableName": name,
        "AttributeDefinitions": [
            {"AttributeName": k, "AttributeType": "S"} for k in (*KEYS, *LEDGER_KEYS)
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": CAPACITY,
        # the books are read by the hour in which their orders were placed
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "ledger",
                "KeySchema": [
                    {"AttributeName": LEDGER_KEYS[0], "KeyType": "HASH"},
                    {"AttributeName": LEDGER_KEYS[1], "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": CAPACITY,
            }
        ],
        "Tags": [*TAG_LIST, {"Key": RUSH_TAG, "Value": "0"}],
    }
    return Seed("dynamodb", "DynamoDB_20120810.CreateTable", parameters, "ResourceInUseException")


def _stream(name: str) -> list[Seed]:
    create = {"StreamName": name, "ShardCount": 2}
    tag = {"StreamName": name, "Tags": TAGS}
    return [
        Seed("kinesis", "Kinesis_20131202.CreateStream", create, "ResourceInUseException"),
        Seed("kinesis", "Kinesis_20131202.AddTagsToStream", tag, completes=True),
    ]


def _fifo_with_dead_letters(settings: Settings, name: str) -> list[Seed]:
    dead = f"{name}-dlq.fifo"
    arn = f"arn:aws:sqs:{settings.region}:{ACCOUNT}:{dead}"
    redrive = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1000}}'
    return [_queue(dead), _queue(f"{name}.fifo", RedrivePolicy=redrive)]


def _queue(name: str, **attributes: str) -> Seed:
    if name.endswith(".fifo"):
        attributes = {"FifoQueue": "true", **attributes}
    parameters = {"QueueName": name, "Attributes": attributes, "tags": TAGS}
    return Seed("sqs", "AmazonSQS.CreateQueue", parameters, "QueueNameExists")


def _cluster(name: str) -> list[Seed]:
    tags = {
        f"Tags.Tag.{number}.{member}": text
        for number, pair in enumerate({**TAGS, RUSH_TAG: LEAST_ACU}.items(), start=1)
        for member, text in zip(("Key", "Value"), pair, strict=True)
    }
    cluster = {
        "DBClusterIdentifier": name,
        "Engine": "aurora-postgresql",
        "DatabaseName": "cafe",
        "MasterUsername": "cafe",
        "MasterUserPassword": "not-used-here",  # the real one is the chart's Secret
        "ServerlessV2ScalingConfiguration.MinCapacity": LEAST_ACU,
        "ServerlessV2ScalingConfiguration.MaxCapacity": "8",
        **tags,
    }
    instance = {
        "DBClusterIdentifier": name,
        "DBInstanceClass": "db.serverless",
        "Engine": "aurora-postgresql",
        **tags,
    }
    members = [{**instance, "DBInstanceIdentifier": f"{name}-{number}"} for number in (1, 2)]
    return [
        Seed("rds", "CreateDBCluster", cluster, "DBClusterAlreadyExistsFault"),
        *(Seed("rds", "CreateDBInstance", member, "DBInstanceAlreadyExists") for member in members),
    ]
