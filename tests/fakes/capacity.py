"""What rushes turn in AWS: an Aurora cluster, a table and a function, with AWS's own rules.

Warm throughput is never lowered, a busy cluster takes no change, a reservation may be none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloudcafe_operator.errors import Conflict, NotFound, UserError
from cloudcafe_operator.planning.capacity import RUSH_TAG

CLUSTER = "arn:aws:rds:eu-west-1:000000000000:cluster:cloudcafe"
TABLE = "arn:aws:dynamodb:eu-west-1:000000000000:table/cloudcafe-orders"
INDEX = f"{TABLE}/index/ledger"
FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:cloudcafe-payment-processor"


class CapacityOfAws:
    """`values` by ARN and name of the number; every value that was ever put is in `history`."""

    def __init__(self) -> None:
        self.tags = {CLUSTER: "0.5", TABLE: "0", FUNCTION: "20"}
        self.values = {
            (CLUSTER, "MinCapacity"): 0.5,
            (CLUSTER, "MaxCapacity"): 8.0,
            (TABLE, "ReadUnitsPerSecond"): 25,
            (TABLE, "WriteUnitsPerSecond"): 25,
            (INDEX, "ReadUnitsPerSecond"): 25,
            (INDEX, "WriteUnitsPerSecond"): 60,
            (FUNCTION, "ReservedConcurrentExecutions"): 20,
            (FUNCTION, "MaximumConcurrency"): 10,
        }
        self.history: list[tuple[str, str, float]] = []
        self.gone: set[str] = set()
        self.cluster_status = "available"
        self.table_status = "ACTIVE"

    @property
    def floor(self) -> float:
        """Aurora's least capacity."""
        return self.values[CLUSTER, "MinCapacity"]

    @property
    def reserved(self) -> float | None:
        """The function's reservation."""
        return self.values.get((FUNCTION, "ReservedConcurrentExecutions"))

    def tagged(self, **_: Any) -> dict[str, Any]:
        """GetResources of the tag."""
        found = [
            {"ResourceARN": arn, "Tags": [{"Key": RUSH_TAG, "Value": value}]}
            for arn, value in self.tags.items()
            if arn not in self.gone
        ]
        return {"ResourceTagMappingList": found}

    def clusters(self, DBClusterIdentifier: str) -> dict[str, Any]:
        """DescribeDBClusters."""
        self._there(CLUSTER)
        names = ("MinCapacity", "MaxCapacity")
        scaling = {name: self.values[CLUSTER, name] for name in names}
        return {
            "DBClusters": [
                {
                    "DBClusterIdentifier": DBClusterIdentifier,
                    "Status": self.cluster_status,
                    "ServerlessV2ScalingConfiguration": scaling,
                }
            ]
        }

    def modify(
        self,
        DBClusterIdentifier: str,
        ServerlessV2ScalingConfiguration: dict[str, float],
        ApplyImmediately: bool,
    ) -> dict[str, Any]:
        """ModifyDBCluster."""
        self._there(CLUSTER)
        if self.cluster_status != "available":
            raise Conflict(f"cluster {DBClusterIdentifier} is {self.cluster_status}")
        assert ApplyImmediately
        for name, value in ServerlessV2ScalingConfiguration.items():
            self._put(CLUSTER, name, value)
        return {}

    def table(self, TableName: str) -> dict[str, Any]:
        """DescribeTable."""
        self._there(TABLE)
        names = ("ReadUnitsPerSecond", "WriteUnitsPerSecond")
        warm = {name: self.values[TABLE, name] for name in names} | {"Status": "ACTIVE"}
        of_index = {name: self.values[INDEX, name] for name in names}
        return {
            "Table": {
                "TableName": TableName,
                "TableStatus": self.table_status,
                "WarmThroughput": warm,
                "GlobalSecondaryIndexes": [{"IndexName": "ledger", "WarmThroughput": of_index}],
            }
        }

    def update(
        self,
        TableName: str,
        WarmThroughput: dict[str, int],
        GlobalSecondaryIndexUpdates: Sequence[dict[str, Any]] = (),
    ) -> dict[str, Any]:
        """UpdateTable."""
        self._there(TABLE)
        asked = [(TABLE, WarmThroughput)]
        asked += [(INDEX, one["Update"]["WarmThroughput"]) for one in GlobalSecondaryIndexUpdates]
        for arn, warm in asked:
            for name, value in warm.items():
                if value <= self.values[arn, name]:
                    raise UserError(f"{TableName}: warm throughput can be increased only")
                self._put(arn, name, value)
        return {}

    def concurrency(self, FunctionName: str) -> dict[str, Any]:
        """GetFunctionConcurrency."""
        self._there(FUNCTION)
        reserved = self.reserved
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def reserve(self, FunctionName: str, ReservedConcurrentExecutions: int) -> dict[str, Any]:
        """PutFunctionConcurrency."""
        self._there(FUNCTION)
        self._put(FUNCTION, "ReservedConcurrentExecutions", ReservedConcurrentExecutions)
        return {}

    def mappings(self, FunctionName: str) -> dict[str, Any]:
        """ListEventSourceMappings."""
        scaling = {"MaximumConcurrency": self.values[FUNCTION, "MaximumConcurrency"]}
        mapping = {"UUID": "mapping-1", "State": "Enabled", "ScalingConfig": scaling}
        return {"EventSourceMappings": [mapping]}

    def update_mapping(self, UUID: str, ScalingConfig: dict[str, int]) -> dict[str, Any]:
        """UpdateEventSourceMapping; more than is reserved would be polled in vain."""
        assert UUID == "mapping-1"
        reserved = self.reserved
        assert reserved is None or ScalingConfig["MaximumConcurrency"] <= reserved
        self._put(FUNCTION, "MaximumConcurrency", ScalingConfig["MaximumConcurrency"])
        return {}

    def _put(self, arn: str, name: str, value: float) -> None:
        self.values[arn, name] = value
        self.history.append((arn, name, value))

    def _there(self, arn: str) -> None:
        if arn in self.gone:
            raise NotFound(f"{arn} does not exist")


def serve(aws: Any) -> CapacityOfAws:
    """Answer the calls of a FakeAws."""
    made = CapacityOfAws()
    aws.on("resourcegroupstaggingapi", "get_resources", made.tagged)
    aws.on("rds", "describe_db_clusters", made.clusters)
    aws.on("rds", "modify_db_cluster", made.modify)
    aws.on("dynamodb", "describe_table", made.table)
    aws.on("dynamodb", "update_table", made.update)
    aws.on("lambda", "get_function_concurrency", made.concurrency)
    aws.on("lambda", "put_function_concurrency", made.reserve)
    aws.on("lambda", "list_event_source_mappings", made.mappings)
    aws.on("lambda", "update_event_source_mapping", made.update_mapping)
    return made
