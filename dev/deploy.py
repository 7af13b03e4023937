"""`python -m dev.deploy up|down|secrets ENV`: an environment on AWS, whole, and away again.

Called by `make deploy ENV=dev` and `make destroy ENV=dev`. Each step says what it does; those
marked [AWS] need an account and credentials, and have been rehearsed up to their commands only
(`--print` shows these and runs nothing). Terraform's plan is shown and confirmed before each apply.

    up:      package → plan, apply → images to ECR → plan, apply with their tags → controllers and
             secrets → chart (which migrates the order's schema) → analytics' schema → pages →
             validate
    down:    runs and stores → what its controllers made → chart, controllers → plan, destroy →
             sweep by tag; what is not there (any more) is passed over
    secrets: Secrets Manager into the cluster at once, and all restarted: after a leak
"""

from __future__ import annotations

import argparse
import json
import platform
from functools import partial
from typing import Any

from dev.deploy_cluster import (
    CONTROLLERS,
    NAMESPACE,
    chart,
    controllers,
    enter,
    helm,
    kubectl,
    migrate_analytics,
    read_secrets_again,
    validate,
)
from dev.deploy_remains import cluster_logs, remove, stands, strays
from dev.deployment import Deployment
from dev.kind.engine import ensure_engine
from dev.operator import DEFINITIONS, farewell
from dev.steps import say, step
from dev.system import ROOT, ProblemError, main, succeeds
from dev.terraform.lambda_zip import PACKAGE
from dev.terraform.lambda_zip import build as build_package

ENVIRONMENTS = ("dev", "prod")
PART = "cloudcafe.dev/part-of"
TAGS = "images.auto.tfvars.json"
#: What is for guests; the staff's board is served by the storefront itself.
PAGES = ROOT / "services/storefront/src/cafe_storefront/pages/shop"
#: Of nodes, spares and Fargate, as Docker and as Python name it.
ARCHITECTURE = ("amd64", "x86_64")
#: What the controllers made, by its definition: one that was never installed knows no such kind.
MADE_BY_CONTROLLERS = (
    "targetgroupbindings.elbv2.k8s.aws",
    "externalsecrets.external-secrets.io",
)


def up(to: Deployment) -> None:
    """Make it, or bring it up to date."""
    _refuse_other_machines(to)
    if not to.rehearse:
        build_package()
    _initialise(to)
    if not (to.folder / TAGS).exists():  # a clone that never deployed: what runs must go on
        values = to.outputs().get("chart_values", {"value": {}})["value"]
        _write_tags(to, values.get("image_tags", {}))
    _apply(to)  # [AWS] first without images: their repositories are made here
    _write_tags(to, _push(to))
    _apply(to)  # [AWS] now what runs outside of the cluster
    outputs = to.outputs()
    enter(to, outputs)
    controllers(to, outputs)
    chart(to, outputs)
    migrate_analytics(to, outputs)
    pages(to, outputs)
    validate(to)


def pages(to: Deployment, outputs: dict[str, Any]) -> None:
    """[AWS] Put the public pages into CloudFront's bucket, once what they call is there."""
    value = outputs["deploy"]["value"]
    to.call(
        *("aws", "s3", "sync", PAGES, f"s3://{value['bucket']}", "--region", to.region),
        # CloudFront asks again, so a page and its scripts are of one release
        *("--delete", "--cache-control", "no-cache"),
    )
    to.call(
        *("aws", "cloudfront", "create-invalidation", "--paths", "/*"),
        *("--distribution-id", value["distribution_id"]),
    )


def down(to: Deployment) -> None:
    """Take it away, in the order in which things depend on each other."""
    if not (to.rehearse or PACKAGE.exists()):
        build_package()  # a plan reads it, one to destroy too
    _initialise(to)
    outputs = to.outputs()
    if stands(to, outputs):
        enter(to, outputs)
        _empty(to)
    else:
        say("there is no cluster to empty")
    logs = cluster_logs(_plan(to, "destroy.tfplan", "-destroy"), "delete")
    to.confirmed(f"Destroy {to.environment} as shown?")
    to.terraform("apply", "destroy.tfplan")
    remove(to, strays(to, logs))
    sweep(to)


def _empty(to: Deployment) -> None:
    """[AWS] Take out of the cluster what Terraform does not know of."""
    farewell(partial(to.call, *kubectl(to)), rehearse=to.rehearse)
    known = to.call(*kubectl(to), *DEFINITIONS)
    # bindings next: while one is there, its controller must be, to take addresses out of targets
    for kind in MADE_BY_CONTROLLERS:
        if to.rehearse or f"/{kind}" in known:
            to.call(*kubectl(to), "delete", kind, "--all", "-n", NAMESPACE, "--ignore-not-found")
    for release, place in [("cloudcafe", NAMESPACE), *((n, c[0]) for n, c in CONTROLLERS.items())]:
        to.call(*helm(to), "uninstall", release, "-n", place, "--ignore-not-found", "--wait")


def secrets(to: Deployment) -> None:
    """[AWS] Read all secrets again and restart who uses them: after a leak, not a rotation."""
    _initialise(to)
    enter(to, to.outputs())
    with step("secrets read again"):
        read_secrets_again(to)
    to.call(*kubectl(to), "rollout", "restart", "deployment", "-n", NAMESPACE)


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


def _plan(to: Deployment, file: str, *how: str) -> dict[str, Any]:
    """Save a plan and return it; one for another Region than what is called beside it is refused.

    terraform.tfvars says more than we do.
    """
    to.terraform("plan", *how, "-input=false", f"-out={file}")
    plan = dict(json.loads(to.call("terraform", "show", "-json", file, cwd=to.folder) or "{}"))
    region = plan.get("variables", {}).get("region", {}).get("value", to.region)
    if region != to.region:
        raise ProblemError(
            f"Terraform's variables of {to.environment} say {region}, and this was asked for"
            f" {to.region}: say REGION={region} (--region), or change them"
        )
    return plan


def _write_tags(to: Deployment, tags: dict[str, str]) -> None:
    """Tell Terraform what has been pushed: without it, what runs outside of the cluster goes."""
    if tags and not to.rehearse:
        (to.folder / TAGS).write_text(json.dumps({"image_tags": tags}, indent=2))


def _apply(to: Deployment) -> None:
    left = strays(to, cluster_logs(_plan(to, "apply.tfplan"), "create"))
    for name in left:
        say(
            f"{name} was left by a cluster that is gone, and is deleted before this plan is applied"
        )
    to.confirmed(f"Apply this plan to {to.environment}?")
    remove(to, left)
    to.terraform("apply", "apply.tfplan")


def _refuse_other_machines(to: Deployment) -> None:
    """Refuse to build for another machine than AWS's: tags stay for ever, whatever was pushed."""
    if to.rehearse:
        return
    ensure_engine()
    engine = to.call("docker", "version", "--format", "{{.Server.Arch}}").strip()
    for what, found in (("this machine", platform.machine()), ("its Docker engine", engine)):
        if found.lower() not in ARCHITECTURE:
            raise ProblemError(
                f"{what} is {found}: images are of the machine that builds them, and on AWS they"
                " run on x86-64 alone; deploy from such a machine (destroy works from any)"
            )


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
    return succeeds(
        *("aws", "ecr", "describe-images", "--region", region),
        *("--repository-name", f"cloudcafe/{name}", "--image-ids", f"imageTag={tag}"),
    )


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
