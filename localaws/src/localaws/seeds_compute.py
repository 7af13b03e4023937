"""What computes, as data: the function that takes payments. `seeds.seeds` puts it to the others."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import TYPE_CHECKING

from localaws.seed import TAGS, Seed
from localaws.settings import ACCOUNT

if TYPE_CHECKING:
    from localaws.settings import Settings

RESERVED = 20


def compute(_settings: Settings) -> list[Seed]:
    """All calls, in the order in which they depend on each other."""
    return _function("cloudcafe-payment-processor")


def _function(name: str) -> list[Seed]:
    """A function that is never run here: its code serves in a container of the chart."""
    function = {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "Handler": "cafe_payments.lambda_handler.handler",
        "Code": {"ZipFile": _no_code()},
        "Tags": TAGS,
    }
    reserved = {"ReservedConcurrentExecutions": RESERVED}
    path = f"/2017-10-31/functions/{name}/concurrency"
    return [
        Seed("lambda", "POST /2015-03-31/functions", function, "ResourceConflictException"),
        Seed("lambda", f"PUT {path}", reserved, completes=True),
    ]


def _no_code() -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("README", "The container payment-processor is this function.")
    return base64.b64encode(packed.getvalue()).decode()
