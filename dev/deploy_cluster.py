"""What `dev.deploy` does in an environment's cluster, by kubectl and helm.

[AWS] All of it needs the EKS cluster that Terraform made; rehearsed up to the commands.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import yaml

from dev.deploy_manifests import authorities, manifests
from dev.deployment import Deployment
from dev.operator import OVER_THE_OPERATOR
from dev.system import LOCAL, ROOT, ProblemError, wait_until

NAMESPACE = "cloudcafe"
CHART = ROOT / "charts" / "cloudcafe"
#: Of the authorities that sign for Aurora and DocumentDB.
CERTIFICATES = "https://truststore.pki.rds.amazonaws.com/{0}/{0}-bundle.pem"
#: The container that migrates, in its task: GuardDuty puts one of its own beside it.
WORKER = "analytics-worker"
_REREAD_S = 120
#: Pinned; all are installed from where their projects publish them, the one that makes room first.
CONTROLLERS = {
    "cluster-autoscaler": (
        "kube-system", "https://kubernetes.github.io/autoscaler", "9.59.0",
        # the cluster's own minor version; pods' empty folders and EKS's add-ons keep no node alive
        ("image.tag=v1.36.1", "autoDiscovery.clusterName={cluster}", "awsRegion={region}",
         "rbac.serviceAccount.name=cluster-autoscaler", "resources.requests.cpu=100m",
         "extraArgs.skip-nodes-with-local-storage=false",
         "extraArgs.skip-nodes-with-system-pods=false"),
    ),
    "aws-load-balancer-controller": (
        "kube-system", "https://aws.github.io/eks-charts", "1.14.0",
        ("enableShield=false", "enableWaf=false", "enableWafv2=false",
         "enableBackendSecurityGroup=false", "serviceAccount.name=aws-load-balancer-controller",
         "clusterName={cluster}", "vpcId={vpc_id}", "region={region}"),
    ),
    "external-secrets": (
        "external-secrets", "https://charts.external-secrets.io", "0.19.2",
        ("serviceAccount.name=external-secrets",),
    ),
}  # fmt: skip


def enter(to: Deployment, outputs: dict[str, Any]) -> None:
    """[AWS] Get a kubeconfig; from outside of the VPC only where kubernetes_cidrs allow it."""
    if "deploy" not in outputs:
        raise ProblemError(f"{to.environment} has no output `deploy`: `make deploy` comes first")
    to.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    cluster = outputs["deploy"]["value"]["cluster"]
    to.call(
        *("aws", "eks", "update-kubeconfig", "--region", to.region, "--name", cluster),
        *("--kubeconfig", to.kubeconfig),
    )


def controllers(to: Deployment, outputs: dict[str, Any]) -> None:
    """[AWS] Install the controllers, then what they are to look after."""
    value = outputs["deploy"]["value"]
    here = {"cluster": value["cluster"], "vpc_id": value["vpc_id"], "region": to.region}
    for name, (namespace, repository, version, settings) in CONTROLLERS.items():
        to.call(
            *(*helm(to), "upgrade", "--install", name, name, "--repo", repository),
            *("--version", version, "-n", namespace, "--create-namespace", "--wait"),
            *(word for setting in settings for word in ("--set", setting.format(**here))),
        )
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    if to.environment == "dev":
        labels["cloudcafe.dev/chaos"] = "allowed"
    made = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": labels},
        },
        authorities(_certificates(to), NAMESPACE),
        *manifests(value, to.region, NAMESPACE),
    ]
    to.call(*kubectl(to), "apply", "-f", "-", text=yaml.safe_dump_all(made))
    to.call(
        *(*kubectl(to), "wait", "externalsecrets", "--all", "-n", NAMESPACE),
        *("--for=condition=Ready", "--timeout=120s"),
    )


def read_secrets_again(to: Deployment) -> None:
    """[AWS] Have External Secrets read Secrets Manager now, and wait until it has read all.

    It goes by an annotation that changed. Being Ready says only that it could read some time ago.
    """
    before = _read_at(to)
    now = f"force-sync={int(time.time())}"
    to.call(
        *kubectl(to), "annotate", "externalsecrets", "--all", "-n", NAMESPACE, now, "--overwrite"
    )

    def read() -> bool:
        after = _read_at(to)
        return all(after.get(name) not in (None, at) for name, at in before.items())

    wait_until(read, "the secrets to be read again", _REREAD_S)


def _read_at(to: Deployment) -> dict[str, str | None]:
    """Return when each external secret was read last."""
    answer = to.call(*kubectl(to), "get", "externalsecrets", "-n", NAMESPACE, "-o", "json")
    items = json.loads(answer or '{"items": []}')["items"]
    return {one["metadata"]["name"]: one.get("status", {}).get("refreshTime") for one in items}


def _certificates(to: Deployment) -> str:
    found = to.call("curl", "--fail", "--silent", "--show-error", CERTIFICATES.format(to.region))
    if not to.rehearse and "BEGIN CERTIFICATE" not in found:
        raise ProblemError(f"{CERTIFICATES.format(to.region)} gave no certificates")
    return found


def chart(to: Deployment, outputs: dict[str, Any]) -> None:
    """[AWS] Install the chart with what Terraform says; its Jobs migrate the order's schema."""
    from cafectl.values import values  # noqa: PLC0415 - not needed to destroy

    file = LOCAL / "deploy" / f"values-{to.environment}.yaml"
    file.write_text(yaml.safe_dump(values(outputs), sort_keys=False))
    to.call(
        *(*helm(to), "upgrade", "--install", "cloudcafe", CHART, "-n", NAMESPACE, "-f", file),
        *(*OVER_THE_OPERATOR, "--wait", "--timeout", "15m"),
    )


def migrate_analytics(to: Deployment, outputs: dict[str, Any]) -> None:
    """[AWS] Run cafe_analytics.migrate once, as a task of the worker's own definition."""
    value = outputs["deploy"]["value"]
    network = {
        "awsvpcConfiguration": {
            "subnets": value["analytics_subnets"],
            "securityGroups": [value["analytics_group"]],
        }
    }
    override = {
        "containerOverrides": [
            {"name": WORKER, "command": ["python", "-m", "cafe_analytics.migrate"]}
        ]
    }
    task = to.call(
        *("aws", "ecs", "run-task", "--region", to.region, "--cluster", value["ecs_cluster"]),
        *("--task-definition", str(value["analytics_task"]), "--launch-type", "FARGATE"),
        *("--network-configuration", json.dumps(network), "--overrides", json.dumps(override)),
        *("--query", "tasks[0].taskArn", "--output", "text"),
    ).strip()
    to.call(
        *("aws", "ecs", "wait", "tasks-stopped", "--region", to.region),
        *("--cluster", value["ecs_cluster"], "--tasks", task or "TASK"),
    )
    code = to.call(
        *("aws", "ecs", "describe-tasks", "--region", to.region, "--tasks", task or "TASK"),
        *("--cluster", value["ecs_cluster"]),
        *("--query", f"tasks[0].containers[?name=='{WORKER}'].exitCode | [0]", "--output", "text"),
    ).strip()
    if not to.rehearse and code != "0":
        raise ProblemError(f"the analytics migration ended with {code}; see /cloudcafe/{WORKER}")


def validate(to: Deployment) -> None:
    """[AWS] Every deployment is there, and somebody buys a coffee."""
    to.call(
        *(*kubectl(to), "wait", "deployment", "--all", "-n", NAMESPACE),
        *("--for=condition=Available", "--timeout=300s"),
    )
    to.call(*helm(to), "test", "cloudcafe", "-n", NAMESPACE, "--logs")


def helm(to: Deployment) -> tuple[str | Path, ...]:
    """Return how Helm is called for this environment."""
    from dev.tools import tool  # noqa: PLC0415 - compiles it

    return ("helm" if to.rehearse else tool("helm"), "--kubeconfig", to.kubeconfig)


def kubectl(to: Deployment) -> tuple[str | Path, ...]:
    """Return how kubectl is called for this environment."""
    from dev.tools import tool  # noqa: PLC0415 - compiles it

    return ("kubectl" if to.rehearse else tool("kubectl"), "--kubeconfig", to.kubeconfig)
