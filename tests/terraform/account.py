"""What `dev.deploy` calls beside Terraform: an account on AWS, a cluster in it, a Docker engine.

It keeps the rules on which a deploy or a destroy has broken: a command fails on what is not there,
and EKS makes the log group of a cluster that is gone anew.
"""

from __future__ import annotations

import json
from itertools import pairwise

import jmespath

from dev.system import ProblemError

CLUSTER = "cloudcafe"
LOGS = f"/aws/eks/{CLUSTER}/cluster"
CRD = "customresourcedefinition.apiextensions.k8s.io/"
KINDS = (
    "cafestores.cloudcafe.dev",
    "targetgroupbindings.elbv2.k8s.aws",
    "externalsecrets.external-secrets.io",
)
#: GuardDuty's agent is first, and still runs while the task is looked at.
TASKS = {"tasks": [{"containers": [
    {"name": "aws-guardduty-agent-x1"}, {"name": "analytics-worker", "exitCode": 0},
]}]}  # fmt: skip


LOOKS_UNTIL_READ = 3


def external_secret(read_at):
    """Ready, as it is all the time, and read last at this time."""
    ready = [{"type": "Ready", "status": "True"}]
    status = {"refreshTime": read_at, "conditions": ready}
    return {"metadata": {"name": "services"}, "status": status}


class Account:
    """`clusters` are states by name, `kinds` the definitions in the cluster."""

    def __init__(self, *, clusters=None, groups=(), kinds=KINDS, tasks=TASKS, engine="amd64"):
        self.clusters = dict(clusters or {})
        self.synced = []  # values of the annotation by which secrets were to be read again
        self.looks = 0
        self.groups, self.kinds, self.tasks, self.engine = set(groups), kinds, tasks, engine

    def applied(self):
        self.clusters[CLUSTER] = "ACTIVE"
        self.groups.add(LOGS)

    def destroyed(self):
        self.clusters.clear()
        self.groups.add(LOGS)  # Terraform deleted it; EKS had more to say

    def answer(self, *words):
        words = tuple(map(str, words))
        if words[0] == "aws":
            return self._aws(words, dict(pairwise(words)))
        match words:
            case ("docker", "version", *_):
                return f"{self.engine}\n"
            case ("curl", *_):
                return "-----BEGIN CERTIFICATE-----"
            case ("kubectl", "get", "customresourcedefinitions", *_):
                return "\n".join(f"{CRD}{kind}" for kind in self.kinds)
            case ("kubectl", "annotate", "externalsecrets", *_):
                self.synced.append(next(word for word in words if word.startswith("force-sync=")))
                self.looks = 0
            case ("kubectl", "get", "externalsecrets", *_):
                self.looks += 1
                obeyed = self.synced if self.looks > LOOKS_UNTIL_READ else self.synced[:-1]
                return json.dumps({"items": [external_secret(f"read {len(set(obeyed))}")]})
            case ("kubectl", "delete", kind, *_) if "." in kind and kind not in self.kinds:
                raise ProblemError(f'the server doesn\'t have a resource type "{kind}"')
        return ""

    def _aws(self, words, option):
        match words[1:3]:
            case ("eks", "list-clusters"):
                return json.dumps(sorted(self.clusters))
            case ("eks", "describe-cluster" | "update-kubeconfig"):
                return self._cluster(option["--name"])
            case ("logs", "describe-log-groups"):
                prefix = option["--log-group-name-prefix"]
                return json.dumps([name for name in self.groups if name.startswith(prefix)])
            case ("logs", "delete-log-group"):
                self.groups.remove(option["--log-group-name"])
            case ("ecs", "describe-tasks"):
                found = jmespath.search(option["--query"], self.tasks)
                return "None" if found is None else f"{found}\n"
        return ""

    def _cluster(self, name):
        if self.clusters.get(name) not in ("ACTIVE", "UPDATING", "DELETING"):
            raise ProblemError(f"ResourceNotFoundException: No cluster found for name: {name}.")
        return self.clusters[name]
