"""The Resource Groups Tagging API over both emulators.

Each emulator knows the tags of its own resources; AWS has one API for all. The gateway hands
every `tagging` request here. GetResources, GetTagKeys and GetTagValues are merged; the writing
calls are split by who holds the ARN.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localaws.messages import Reply, Request, json_reply
from localaws.routing import MOTO_SERVICES

if TYPE_CHECKING:
    from localaws.emulators.ministack import Ministack
    from localaws.emulators.moto import Moto

OK = 200
MERGED = {
    "GetResources": "ResourceTagMappingList",
    "GetTagKeys": "TagKeys",
    "GetTagValues": "TagValues",
}
WRITING = frozenset({"TagResources", "UntagResources"})


class Tagging:
    """Answers `tagging` requests; moto is only asked when it holds anything."""

    def __init__(self, ministack: Ministack, moto: Moto) -> None:
        self._ministack = ministack
        self._moto = moto

    async def call(self, request: Request) -> Reply:
        """Merge or split, by the operation."""
        if not self._moto.used:
            return await self._ministack.call(request)
        if request.action in MERGED:
            return await self._merged(request, MERGED[request.action])
        if request.action in WRITING:
            return await self._split(request)
        return await self._ministack.call(request)

    async def _merged(self, request: Request, member: str) -> Reply:
        """All pages in one: ministack does not page, so a token never leaves this gateway."""
        first = await self._ministack.call(request)
        if first.status != OK:
            return first
        document = json.loads(first.body)
        found: list[Any] = document[member]
        asked = json.loads(request.body)
        while True:
            page = await self._moto.call(request.with_body(json.dumps(asked).encode()))
            if page.status != OK:
                return page
            more = json.loads(page.body)
            found.extend(entry for entry in more[member] if entry not in found)
            token = more.get("PaginationToken")
            if not token:
                return json_reply(document, version="1.1")
            asked["PaginationToken"] = token

    async def _split(self, request: Request) -> Reply:
        asked = json.loads(request.body)
        arns = asked.get("ResourceARNList", [])
        failed: dict[str, Any] = {}
        of_moto = [arn for arn in arns if _service(arn) in MOTO_SERVICES]
        rest = [arn for arn in arns if arn not in of_moto]
        for emulator, part in ((self._moto, of_moto), (self._ministack, rest)):
            if part:
                body = json.dumps({**asked, "ResourceARNList": part}).encode()
                reply = await emulator.call(request.with_body(body))
                if reply.status != OK:
                    return reply
                failed.update(json.loads(reply.body).get("FailedResourcesMap", {}))
        return json_reply({"FailedResourcesMap": failed}, version="1.1")


def _service(arn: object) -> str:
    parts = arn.split(":") if isinstance(arn, str) else []
    return parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 - arn:partition:service
