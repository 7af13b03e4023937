"""`python -m dev.deploy up|down|secrets ENV`: an environment on AWS, whole, and away again.

Called by `make deploy ENV=dev` and `make destroy ENV=dev`. Each step says what it does; those
marked [AWS] need an account and credentials, and have been rehearsed up to their commands only
(`--print` shows these and runs nothing). Terraform's plan is shown and confirmed before each apply.

    up:      package → plan, apply → images to ECR → plan, apply with their tags → controllers and
             secrets → chart (which migrates the order's schema) → analytics' schema → validate
    down:    chart → what its controllers left → plan, destroy → sweep by tag
    secrets: Secrets Manager into the cluster at once, after a rotation
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dev.deploy_manifests import manifests
from dev.steps import say, step
from dev.system import LOCAL, ROOT, ProblemError, main, show
from dev.system import run as run_program
from dev.terraform.lambda_zip import build as build_package

ENVIRONMENTS = ("dev", "prod")
NAMESPACE = "cloudcafe"
PART = "cloudcafe.dev/part-of"
CHART = ROOT / "charts" / "cloudcafe"
#: Pinned; both are installed from where their projects publish them.
CONTROLLERS = {
    "aws-load-balancer-controller": (
        "kube-system", "https://aws.github.io/eks-charts", "1.14.0",
        ("enableShield=false", "enableWaf=false", "enableWafv2=false",
         "enableBackendSecurityGroup=false", "serviceAccount.name=aws-load-balancer-controller"),
    ),
    "external-secrets": (
        "external-secrets", "https://charts.external-secrets.io", "0.19.2",
        ("serviceAccount.name=external-secrets",),
    ),
}  # fmt: skip


@dataclass
class Deployment:
    """One environment, and how its commands are run."""

    environment: str
    bucket: str
    region: str = "eu-west-1"
    rehearse: bool = False
    yes: bool = False
    commands: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where its Terraform is."""
        return ROOT / "terraform" / "envs" / self.environment

    @property
    def kubeconfig(self) -> Path:
        """Of its cluster."""
        return LOCAL / "deploy" / f"{self.environment}.kubeconfig"

    def call(self, *words: str | Path, text: str | None = None, cwd: Path = ROOT) -> str:
        """Run a program, or only say how it would be called."""
        line = shlex.join([str(word) for word in words])
        self.commands.append(line)
        if self.rehearse:
            print(line)
            return ""
        return run_program(*words, cwd=cwd, text=text)

    def terraform(self, *words: str) -> None:
        """Run Terraform in sight of the reader."""
        self.commands.append(shlex.join(["terraform", *words]))
        if self.rehearse:
            print(self.commands[-1])
        elif show("terraform", *words, cwd=self.folder) != 0:
            raise ProblemError(f"terraform {words[0]} failed; what it said is above")

    def confirmed(self, question: str) -> None:
        """Go on only if somebody says so."""
        if self.yes or self.rehearse:
            return
        if not sys.stdin.isatty():
            raise ProblemError(f"{question} Nobody can answer here: use --yes if you mean it")
        if input(f"{question} [yes/no] ") != "yes":
            raise ProblemError("stopped, nothing was changed by this step")

    def outputs(self) -> dict[str, Any]:
        """Return what Terraform says of the environment."""
        answer = self.call("terraform", "output", "-json", cwd=self.folder)
        if self.rehearse:
            return dict(json.loads((ROOT / "tests/terraform/deploy.json").read_text()))
        return dict(json.loads(answer))


def up(to: Deployment) -> None:
    """Make it, or bring it up to date."""
    if not to.rehearse:
        build_package()
    _initialise(to)
    _apply(to)  # [AWS] first without images: their repositories are made here
    tags = _push(to)
    (to.folder / "images.auto.tfvars.json").write_text(json.dumps({"image_tags": tags}, indent=2))
    _apply(to)  # [AWS] now what runs outside of the cluster
    outputs = to.outputs()
    _enter(to, outputs)
    _controllers(to, outputs)
    _chart(to, outputs)
    _migrate_analytics(to, outputs)
    _validate(to)


def down(to: Deployment) -> None:
    """Take it away, in the order in which things depend on each other."""
    _initialise(to)
    outputs = to.outputs()
    _enter(to, outputs)
    # bindings first: while one is there, its controller must be, to take addresses out of targets
    for kind in ("targetgroupbindings.elbv2.k8s.aws", "externalsecrets.external-secrets.io"):
        to.call(*_kubectl(to), "delete", kind, "--all", "-n", NAMESPACE, "--ignore-not-found")
    for release, place in [("cloudcafe", NAMESPACE), *((n, c[0]) for n, c in CONTROLLERS.items())]:
        to.call(*_helm(to), "uninstall", release, "-n", place, "--ignore-not-found", "--wait")
    to.terraform("plan", "-destroy", "-out=destroy.tfplan")
    to.confirmed(f"Destroy {to.environment} as shown?")
    to.terraform("apply", "destroy.tfplan")
    sweep(to)


def secrets(to: Deployment) -> None:
    """[AWS] Read all secrets again and restart who uses them: after a rotation or a leak."""
    _initialise(to)
    _enter(to, to.outputs())
    now = "force-sync=now"
    to.call(
        *_kubectl(to), "annotate", "externalsecrets", "--all", "-n", NAMESPACE, now, "--overwrite"
    )
    to.call(
        *_kubectl(to), "wait", "externalsecrets", "--all", "-n", NAMESPACE, "--for=condition=Ready"
    )
    to.call(*_kubectl(to), "rollout", "restart", "deployment", "-n", NAMESPACE)


def sweep(to: Deployment) -> list[str]:
    """[AWS] List what still carries our tag; keys and secrets that wait for their end are told."""
    answer = to.call(
        *("aws", "resourcegroupstaggingapi", "get-resources", "--region", to.region),
        *("--tag-filters", f"Key={PART},Values=cloudcafe", "--output", "json"),
    )
    found = json.loads(answer or '{"ResourceTagMappingList": []}')["ResourceTagMappingList"]
    left = sorted(one["ResourceARN"] for one in found)
    for arn in left:
        print(f"left: {arn}")
    say(f"{len(left)} resources still carry {PART}=cloudcafe")
    return left


def _initialise(to: Deployment) -> None:
    to.terraform(
        *("init", "-input=false", "-reconfigure"),
        *(f"-backend-config=bucket={to.bucket}", f"-backend-config=region={to.region}"),
    )


def _apply(to: Deployment) -> None:
    to.terraform("plan", "-input=false", "-out=apply.tfplan")
    to.confirmed(f"Apply this plan to {to.environment}?")
    to.terraform("apply", "apply.tfplan")


def _push(to: Deployment) -> dict[str, str]:
    """[AWS] Push what ECR lacks; tags are digests of sources, so what is there is the same."""
    repositories = to.outputs()["deploy"]["value"]["repositories"]
    if to.rehearse:
        local = {name: f"cloudcafe/{name}:rehearsed" for name in repositories}
    else:
        from dev.images.build import build  # noqa: PLC0415 - starts Docker, which `down` lacks

        local = build(sorted(repositories))
    registry = next(iter(repositories.values())).partition("/")[0]
    password = to.call("aws", "ecr", "get-login-password", "--region", to.region)
    to.call("docker", "login", "--username", "AWS", "--password-stdin", registry, text=password)
    tags = {}
    for name, repository in sorted(repositories.items()):
        tags[name] = local[name].rpartition(":")[2]
        target = f"{repository}:{tags[name]}"
        if not to.rehearse and _is_pushed(name, tags[name], to.region):
            continue
        with step(f"push {target}"):
            to.call("docker", "tag", local[name], target)
            to.call("docker", "push", "--quiet", target)
    return tags


def _is_pushed(name: str, tag: str, region: str) -> bool:
    from dev.system import succeeds  # noqa: PLC0415 - only here

    return succeeds(
        *("aws", "ecr", "describe-images", "--region", region),
        *("--repository-name", f"cloudcafe/{name}", "--image-ids", f"imageTag={tag}"),
    )


def _enter(to: Deployment, outputs: dict[str, Any]) -> None:
    """[AWS] Get a kubeconfig; from outside of the VPC only where kubernetes_cidrs allow it."""
    to.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    cluster = outputs["deploy"]["value"]["cluster"]
    to.call(
        *("aws", "eks", "update-kubeconfig", "--region", to.region, "--name", cluster),
        *("--kubeconfig", to.kubeconfig),
    )


def _controllers(to: Deployment, outputs: dict[str, Any]) -> None:
    """[AWS] Install both controllers, then what they are to look after."""
    value = outputs["deploy"]["value"]
    for name, (namespace, repository, version, settings) in CONTROLLERS.items():
        own = settings
        if name == "aws-load-balancer-controller":
            more = (f"clusterName={value['cluster']}", f"vpcId={value['vpc_id']}")
            own = (*settings, *more, f"region={to.region}")
        to.call(
            *(*_helm(to), "upgrade", "--install", name, name, "--repo", repository),
            *("--version", version, "-n", namespace, "--create-namespace", "--wait"),
            *(word for setting in own for word in ("--set", setting)),
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
        *manifests(value, to.region, NAMESPACE),
    ]
    to.call(*_kubectl(to), "apply", "-f", "-", text=yaml.safe_dump_all(made))
    to.call(
        *(*_kubectl(to), "wait", "externalsecrets", "--all", "-n", NAMESPACE),
        *("--for=condition=Ready", "--timeout=120s"),
    )


def _chart(to: Deployment, outputs: dict[str, Any]) -> None:
    """[AWS] Install the chart with what Terraform says; its Jobs migrate the order's schema."""
    from cafectl.values import values  # noqa: PLC0415 - not needed to destroy

    file = LOCAL / "deploy" / f"values-{to.environment}.yaml"
    file.write_text(yaml.safe_dump(values(outputs), sort_keys=False))
    to.call(
        *(*_helm(to), "upgrade", "--install", "cloudcafe", CHART, "-n", NAMESPACE, "-f", file),
        *("--wait", "--timeout", "15m"),
    )


def _migrate_analytics(to: Deployment, outputs: dict[str, Any]) -> None:
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
            {"name": "analytics-worker", "command": ["python", "-m", "cafe_analytics.migrate"]}
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
        *("--query", "tasks[0].containers[0].exitCode", "--output", "text"),
    ).strip()
    if not to.rehearse and code != "0":
        raise ProblemError(
            f"the analytics migration ended with {code}; see /cloudcafe/analytics-worker"
        )


def _validate(to: Deployment) -> None:
    """[AWS] Every deployment is there, and somebody buys a coffee."""
    to.call(
        *(*_kubectl(to), "wait", "deployment", "--all", "-n", NAMESPACE),
        *("--for=condition=Available", "--timeout=300s"),
    )
    to.call(*_helm(to), "test", "cloudcafe", "-n", NAMESPACE, "--logs")


def _helm(to: Deployment) -> tuple[str | Path, ...]:
    from dev.tools import tool  # noqa: PLC0415 - compiles it

    return ("helm" if to.rehearse else tool("helm"), "--kubeconfig", to.kubeconfig)


def _kubectl(to: Deployment) -> tuple[str | Path, ...]:
    from dev.tools import tool  # noqa: PLC0415 - compiles it

    return ("kubectl" if to.rehearse else tool("kubectl"), "--kubeconfig", to.kubeconfig)


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.deploy", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "secrets", "sweep"])
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("--bucket", required=True, help="of terraform/bootstrap")
    parser.add_argument("--region", default="eu-west-1")
    parser.add_argument("--print", action="store_true", dest="rehearse", help="run nothing")
    parser.add_argument("--yes", action="store_true", help="apply what is shown without asking")
    given = parser.parse_args()
    to = Deployment(
        given.environment, given.bucket, given.region, rehearse=given.rehearse, yes=given.yes
    )
    {"up": up, "down": down, "secrets": secrets, "sweep": sweep}[given.command](to)


if __name__ == "__main__":
    main(_command)
