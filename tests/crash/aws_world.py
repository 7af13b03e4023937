"""Everything on the embedded AWS that a run or a store may change: it must be as before."""

import boto3

OPERATIONS = (
    # service, operation, key of the answer, what may differ or only tells of the past
    ("rds", "describe_db_clusters", "DBClusters"),
    ("ec2", "describe_security_groups", "SecurityGroups"),
    ("ec2", "describe_network_acls", "NetworkAcls"),
    ("elbv2", "describe_rules", "Rules"),
    ("memorydb", "describe_clusters", "Clusters"),
    ("elasticache", "describe_replication_groups", "ReplicationGroups"),
    ("fis", "list_experiment_templates", "experimentTemplates"),
    ("secretsmanager", "list_secrets", "SecretList"),
    ("cloudwatch", "describe_alarms", "MetricAlarms"),
)

OF_THE_FLEET = ":dashboard/cloudcafe-fleet"  # of no store: it comes with the operator


class AwsWorld:
    """Clients, made once."""

    def __init__(self, aws):
        names = {row[0] for row in OPERATIONS} | {
            "dynamodb", "sqs", "lambda", "apigatewayv2", "resourcegroupstaggingapi"
        }  # fmt: skip
        self._clients = {name: boto3.client(name, **aws.client_arguments) for name in names}

    def state(self):
        """Return it all as plain values."""
        found = {
            f"{service} {key}": self._rows(service, operation, key)
            for service, operation, key in OPERATIONS
            if operation != "describe_rules"
        }
        return found | {
            "rules": self._rules(),
            "targets": self._targets(),
            "tables": self._tables(),
            "queues": self._queues(),
            "concurrency": self._concurrency(),
            "stages": self._stages(),
            "tags": self._tags(),
        }

    def _call(self, service, operation, **parameters):
        return getattr(self._clients[service], operation)(**parameters)

    def _rows(self, service, operation, key):
        return sorted(map(_plain, self._call(service, operation)[key]), key=repr)

    def _rules(self):
        found = []
        for balancer in self._call("elbv2", "describe_load_balancers")["LoadBalancers"]:
            arn = balancer["LoadBalancerArn"]
            for each in self._call("elbv2", "describe_listeners", LoadBalancerArn=arn)["Listeners"]:
                arn = each["ListenerArn"]
                found += self._call("elbv2", "describe_rules", ListenerArn=arn)["Rules"]
        return [
            {**_plain(rule), "Actions": [_forward(one) for one in rule["Actions"]]}
            for rule in found
        ]

    def _targets(self):
        groups = self._call("elbv2", "describe_target_groups")["TargetGroups"]
        return {
            group["TargetGroupName"]: sorted(
                (one["Target"]["Id"], one["Target"].get("Port"))
                for one in self._call(
                    "elbv2", "describe_target_health", TargetGroupArn=group["TargetGroupArn"]
                )["TargetHealthDescriptions"]
                if one["TargetHealth"]["State"] not in ("draining", "unused")
            )
            for group in groups
        }

    def _tables(self):
        found = {}
        for name in self._call("dynamodb", "list_tables")["TableNames"]:
            table = self._call("dynamodb", "describe_table", TableName=name)["Table"]
            units = table["ProvisionedThroughput"]
            provisioned = units["ReadCapacityUnits"], units["WriteCapacityUnits"]
            found[name] = (*provisioned, table.get("OnDemandThroughput"))
        return found

    def _queues(self):
        found = {}
        for url in self._call("sqs", "list_queues").get("QueueUrls", ()):
            asked = self._call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
            found[url] = asked["Attributes"].get("Policy", "")
        return found

    def _concurrency(self):
        return {
            one["FunctionName"]: self._call(
                "lambda", "get_function_concurrency", FunctionName=one["FunctionName"]
            ).get("ReservedConcurrentExecutions")
            for one in self._call("lambda", "list_functions")["Functions"]
        }

    def _stages(self):
        return {
            api["ApiId"]: [
                (one["StageName"], one.get("DefaultRouteSettings"))
                for one in self._call("apigatewayv2", "get_stages", ApiId=api["ApiId"])["Items"]
            ]
            for api in self._call("apigatewayv2", "get_apis")["Items"]
        }

    def _tags(self):
        """No orphan: nothing is tagged that was not, and nothing otherwise."""
        rows = self._call("resourcegroupstaggingapi", "get_resources", ResourcesPerPage=100)
        return {
            row["ResourceARN"]: sorted((tag["Key"], tag["Value"]) for tag in row["Tags"])
            for row in rows["ResourceTagMappingList"]
            if not row["ResourceARN"].endswith(OF_THE_FLEET)
        }


VOLATILE = ("Writer", "Time", "Date", "Latest", "AssociationId", "Endpoint", "Nodes", "Shards")


def _plain(value):
    """Return it without moments, writers and ids that a change and its undo renew."""
    if isinstance(value, dict):
        return {
            key: _plain(one)
            for key, one in value.items()
            if not any(word in key for word in VOLATILE)
        }
    if isinstance(value, list):
        return sorted(map(_plain, value), key=repr)
    return value


def _forward(action):
    """Return where a rule leads; AWS tells it in two ways, of which either may be left out."""
    groups = action.get("ForwardConfig", {}).get("TargetGroups") or [action]
    return action["Type"], sorted(each.get("TargetGroupArn", "") for each in groups)
