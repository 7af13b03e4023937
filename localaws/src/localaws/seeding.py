"""Creates the seeded resources; the gateway calls `sow` before it says that it is ready."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import structlog

from localaws.seeds import seeds

if TYPE_CHECKING:
    from localaws.messages import Request
    from localaws.seed import Seed
    from localaws.world import World

log = structlog.get_logger(__name__)

MADE = (200, 201)
# the services that speak AWS's query protocol
VERSIONS = {"rds": "2014-10-31", "autoscaling": "2011-01-01", "elasticache": "2015-02-02"}


class SeedError(Exception):
    """A seeded resource could not be created: the emulator has changed, nothing else can be."""


async def sow(world: World) -> None:
    """Create what is missing. Idempotent; raises SeedError naming the call that failed."""
    planted, new = 0, True
    for seed in seeds(world.settings):
        if seed.completes and not new:
            continue
        reply = await world.call(request_of(world, seed))
        new = reply.status in MADE
        if new:
            planted += 1
        elif not seed.present or seed.present.encode() not in reply.body:
            text = reply.body[:500].decode(errors="replace")
            raise SeedError(f"{seed.service} {seed.target} answered {reply.status}: {text}")
    log.info("seeded", calls=planted)


def request_of(world: World, seed: Seed) -> Request:
    """The request that such a call is, in the form of its service."""
    if "/" in seed.target:
        method, _, path = seed.target.partition(" ")
        body = json.dumps(seed.parameters).encode()
        return _plain(world.request(seed.service, "", body), method, path)
    if seed.service not in VERSIONS:
        body = json.dumps(seed.parameters).encode()
        return world.request(seed.service, seed.target, body)
    form = {"Action": seed.target, "Version": VERSIONS[seed.service], **seed.parameters}
    body = urlencode(form).encode()
    request = world.request(seed.service, seed.target, body)
    headers = {**request.headers, "content-type": "application/x-www-form-urlencoded"}
    del headers["x-amz-target"]
    raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
    return replace(request, headers=headers, raw_headers=raw)


def _plain(request: Request, method: str, path: str) -> Request:
    """The request of a REST service, whose method and path say what is asked."""
    headers = {**request.headers, "content-type": "application/json"}
    del headers["x-amz-target"]
    raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
    return replace(request, method=method, path=path, headers=headers, raw_headers=raw)
