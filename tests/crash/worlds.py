"""Small worlds to break: a shop in Kubernetes, an Aurora cluster and a table in AWS, all in memory.

They have the consequences that matter to the engine: a killed pod is replaced, a failover takes
its time and swaps roles, a table is UPDATING for a moment after each change.
"""

from datetime import UTC, datetime

from cloudcafe_operator.errors import NotFound, Retry
from cloudcafe_operator.faults.registry import faults

from tests.crash.parts import PARTS
from tests.crash.pods import OPTED_IN, Pods
from tests.fakes import (
    FakeAdmin,
    FakeAws,
    FakeClock,
    FakeHttp,
    FakeKubernetes,
    RecordedEvents,
    Recorder,
)
from tests.fakes.objects import copied

NAMESPACE = "shop"
OPERATOR_NAMESPACE = "cloudcafe"
TAGS = [{"Key": "cloudcafe.dev/chaos", "Value": "allowed"}]
CLUSTER_ARN = "arn:aws:rds:eu-west-1:000000000000:cluster:cloudcafe"
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/cloudcafe-orders"

FAULTS = {
    "auroraFailover": {"selector": {"tags": OPTED_IN}},
    "cpuStress": {"selector": {"labels": {"app.kubernetes.io/name": "order"}}},
    "dynamodbThrottle": {"selector": {"tags": OPTED_IN}, "readUnits": 1, "writeUnits": 1},
    "eksNodeDrain": {"selector": {"labels": {"pool": "cafe"}}},
    "podKill": {"selector": {"labels": {"app.kubernetes.io/name": "order"}}},
    "podPartition": {"selector": {"labels": {"app.kubernetes.io/name": "order"}}},
}
for part in PARTS:
    FAULTS |= part.FAULTS


def experiment_spec(fault, **changes):
    """Return a short experiment with both kinds of probes."""
    probes = [
        {"name": "menu", "every": "1s", "timeout": "2s", "http": {"url": "http://menu:8080/m"}},
        {"name": "coffee", "every": "1s", "timeout": "2s", "order": {"store": "espresso-soho"}},
    ]
    return {
        "hypothesis": "A coffee can be bought.",
        "steadyState": {"baseline": "3s", "probes": probes},
        "steps": [
            {
                "name": "break",
                "faults": [{fault: FAULTS[fault], "mode": "one"}],
                "hold": "4s",
                "recovery": {"within": "60s"},
            }
        ],
        "consent": [fault] if faults()[fault].irreversible else [],
        "limits": {"maxTargets": 2, "maxPercent": 50, "maxDuration": "5m"},
        **changes,
    }


def experiment(fault, name="try", **changes):
    """Return a ChaosExperiment's manifest."""
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosExperiment",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "annotations": {"cloudcafe.dev/created-by": "ada"},
        },
        "spec": experiment_spec(fault, **changes),
    }


class Aurora:
    """One cluster with a writer and a reader."""

    def __init__(self, clock, seconds=4.0):
        self._clock = clock
        self._seconds = seconds
        self.writer = "cloudcafe-1"
        self.members = ["cloudcafe-1", "cloudcafe-2"]
        self.failovers = 0
        self._until = 0.0

    def describe(self, DBClusterIdentifier="cloudcafe"):
        if DBClusterIdentifier != "cloudcafe":
            raise NotFound(f"cluster {DBClusterIdentifier} not found")
        return {
            "DBClusters": [
                {
                    "DBClusterIdentifier": "cloudcafe",
                    "DBClusterArn": CLUSTER_ARN,
                    "Engine": "aurora-postgresql",
                    "Status": self.status,
                    "TagList": TAGS,
                    "DBClusterMembers": [
                        {"DBInstanceIdentifier": name, "IsClusterWriter": name == self.writer}
                        for name in self.members
                    ],
                }
            ]
        }

    def failover(self, DBClusterIdentifier, TargetDBInstanceIdentifier=None):
        if self.status != "available":
            raise Retry("InvalidDBClusterStateFault: the cluster is failing over")
        self.failovers += 1
        others = [name for name in self.members if name != self.writer]
        self.writer = TargetDBInstanceIdentifier or others[0]
        self._until = self._clock.monotonic() + self._seconds
        return {"DBCluster": {}}

    @property
    def status(self):
        return "failing-over" if self._clock.monotonic() < self._until else "available"

    def state(self):
        """What must be as before; roles may differ after a failover."""
        return {"status": self.status, "members": sorted(self.members)}


class Table:
    """One provisioned table."""

    def __init__(self, clock):
        self._clock = clock
        self.units = {"ReadCapacityUnits": 500, "WriteCapacityUnits": 500}
        self.lowered = 0
        self._until = 0.0

    def tagged(self):
        return {TABLE_ARN: TAGS}

    def describe(self, TableName):
        updating = self._clock.monotonic() < self._until
        return {
            "Table": {
                "TableName": TableName,
                "TableStatus": "UPDATING" if updating else "ACTIVE",
                "ProvisionedThroughput": {**self.units, "NumberOfDecreasesToday": 0},
            }
        }

    def update(self, TableName, ProvisionedThroughput):
        if self._clock.monotonic() < self._until:
            raise Retry("ResourceInUseException: the table is being updated")
        self.lowered += ProvisionedThroughput["ReadCapacityUnits"] < 100
        self.units = dict(ProvisionedThroughput)
        self._until = self._clock.monotonic() + 1.0
        return {}

    def state(self):
        return dict(self.units)


class World:
    """Everything that an engine sees, and all that must be as before afterwards."""

    def __init__(self):
        self.clock = FakeClock(datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
        self.recorder = Recorder()
        self.kubernetes = FakeKubernetes(self.recorder)
        self.aws = FakeAws(self.recorder)
        self.admin = FakeAdmin(self.recorder)
        self.http = FakeHttp()
        self.events = RecordedEvents()
        self.aurora = Aurora(self.clock)
        self.table = Table(self.clock)
        self.parts = {one.__name__.rpartition(".aws_")[2]: one.build(self) for one in PARTS}
        self._answer()
        self._furnish()

    def halt(self, **data):
        """Somebody pulls the lever; `data` is what they write beside."""
        self.kubernetes.seed(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "cloudcafe-halt", "namespace": OPERATOR_NAMESPACE},
                "data": {"halted": "true", **data},
            }
        )

    def _answer(self):
        self.aws.on("rds", "describe_db_clusters", self.aurora.describe)
        self.aws.on("rds", "failover_db_cluster", self.aurora.failover)
        self.aws.on("resourcegroupstaggingapi", "get_resources", self._resources)
        self.aws.on("dynamodb", "describe_table", self.table.describe)
        self.aws.on("dynamodb", "update_table", self.table.update)
        self.http.mount("menu:8080", lambda *_: (200, {"items": [{"sku": "espresso"}]}))
        self.http.mount("order:8080", self._order)

    def _resources(self, ResourceTypeFilters=(), ResourceARNList=(), TagFilters=()):
        kinds = {kind.partition(":")[0] for kind in ResourceTypeFilters}
        found = dict(self.table.tagged())
        for one in self.parts.values():
            found |= getattr(one, "tagged", dict)()
        return {
            "ResourceTagMappingList": [
                {"ResourceARN": arn, "Tags": tags}
                for arn, tags in found.items()
                if (not kinds or arn.split(":")[2] in kinds)
                and (not ResourceARNList or arn in ResourceARNList)
            ]
        }

    def _order(self, method, path, body, headers):
        if self.aurora.status != "available" or self.table.units["WriteCapacityUnits"] < 100:
            return 503, {"title": "the order store does not answer"}
        return (201 if method == "POST" else 200), {"id": "o1", "status": "confirmed"}

    def _furnish(self):
        self.kubernetes.seed(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": NAMESPACE, "labels": dict(OPTED_IN)},
            }
        )
        self.pods = Pods(self.kubernetes, self.admin, NAMESPACE)

    def snapshot(self):
        """All that must be as before: names of replaced pods and writer roles may differ."""
        pods, others = [], {}
        for (_, kind, namespace, name), item in self.kubernetes.objects.items():
            if kind in ("ChaosExperiment", "ChaosRun"):
                continue
            if kind == "Pod":
                pods.append(item["metadata"]["labels"])
            else:
                others[kind, namespace, name] = _plain(item)
        aws = {"aurora": self.aurora.state(), "table": self.table.state()}
        aws |= {name: one.state() for name, one in self.parts.items()}
        return {"pods": pods, "others": others, "aws": aws, "stress": dict(self.pods.stress)}

    def injections(self):
        """How often each fault was put into force, whoever asked."""
        patched = [
            write.target
            for write in self.recorder.writes
            if write.verb == "patch" and write.target.startswith("Pod ") and _labels(write.body)
        ]
        cordoned = [
            write
            for write in self.recorder.writes
            if write.verb == "patch" and write.target.startswith("Node ") and _cordons(write.body)
        ]
        return {
            "auroraFailover": self.aurora.failovers,
            "cpuStress": self.pods.stressed,
            "eksNodeDrain": len(cordoned),
            "dynamodbThrottle": self.table.lowered,
            "podKill": len(self.pods.gone),
            "podPartition": len(patched),
            **{
                name: count
                for one in self.parts.values()
                for name, count in one.injections().items()
            },
        }

    def runs(self):
        """All runs, as stored."""
        return [
            copied(item)
            for (_, kind, _, _), item in self.kubernetes.objects.items()
            if kind == "ChaosRun"
        ]


def _labels(patch):
    return any((patch.get("metadata") or {}).get("labels", {}).values())


def _cordons(patch):
    return bool((patch.get("spec") or {}).get("unschedulable"))


def _plain(item):
    meta = {
        name: value
        for name, value in item["metadata"].items()
        if name not in ("resourceVersion", "uid", "generation")
    }
    return {**item, "metadata": meta}
