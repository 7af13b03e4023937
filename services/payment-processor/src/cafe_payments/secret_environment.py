"""Secrets of the Lambda's environment: named there, read when it starts.

`CAFE_SERVICE_TOKEN_SECRET=<arn>` gives `CAFE_SERVICE_TOKEN`: so neither Terraform's state nor the
function's configuration holds a secret. The container has its secrets from Kubernetes.
"""

import asyncio
from collections.abc import Callable, MutableMapping

from cafe_kit.aws import Aws
from cafe_kit.settings import PREFIX

SUFFIX = "_SECRET"


def fill(environment: MutableMapping[str, str], read: Callable[[str], str]) -> None:
    """Give each variable whose secret is named its value, unless it has one."""
    named = [name for name in environment if name.startswith(PREFIX) and name.endswith(SUFFIX)]
    for name in named:
        wanted = name.removesuffix(SUFFIX)
        if wanted not in environment:
            environment[wanted] = read(environment[name])


def read_secret(region: str) -> Callable[[str], str]:
    """Return what reads a secret's text by its ARN."""

    def read(arn: str) -> str:
        return asyncio.run(_read(region, arn))

    return read


async def _read(region: str, arn: str) -> str:
    aws = Aws(region, threads=1)
    try:
        answer = await aws.call("secretsmanager", "get_secret_value", SecretId=arn)
    finally:
        await aws.close()
    return str(answer["SecretString"])
